"""Diffusion on the cosine schedule: formulas, and what DDIM does where the answer is known."""

import math

import pytest
import torch

from openfloat.flow.diffusion import Diffusion, Target, cosine_alphas


def test_the_schedule_is_the_cosine_until_its_last_step() -> None:
    alphas = cosine_alphas(500)
    share = torch.arange(1, 500, dtype=torch.float64) / 500
    wanted = (
        torch.cos((share + 0.008) / 1.008 * math.pi / 2) / math.cos(0.008 / 1.008 * math.pi / 2)
    ) ** 2
    torch.testing.assert_close(alphas[:-1], wanted, rtol=1e-9, atol=0)
    assert alphas[-1] == pytest.approx(float(alphas[-2]) * 0.001)
    assert (alphas.diff() < 0).all()
    with pytest.raises(ValueError, match="less than 1"):
        cosine_alphas(0)


@pytest.mark.parametrize("target", ["epsilon", "x0"])
def test_a_perfect_denoiser_of_one_point_leads_to_it_from_any_noise(target: Target) -> None:
    diffusion = Diffusion(target=target)
    point = torch.tensor([2.0, -1.0, 0.5], dtype=torch.float64)
    alphas = cosine_alphas(500)

    def denoise(t: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        alpha = alphas[round(float(t) * 500)]
        return point if target == "x0" else (x - alpha.sqrt() * point) / (1 - alpha).sqrt()

    for evaluations in (1, 7, 50, 500):
        noise = torch.randn(4, 3, dtype=torch.float64)
        found = diffusion.ddim(denoise, noise, evaluations)
        torch.testing.assert_close(found, point.expand(4, 3), rtol=1e-9, atol=1e-9)


def test_ddim_of_standard_normal_data_is_a_product_of_cosines() -> None:
    """The best guess of the noise is sqrt(1 - alpha) x, so each step scales x by a known factor."""
    alphas = cosine_alphas(500)
    visited = [10 * i for i in reversed(range(50))]
    after = [*(alphas[k] for k in visited[1:]), torch.tensor(1.0)]
    factor = math.prod(
        float((alphas[k] * b).sqrt() + ((1 - alphas[k]) * (1 - b)).sqrt())
        for k, b in zip(visited, after, strict=True)
    )

    def denoise(t: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return (1 - alphas[round(float(t) * 500)]).sqrt() * x

    noise = torch.randn(10, dtype=torch.float64)
    found = Diffusion(target="epsilon").ddim(denoise, noise)
    torch.testing.assert_close(found, factor * noise, rtol=1e-9, atol=1e-9)
    assert 0.95 < factor < 1


def test_a_noisy_point_is_undone_by_its_own_target() -> None:
    data, noise = torch.randn(2, 3, 5, 4, dtype=torch.float64)
    k = torch.tensor([0, 200, 480])
    for target in ("epsilon", "x0"):
        diffusion = Diffusion(target=target)  # type: ignore[arg-type]
        sample = diffusion.noisy(data, noise, k)
        for row, step in enumerate(k):
            alpha = cosine_alphas(500)[step]
            found = diffusion.both(sample.target[row], sample.x_t[row], alpha)
            torch.testing.assert_close(found[0], data[row], rtol=1e-6, atol=1e-6)
            torch.testing.assert_close(found[1], noise[row], rtol=1e-6, atol=1e-6)
        assert torch.equal(sample.target, noise if target == "epsilon" else data)


def test_more_evaluations_than_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="not between 1 and 500"):
        Diffusion(target="x0").ddim(lambda _, x: x, torch.zeros(2), 501)

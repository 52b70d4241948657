"""Discriminators: shapes of their features, batch deviation, second derivatives, learning."""

import pytest
import torch
import torch.nn.functional as F

from openfloat.config import AutoencoderConfig
from openfloat.errors import BadInput
from openfloat.models.discriminator import (
    Discriminator,
    TwoScaleDiscriminator,
    with_batch_deviation,
)

CONFIG = AutoencoderConfig.tiny()


def test_features_are_one_map_per_halving() -> None:
    score, features = Discriminator(CONFIG)(torch.randn(3, 3, 64, 64))
    assert score.shape == (3,)
    expected = [(3, CONFIG.channels(r), r, r) for r in (32, 16, 8, 4)]
    assert [tuple(feature.shape) for feature in features] == expected


def test_a_component_is_judged_by_the_same_class_at_its_own_size() -> None:
    component = Discriminator(CONFIG, 16)
    assert [feature.shape[-1] for feature in component(torch.randn(2, 3, 16, 16)).features] == [
        8,
        4,
    ]


@pytest.mark.parametrize("size", [4, 48])
def test_a_size_that_does_not_halve_is_refused(size: int) -> None:
    with pytest.raises(BadInput, match=f"size {size}, which is no power of two"):
        Discriminator(CONFIG, size)


def test_pictures_of_another_size_are_refused() -> None:
    with pytest.raises(BadInput, match="32x16 pixels for a discriminator of 16x16"):
        Discriminator(CONFIG, 16)(torch.zeros(1, 3, 16, 32))


def test_two_scales_judge_the_picture_and_its_half() -> None:
    both = TwoScaleDiscriminator(CONFIG)
    images = torch.randn(2, 3, 64, 64)
    whole, reduced = both(images)
    assert whole.features[0].shape[-1] == 32
    smaller = F.interpolate(images, scale_factor=0.5, mode="area")
    torch.testing.assert_close(reduced.score, both.reduced(smaller).score, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("batch", "group"), [(8, 4), (6, 3), (2, 2), (5, 1)])
def test_batch_deviation_is_the_mean_spread_within_a_group(batch: int, group: int) -> None:
    x = torch.randn(batch, 3, 4, 4, dtype=torch.float64)
    out = with_batch_deviation(x)
    assert torch.equal(out[:, :3], x)
    apart = batch // group
    for number in range(batch):
        members = x[number % apart :: apart]
        spread = (((members - members.mean(0)) ** 2).mean(0) + 1e-8).sqrt().mean()
        torch.testing.assert_close(out[number, 3], spread.expand(4, 4), rtol=0, atol=1e-12)


def test_the_gradient_penalty_can_be_learnt_from() -> None:
    """R1 differentiates twice; its derivative agrees with a finite difference."""
    torch.manual_seed(3)
    model = Discriminator(CONFIG, 8).double()
    images = torch.randn(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)

    def penalty() -> torch.Tensor:
        (gradient,) = torch.autograd.grad(model(images).score.sum(), images, create_graph=True)
        return gradient.square().sum()

    weight = model.blocks["8"].conv2.weight
    (slope,) = torch.autograd.grad(penalty(), weight)
    step = 1e-6 * torch.randn_like(weight)
    with torch.no_grad():
        weight += step
    above = penalty().item()
    with torch.no_grad():
        weight -= 2 * step
    below = penalty().item()
    assert (above - below) / 2 == pytest.approx((slope * step).sum().item(), rel=1e-4)


def test_a_discriminator_learns_to_tell_two_kinds_apart() -> None:
    model = Discriminator(CONFIG, 16)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.002, betas=(0.0, 0.99))
    for _ in range(20):
        real, fake = torch.rand(8, 3, 16, 16), -torch.rand(8, 3, 16, 16)
        loss = F.softplus(-model(real).score).mean() + F.softplus(model(fake).score).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    real, fake = torch.rand(16, 3, 16, 16), -torch.rand(16, 3, 16, 16)
    assert model(real).score.mean() > model(fake).score.mean() + 1

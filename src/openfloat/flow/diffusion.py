"""Denoising diffusion on the cosine schedule and its deterministic sampler, for comparison.

The network that is asked for a velocity in flow matching is asked here for the noise or for the
clean data. Time is a step number k, 0 (almost clean) to `steps - 1` (almost noise); the network
sees it as k / steps, so that it lies in [0, 1] as a flow time does.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor

Target = Literal["epsilon", "x0"]
Denoiser = Callable[[Tensor, Tensor], Tensor]
"""(time in [0, 1], noisy data) -> noise or clean data, with a scalar tensor of time."""
COSINE_OFFSET = 0.008
LARGEST_BETA = 0.999


class DiffusionSample(NamedTuple):
    """A noisy point and what the network should say about it."""

    x_t: Float[Tensor, "b ..."]
    target: Float[Tensor, "b ..."]


def cosine_alphas(steps: int) -> Float[Tensor, " k"]:
    """Share of the variance that is signal after each step (Nichol and Dhariwal 2021, eq. 17).

    alpha_bar(k) = f(k + 1) / f(0) with f(k) = cos^2((k / steps + 0.008) / 1.008 * pi / 2), each
    step's beta at most 0.999. float64.

    Raises:
        ValueError: fewer than one step.
    """
    if steps < 1:
        raise ValueError(f"steps={steps} is less than 1")
    share = torch.arange(steps + 1, dtype=torch.float64) / steps
    signal = torch.cos((share + COSINE_OFFSET) / (1 + COSINE_OFFSET) * math.pi / 2) ** 2
    betas = (1 - signal[1:] / signal[:-1]).clamp(max=LARGEST_BETA)
    return torch.cumprod(1 - betas, dim=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Diffusion:
    """Noise prediction or data prediction on the cosine schedule."""

    target: Target
    steps: int = 500
    """Of training (paper, ablation: 500)."""

    def noisy(
        self,
        data: Float[Tensor, " b *shape"],
        noise: Float[Tensor, " b *shape"],
        k: Int[Tensor, " b"],
    ) -> DiffusionSample:
        """sqrt(alpha_bar) data + sqrt(1 - alpha_bar) noise, and the target.

        Args:
            data: clean.
            noise: standard normal.
            k: step of each sample, 0 to steps - 1.
        """
        alpha = cosine_alphas(self.steps).to(data)[k]
        alpha = rearrange(alpha, f"b -> b{' 1' * (data.ndim - 1)}")
        x_t = alpha.sqrt() * data + (1 - alpha).sqrt() * noise
        return DiffusionSample(x_t, noise if self.target == "epsilon" else data)

    def ddim(
        self, denoise: Denoiser, noise: Float[Tensor, "*shape"], evaluations: int = 50
    ) -> Float[Tensor, "*shape"]:
        """Data from noise by deterministic DDIM (Song et al. 2021, eq. 12 with sigma 0).

        Args:
            denoise: the network, guided or not.
            noise: where sampling starts.
            evaluations: steps of the schedule that are visited: floor(i steps / evaluations), the
                last first, as in the paper's linear choice.

        Raises:
            ValueError: evaluations is not 1 to steps.
        """
        if not 1 <= evaluations <= self.steps:
            raise ValueError(f"evaluations={evaluations} is not between 1 and {self.steps}")
        alphas = cosine_alphas(self.steps).to(noise)
        visited = [i * self.steps // evaluations for i in reversed(range(evaluations))]
        x = noise
        for number, k in enumerate(visited):
            said = denoise(torch.tensor(k / self.steps, device=x.device, dtype=x.dtype), x)
            data, epsilon = self.both(said, x, alphas[k])
            last = number + 1 == len(visited)
            after = torch.ones_like(alphas[0]) if last else alphas[visited[number + 1]]
            x = after.sqrt() * data + (1 - after).sqrt() * epsilon
        return x

    def both(self, said: Tensor, x: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor]:
        """Clean data and noise that a prediction means at a noisy point."""
        if self.target == "x0":
            return said, (x - alpha.sqrt() * said) / (1 - alpha).sqrt()
        return (x - (1 - alpha).sqrt() * said) / alpha.sqrt(), said

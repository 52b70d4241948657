"""The straight path from noise to data and the velocity along it."""

from typing import NamedTuple

from einops import rearrange
from jaxtyping import Float
from torch import Tensor


class PathSample(NamedTuple):
    """A point of the path and how the path moves there."""

    x_t: Float[Tensor, "b ..."]
    velocity: Float[Tensor, "b ..."]
    """dx_t / dt, the target of flow matching."""


def linear_path(
    x0: Float[Tensor, " b *shape"], x1: Float[Tensor, " b *shape"], t: Float[Tensor, " b"]
) -> PathSample:
    """x_t = (1 - t) x0 + t x1, with velocity x1 - x0 (paper, section 3.2; no sigma_min).

    Args:
        x0: noise, where the path starts (t = 0).
        x1: data, where it ends (t = 1).
        t: flow time of each sample, in [0, 1].
    """
    share = rearrange(t, f"b -> b{' 1' * (x0.ndim - 1)}")
    return PathSample(x_t=(1 - share) * x0 + share * x1, velocity=x1 - x0)

"""Guidance over several conditions: a telescoping sum from none of them to all."""

from collections.abc import Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor


def guide(
    velocities: Sequence[Float[Tensor, "*shape"]], scales: Sequence[float]
) -> Float[Tensor, "*shape"]:
    """v0 + s1 (v1 - v0) + s2 (v2 - v1) + ... (paper, section 3.3: incremental guidance).

    With every scale 1 the sum is the last velocity, the conditional one.

    Args:
        velocities: one or more, ordered from no condition to all conditions.
        scales: one for each velocity after the first.

    Raises:
        ValueError: the two do not fit together.
    """
    if len(velocities) != len(scales) + 1:
        raise ValueError(f"{len(scales)} scales do not fit {len(velocities)} velocities")
    guided = velocities[0]
    for (before, after), scale in zip(pairwise(velocities), scales, strict=True):
        guided = guided + scale * (after - before)
    return guided


def needed_branches(scales: Sequence[float]) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Which velocities the sum cannot do without, and the scales for these alone.

    Velocity i counts s_i - s_(i+1) times, where s_0 = 1 and the scale after the last is 0; one that
    counts zero times need not be computed: with all scales 1 only the last remains.

    Returns:
        Indices of the velocities that count, at least one, and the scales that belong to them in
        `guide`: `guide([v[i] for i in indices], scales)` equals the full sum.
    """
    padded = (1.0, *scales, 0.0)
    kept = tuple(i for i, (scale, following) in enumerate(pairwise(padded)) if scale != following)
    return kept, tuple(padded[i] for i in kept[1:])

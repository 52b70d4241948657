"""Losses of flow matching on sequences: mean absolute errors, optionally weighted."""

import torch
from jaxtyping import Float
from torch import Tensor

Sequences = Float[Tensor, "b t f"]
Weight = Float[Tensor, "#b #t #f"]
"""How much each number counts, 0 or more: any of the three axes may have length 1."""


def velocity_loss(
    predicted: Sequences, target: Sequences, *, weight: Weight | None = None
) -> Float[Tensor, ""]:
    """Mean |predicted - target| (paper, section 3.2, L_OT: an L1 norm).

    Args:
        predicted: what the model says.
        target: x1 - x0 for the window; the clean past itself for past frames.
        weight: turns the mean into a weighted mean; 0 masks. All zero gives the loss 0.
    """
    return _weighted_mean((predicted - target).abs(), weight)


def difference_loss(
    predicted: Sequences, target: Sequences, *, weight: Weight | None = None
) -> Float[Tensor, ""]:
    """Match how the velocity changes from one frame to the next (paper, section 3.2, L_vel).

    Args:
        predicted: the model's velocity of neighbouring frames, past frames cut off.
        target: x1 - x0 on the same frames.
        weight: as in `velocity_loss`; a difference counts as much as the lesser of its two frames.
    """
    if weight is not None and weight.shape[1] > 1:
        weight = torch.minimum(weight[:, 1:], weight[:, :-1])
    change = predicted.diff(dim=1) - target.diff(dim=1)
    return _weighted_mean(change.abs(), weight)


def _weighted_mean(error: Tensor, weight: Tensor | None) -> Tensor:
    """Zero, with zero gradient, where nothing counts."""
    if weight is None:
        return error.sum() / max(error.numel(), 1)
    total = weight.expand_as(error).sum()
    return (error * weight).sum() / torch.where(total > 0, total, 1)

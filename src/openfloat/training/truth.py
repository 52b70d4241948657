"""Losses against what the data engine knows: controls, displacement and visibility (ours)."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from openfloat.models.autoencoder import Level
from openfloat.shapes import Bool, Coefficients, Float, Grid, Mask

HIDDEN_WEIGHT = 8.0
"""Shown pixels that one hidden pixel weighs as much as, where the decoder paints."""

REGION_WEIGHT = 10.0
"""Other pixels that one on mouth or eyes weighs as much as: lids are few pixels and move far."""


def coefficient_loss(
    found: Coefficients,
    known: Float[Tensor, "b n"],
    supervised: Bool[Tensor, " b"],
) -> Tensor:
    """Mean Huber distance between the motion head's first n coefficients and the known controls.

    Args:
        found: coefficients that the motion head reads off the pictures.
        known: controls of the pictures in coefficient units.
        supervised: rows whose controls are known; the others count nothing.
    """
    distance = F.smooth_l1_loss(found[:, : known.shape[1]], known, reduction="none").mean(1)
    return _mean_over(distance, supervised.to(distance.dtype))


def grid_loss(
    levels: Sequence[Level],
    known: Grid,
    visible: Mask,
    supervised: Bool[Tensor, " b"],
    region: Mask,
) -> Tensor:
    """Distance of every level's sampling positions from the known ones, in units of 1/64 picture.

    Where a pixel is not visible in the source the level stays free: what is drawn there has to be
    sampled from somewhere else. The truth is averaged over what a coarse level's pixel covers.

    Args:
        levels: of the decoder, coarse to fine.
        known: where in the source each driving pixel comes from, in [-1, 1].
        visible: 1 where that is meaningful.
        supervised: rows for which it is known.
        region: 1 on mouth and eyes, at any resolution; a pixel of it weighs as much as
            `REGION_WEIGHT` others.
    """
    weight = visible * supervised.to(visible.dtype)[:, None, None, None]
    known_map = known.permute(0, 3, 1, 2) * weight
    total = known.new_zeros(())
    for level in levels:
        share = _resize(weight, level.resolution)
        target = _resize(known_map, level.resolution) / share.clamp(min=1e-6)
        sure = (share > 0.6).to(share.dtype)
        sure = sure * (1 + (REGION_WEIGHT - 1) * _resize(region, level.resolution))
        distance = (level.grid.permute(0, 3, 1, 2) - target).abs().sum(1, keepdim=True) * 32
        total = total + _mean_over(distance, sure)
    return total / len(levels)


def mask_loss(
    levels: Sequence[Level], visible: Mask, supervised: Bool[Tensor, " b"], *, painted: bool
) -> Tensor:
    """Push every level's mask to 1 where the source shows the pixel and, if painted, else to 0.

    The paper's colour heads paint with masked warped features alone, so there a mask driven to 0
    where nothing corresponds (the mouth's inside) would leave nothing to paint with. A hidden pixel
    weighs as much as `HIDDEN_WEIGHT` shown ones, since hidden ones are few; if both weighed alike
    in sum, masks would turn from far more than is hidden, and what is painted is less sharp.

    Args:
        levels: of the decoder.
        visible: 1 where the source shows the driving pixel.
        supervised: rows for which it is known.
        painted: whether the decoder paints with its own features where masks are 0.
    """
    known = supervised.to(visible.dtype)[:, None, None, None]
    shown, hidden = visible * known, (1 - visible) * known
    total = visible.new_zeros(())
    for level in levels:
        mask = level.mask.clamp(1e-4, 1 - 1e-4)
        counted = _resize(shown, level.resolution)
        surprise = -mask.log() * counted
        if painted:
            missing = HIDDEN_WEIGHT * _resize(hidden, level.resolution)
            surprise, counted = surprise - (1 - mask).log() * missing, counted + missing
        total = total + surprise.sum() / counted.sum().clamp(min=1)
    return total / len(levels)


def _resize(maps: Tensor, resolution: int) -> Tensor:
    if resolution <= maps.shape[-1]:
        return F.adaptive_avg_pool2d(maps, resolution)
    return F.interpolate(maps, size=resolution, mode="bilinear", align_corners=False)


def _mean_over(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum() / weight.sum().clamp(min=1)

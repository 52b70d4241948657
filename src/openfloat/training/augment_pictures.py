"""Changes to pictures whose motion is known: moved, mirrored, recoloured, softened, noisy.

What a change does to the controls is known too: pure functions of a generator.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from openfloat.data.controls import INDEX, SCALES
from openfloat.shapes import Coefficients, Image

MIRRORED = ("yaw", "roll", "x", "gaze_x")
"""Controls that change their sign in a mirror."""
MOST_SHIFT, MOST_GROWTH = 0.04, 0.08
"""Shares of the picture, and natural logarithm of the size."""


def mirror(
    images: Image, coefficients: Coefficients, generator: torch.Generator
) -> tuple[Image, Coefficients]:
    """Half of the pictures mirrored."""
    flipped = torch.rand(len(images), generator=generator) < 0.5
    sign = torch.ones(coefficients.shape[1])
    sign[[INDEX[name] for name in MIRRORED]] = -1
    return (
        torch.where(flipped[:, None, None, None], images.flip(-1), images),
        torch.where(flipped[:, None], coefficients * sign, coefficients),
    )


def shift_and_grow(
    images: Image, coefficients: Coefficients, generator: torch.Generator
) -> tuple[Image, Coefficients]:
    """Pictures moved and scaled a little about their middle; edges repeat what lies there."""
    count = len(images)
    draws = torch.rand(count, 3, generator=generator) * 2 - 1
    growth, shift = (MOST_GROWTH * draws[:, 2]).exp(), MOST_SHIFT * draws[:, :2]
    matrix = torch.zeros(count, 2, 3)
    matrix[:, 0, 0] = matrix[:, 1, 1] = 1 / growth
    matrix[:, :, 2] = -2 * shift / growth[:, None]
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    scales = torch.from_numpy(SCALES)
    values = coefficients * scales
    place = [INDEX["x"], INDEX["y"]]
    values[:, place] = values[:, place] * growth[:, None] + shift
    values[:, INDEX["scale"]] += growth.log()
    return moved, values / scales


def recolour(images: Image, generator: torch.Generator) -> Image:
    """Contrast, brightness and tint, and a light from one side."""
    count, size = len(images), images.shape[-1]
    draws = torch.rand(count, 8, 1, 1, generator=generator) * 2 - 1
    contrast = (0.3 * draws[:, :1]).exp()
    shift = 0.2 * draws[:, 1:2] + 0.08 * draws[:, 2:5]
    angle, ramp = math.pi * draws[:, 5:6], torch.linspace(-1, 1, size)
    side = angle.cos() * ramp[None, None, None] + angle.sin() * ramp[None, None, :, None]
    return ((images * contrast + shift) * (1 + 0.2 * draws[:, 6:7] * side)).clamp(-1, 1)


def soften(images: Image, generator: torch.Generator) -> Image:
    """A share of the pictures at half or a quarter of their resolution; noise on another share."""
    count, size = len(images), images.shape[-1]
    pick = torch.rand(count, 1, 1, 1, generator=generator)
    half, quarter = (_coarse(images, size // k) for k in (2, 4))
    images = torch.where(pick < 0.1, quarter, torch.where(pick < 0.35, half, images))
    strength = 0.08 * torch.rand(count, 1, 1, 1, generator=generator).square()
    return images + strength * torch.randn(images.shape, generator=generator)


def _coarse(images: Tensor, size: int) -> Tensor:
    small = F.adaptive_avg_pool2d(images, size)
    return F.interpolate(small, size=images.shape[-1], mode="bilinear", align_corners=False)

"""Bring pixels to another size: smoothly, as the released FLOAT does, or along a turned square."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, UInt8
from numpy import ndarray
from PIL import Image

from openfloat.vision.geometry import Square, apply, crop_matrix, invert

RELEASE_HEIGHT = 360
"""Pictures higher than this are resized by area in the release, others by cubic interpolation."""
CUBIC_SHARPNESS = -0.75


def resize_smooth(image: UInt8[ndarray, "h w 3"], size: int) -> UInt8[ndarray, "s s 3"]:
    """Antialiased Lanczos resize to size x size."""
    return np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.LANCZOS)).copy()


def resize_as_released(
    image: UInt8[ndarray, "h w 3"], size: int, picture_height: int
) -> UInt8[ndarray, "s s 3"]:
    """The resize that the released weights saw (checkpoint.md, quirk 10).

    By area (averages when shrinking, a narrow blend when growing) where the whole picture is
    higher than 360 pixels, else cubic without antialiasing.

    Args:
        image: the square cut out of the picture.
        size: side of the result.
        picture_height: of the picture that it was cut out of.
    """
    height, width = image.shape[:2]
    weights = _area_weights if picture_height > RELEASE_HEIGHT else _cubic_weights
    down, across = weights(height, size), weights(width, size)
    # one channel at a time: a third of the memory on large photographs
    channels = [down @ image[..., c].astype(np.float32) @ across.T for c in range(3)]
    return np.rint(np.stack(channels, axis=-1)).clip(0, 255).astype(np.uint8)


def _area_weights(length: int, size: int) -> Float32[ndarray, "size length"]:
    """Share of each source pixel in each result pixel."""
    ratio = length / size
    if ratio < 1:
        return _blend_weights(length, size)
    edges = np.arange(size + 1) * ratio
    pixels = np.arange(length)
    first = np.maximum(edges[:-1, None], pixels)
    last = np.minimum(edges[1:, None], pixels + 1)
    covered = (last - first).clip(0)
    return (covered / covered.sum(axis=1, keepdims=True)).astype(np.float32)


def _blend_weights(length: int, size: int) -> Float32[ndarray, "size length"]:
    """Growing by area: each result pixel lies in one source pixel or blends two neighbours."""
    ratio = length / size
    target = np.arange(size)
    start = np.floor(target * ratio).astype(int)
    share = (target + 1) - (start + 1) / ratio
    share = np.where(share <= 0, 0, share - np.floor(share))
    return _scatter(length, start, np.stack([1 - share, share], axis=1))


def _cubic_weights(length: int, size: int) -> Float32[ndarray, "size length"]:
    """Four-tap cubic interpolation at pixel centres, edge pixels repeated, no antialiasing."""
    position = (np.arange(size) + 0.5) * (length / size) - 0.5
    start = np.floor(position).astype(int)
    x = position - start
    a = CUBIC_SHARPNESS
    outer = ((a * (x + 1) - 5 * a) * (x + 1) + 8 * a) * (x + 1) - 4 * a
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a + 2) * (1 - x) - (a + 3)) * (1 - x) * (1 - x) + 1
    taps = np.stack([outer, near, far, 1 - outer - near - far], axis=1)
    return _scatter(length, start - 1, taps)


def _scatter(
    length: int, start: ndarray, taps: Float[ndarray, "size k"]
) -> Float32[ndarray, "size length"]:
    """A weight matrix from the first index and the weights of each row; edges repeated."""
    weights = np.zeros((len(taps), length), dtype=np.float32)
    rows = np.arange(len(taps))
    for k in range(taps.shape[1]):
        np.add.at(weights, (rows, (start + k).clip(0, length - 1)), taps[:, k])
    return weights


def read_square(
    image: UInt8[ndarray, "h w 3"], square: Square, size: int
) -> Float[torch.Tensor, "3 s s"]:
    """The content of a turned square, upright, edge colours outside of the picture.

    Args:
        image: the picture.
        square: where to look.
        size: side of the result.

    Returns:
        RGB in [-1, 1].
    """
    height, width = image.shape[:2]
    reach = square.side * math.sqrt(0.5) + 2
    left = int(min(max(square.x - reach, 0), width - 1))
    top = int(min(max(square.y - reach, 0), height - 1))
    right = int(min(max(square.x + reach, left + 1), width))
    bottom = int(min(max(square.y + reach, top + 1), height))
    factor = max(1, int(square.side / size))
    # averaging over whole pixels first: the bilinear reading below would skip some
    near = np.asarray(Image.fromarray(image[top:bottom, left:right]).reduce(factor))

    centres = np.arange(size) + 0.5
    places = np.stack(np.meshgrid(centres, centres, indexing="xy"), axis=-1)
    places = (apply(invert(crop_matrix(square, size)), places) - [left, top]) / factor
    grid = torch.from_numpy(2 * places / [near.shape[1], near.shape[0]] - 1).float()
    pixels = torch.from_numpy(near.copy()).float().permute(2, 0, 1) / 127.5 - 1
    return F.grid_sample(pixels[None], grid[None], padding_mode="border", align_corners=False)[0]

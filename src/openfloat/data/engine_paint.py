"""Sampling pictures and filling outlines softly."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw
from scipy.ndimage import map_coordinates

from openfloat.data.mesh_raster import Window

Colours = NDArray[np.float32]


def window_around(points: NDArray[np.floating], size: int, *, margin: int) -> Window:
    """Smallest window that holds points (n, 2; shares) and a margin in pixels."""
    low = np.floor(points.min(axis=0) * size).astype(int) - margin
    high = np.ceil(points.max(axis=0) * size).astype(int) + margin
    left, top = (int(value) for value in low.clip(0, size))
    right, bottom = (int(value) for value in high.clip(0, size))
    return Window(left, top, right, bottom)


def sample(texture: torch.Tensor, positions: NDArray[np.floating]) -> Colours:
    """Bilinear colours (h, w, c) of a texture (1, c, s, s) at positions (h, w, 2) in shares."""
    grid = torch.from_numpy(np.ascontiguousarray(positions, dtype=np.float32))[None] * 2 - 1
    colours = F.grid_sample(texture, grid, padding_mode="border", align_corners=False)
    return colours[0].permute(1, 2, 0).numpy()


def as_texture(image: NDArray[np.floating] | NDArray[np.uint8]) -> torch.Tensor:
    """A picture (s, s, c), bytes or shares, as a float texture (1, c, s, s) in shares."""
    values = image.astype(np.float32) / (255 if image.dtype == np.uint8 else 1)
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))[None]


def resample(image: Colours, columns: NDArray[np.floating], rows: NDArray[np.floating]) -> Colours:
    """Bilinear colours (h, w, c) of a picture at pixel positions, edges repeated."""
    channels = [
        map_coordinates(image[..., channel], [rows, columns], order=1, mode="nearest")
        for channel in range(image.shape[-1])
    ]
    return np.stack(channels, axis=-1).astype(np.float32)


def smooth_outline(points: NDArray[np.floating], steps: int = 4) -> NDArray[np.float64]:
    """A closed curve through points (n, 2): Catmull-Rom, (n * steps, 2)."""
    before, after, second = (np.roll(points, shift, axis=0) for shift in (1, -1, -2))
    t = (np.arange(steps) / steps)[None, :, None]
    p0, p1, p2, p3 = (p[:, None] for p in (before, points, after, second))
    curve = p1 + 0.5 * t * (
        p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0))
    )
    return np.asarray(curve, dtype=np.float64).reshape(-1, 2)


def coverage(
    outline: NDArray[np.floating], window: Window, size: int, *, oversampling: int = 4
) -> NDArray[np.float32]:
    """Share of each pixel (h, w) of the window that lies within a closed outline (n, 2; shares)."""
    height, width = window.height, window.width
    canvas = PillowImage.new("L", (width * oversampling, height * oversampling))
    corner = np.array([window.left, window.top])
    places: Sequence[float] = ((outline * size - corner) * oversampling - 0.5).ravel().tolist()
    ImageDraw.Draw(canvas).polygon(places, fill=255)
    fine = np.asarray(canvas, dtype=np.float32)
    blocks = fine.reshape(height, oversampling, width, oversampling)
    return np.asarray(blocks.mean(axis=(1, 3)) / 255, dtype=np.float32)


def blend(picture: Colours, layer: Colours, alpha: NDArray[np.float32], window: Window) -> None:
    """Lay a layer (h, w, c) over a window of a picture, in place."""
    part = picture[window.top : window.bottom, window.left : window.right]
    part += alpha[..., None] * (layer - part)

"""Sampling pictures and filling outlines softly, for a batch of pictures at once.

A picture is (h, w, c) in shares of full light; positions are shares of the picture, x and y.
"""

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from numpy.typing import NDArray

from openfloat.data.mesh_raster import Windows
from openfloat.shapes import Float, Tensor

Colours = NDArray[np.float32]
"""One picture (h, w, 3) before it becomes a texture."""
Texture = Float[Tensor, "1 c s s"]
Pictures = Float[Tensor, "b h w c"]
Share = Float[Tensor, "b h w"]


def windows_around(points: Float[Tensor, "b n 2"], size: int, *, margin: int) -> Windows:
    """Smallest windows of one size that hold each picture's points and a margin in pixels.

    They stay within the picture; a window of points that lie outside of it holds none of them.
    """
    low = (points.amin(dim=1).double() * size).floor().long() - margin
    high = (points.amax(dim=1).double() * size).ceil().long() + margin
    low, high = low.clamp(0, size), high.clamp(0, size)
    width, height = (high - low).amax(dim=0).clamp(min=1).tolist()
    left, top = (low[:, axis].clamp(max=size - side) for axis, side in enumerate((width, height)))
    return Windows(left, top, height, width)


def sample(texture: Texture, positions: Float[Tensor, "b h w 2"]) -> Pictures:
    """Bilinear colours of a texture at positions; its edges go on outside."""
    grid = positions.float() * 2 - 1
    colours = F.grid_sample(
        texture.expand(len(grid), -1, -1, -1), grid, padding_mode="border", align_corners=False
    )
    return rearrange(colours, "b c h w -> b h w c")


def as_texture(image: Colours, device: torch.device) -> Texture:
    """A picture (s, s, c) as a texture."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None].to(device)


def smooth_outline(points: Float[Tensor, "b n 2"], steps: int = 4) -> Float[Tensor, "b m 2"]:
    """Closed curves through points: Catmull-Rom, so many pieces between two points."""
    before, after, second = (points.roll(shift, dims=1) for shift in (1, -1, -2))
    t = (torch.arange(steps, device=points.device, dtype=points.dtype) / steps)[:, None]
    p0, p1, p2, p3 = (p[:, :, None] for p in (before, points, after, second))
    curve = p1 + 0.5 * t * (
        p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0))
    )
    return curve.flatten(1, 2)


def coverage(
    outline: Float[Tensor, "b n 2"], windows: Windows, size: int, *, oversampling: int = 4
) -> Share:
    """Share of each pixel of the windows that lies within closed outlines.

    Of every fine row the outline's crossings are counted: inside is what lies right of an odd
    number of them.
    """
    fine = size * oversampling
    corner = torch.stack([windows.left, windows.top], dim=1)[:, None] * oversampling
    begin = outline.double() * fine - 0.5 - corner
    x, y = begin.unbind(dim=2)
    x_next, y_next = begin.roll(-1, dims=1).unbind(dim=2)
    height, width = windows.height * oversampling, windows.width * oversampling
    row = torch.arange(height, device=outline.device, dtype=torch.float64)[:, None]
    crosses = (y[:, None] <= row) != (y_next[:, None] <= row)  # (b, height, n)
    rise = torch.where(y_next == y, 1.0, y_next - y)
    place = x[:, None] + (row - y[:, None]) * ((x_next - x) / rise)[:, None]
    column = place.ceil().clamp(0, width).long()
    counts = torch.zeros(len(outline), height, width + 1, device=outline.device, dtype=torch.int32)
    counts.scatter_add_(2, column, crosses.int())
    inside = (counts.cumsum(dim=2)[..., :width] % 2).float()
    return F.avg_pool2d(inside[:, None], oversampling)[:, 0]


def blend(pictures: Pictures, layer: Pictures, alpha: Share, windows: Windows) -> None:
    """Lay layers over windows of pictures, in place."""
    number = torch.arange(len(pictures), device=pictures.device)[:, None, None]
    place = (number, windows.rows()[:, :, None], windows.columns()[:, None])
    under = pictures[place]
    pictures[place] = under + alpha[..., None] * (layer - under)


def smoothed(shares: Share, deviation: float) -> Share:
    """Blurred by a Gaussian of so many pixels; outside lies 0."""
    reach = round(4 * deviation)
    step = torch.arange(-reach, reach + 1, device=shares.device, dtype=torch.float32)
    kernel = torch.exp(-(step**2) / (2 * deviation**2))
    kernel = kernel / kernel.sum()
    rows = F.conv2d(shares[:, None], kernel[None, None, :, None], padding=(reach, 0))
    return F.conv2d(rows, kernel[None, None, None], padding=(0, reach))[:, 0]

"""Which triangle covers which pixel, for a batch of moved meshes, without loops over any of them.

Of several triangles that cover a pixel the nearest is the last in drawing order, so that the
largest number wins: a scatter by maximum, which gives the same whatever the order in which a
processor or a graphics card works.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float64

from openfloat.shapes import Float, Int, Tensor

EDGE_TOLERANCE = 1e-4
"""Barycentric slack that keeps pixels on a shared edge from falling between two triangles."""


class Windows(NamedTuple):
    """Rectangles of whole pixels of one size, one in each picture of a batch."""

    left: Int[Tensor, " b"]
    top: Int[Tensor, " b"]
    height: int
    width: int

    @classmethod
    def whole(cls, count: int, size: int, device: torch.device) -> "Windows":
        """The whole picture, for so many pictures."""
        corner = torch.zeros(count, dtype=torch.long, device=device)
        return cls(corner, corner, size, size)

    def rows(self) -> Int[Tensor, "b h"]:
        """Rows of the picture."""
        return self.top[:, None] + torch.arange(self.height, device=self.top.device)

    def columns(self) -> Int[Tensor, "b w"]:
        """Columns of the picture."""
        return self.left[:, None] + torch.arange(self.width, device=self.left.device)

    def centres(self, size: int) -> Float[Tensor, "b h w 2"]:
        """Pixel centres, x and y as shares of a picture of this size."""
        x = self.columns()[:, None].expand(-1, self.height, -1)
        y = self.rows()[:, :, None].expand(-1, -1, self.width)
        return (torch.stack([x, y], dim=-1).double() + 0.5).div(size).float()


class Raster(NamedTuple):
    """Meshes seen at the pixel centres of windows."""

    triangle: Int[Tensor, "b h w"]
    """Triangle number, -1 where there is none."""
    barycentric: Float[Tensor, "b h w 2"]
    """Weights of the triangle's first and second corner."""

    def interpolate(
        self, values: Float[Tensor, "v c"], triangles: Int[Tensor, "n 3"]
    ) -> Float[Tensor, "b h w c"]:
        """Values of the vertices at the pixels."""
        first, second, base = values[triangles].unbind(dim=1)
        seen = self.triangle.clamp(min=0)
        weight = self.barycentric
        places = base[seen] + weight[..., :1] * (first - base)[seen]
        return places + weight[..., 1:] * (second - base)[seen]


def rasterise(
    points: Float[Tensor, "b v 2"],
    depth: Float[Tensor, "b v"],
    triangles: Int[Tensor, "n 3"],
    size: int,
    windows: Windows | None = None,
) -> Raster:
    """Draw triangles from the farthest to the nearest, one span of pixels per row and triangle.

    Args:
        points: positions as shares of the picture, x and y.
        depth: larger is farther.
        triangles: vertex numbers, the same for the whole batch.
        size: height and width of the pictures in pixels.
        windows: the parts to draw; all of them by default.
    """
    windows = windows or Windows.whole(len(points), size, points.device)
    far = depth[:, triangles]
    order = (far[..., 0] + far[..., 1] + far[..., 2]).argsort(dim=1, descending=True, stable=True)
    corners = points.double()[:, triangles] * size - 0.5
    corners = corners - torch.stack([windows.left, windows.top], dim=1)[:, None, None]
    corners = torch.take_along_dim(corners, order[..., None, None], dim=1).flatten(0, 1)
    planes = _planes(corners)
    owner, row, left, lengths = _spans(corners, planes, windows)
    area = windows.height * windows.width
    begin = owner // len(triangles) * area + row * windows.width + left
    inside = torch.arange(int(lengths.sum()), device=points.device)
    inside = inside - (lengths.cumsum(0) - lengths).repeat_interleave(lengths)
    winner = torch.full((len(points) * area,), -1, device=points.device)
    winner = winner.scatter_reduce(
        0, begin.repeat_interleave(lengths) + inside, owner.repeat_interleave(lengths), "amax"
    )
    shape = (len(points), windows.height, windows.width)
    seen = winner.clamp(min=0)
    x = torch.arange(windows.width, device=points.device, dtype=torch.float64)
    y = torch.arange(windows.height, device=points.device, dtype=torch.float64)[:, None]
    plane = planes[:, :2][seen].view(*shape, 2, 3)
    barycentric = plane[..., 0] * x[..., None] + plane[..., 1] * y[..., None] + plane[..., 2]
    number = torch.where(winner < 0, -1, order.flatten()[seen])
    return Raster(number.view(shape), barycentric.float())


def _planes(corners: Float64[Tensor, "n 3 2"]) -> Float64[Tensor, "n 3 3"]:
    """Growth of the three barycentric weights in x and y, and their values at 0.

    Not a number where a triangle is flat.
    """
    (x0, y0), (x1, y1), (x2, y2) = (corner.unbind(dim=1) for corner in corners.unbind(dim=1))
    area = (y1 - y2) * (x0 - x2) + (x2 - x1) * (y0 - y2)
    area = torch.where(area.abs() < 1e-9, torch.nan, area)
    first = torch.stack([y1 - y2, x2 - x1], dim=1) / area[:, None]
    second = torch.stack([y2 - y0, x0 - x2], dim=1) / area[:, None]
    slopes = torch.stack([first, second, -first - second], dim=1)
    start = -(slopes * corners[:, 2:]).sum(dim=2) + corners.new_tensor([0, 0, 1])
    return torch.cat([slopes, start[..., None]], dim=2)


def _spans(
    corners: Float64[Tensor, "n 3 2"], planes: Float64[Tensor, "n 3 3"], windows: Windows
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Owner, row, first column and length of each run of covered pixels."""
    height, width = windows.height, windows.width
    low = corners[..., 1].amin(dim=1).ceil().clamp(0, height).long()
    high = corners[..., 1].amax(dim=1).floor().clamp(-1, height - 1).long()
    heights = (high - low + 1).clamp(min=0).masked_fill(planes[:, 0, 0].isnan(), 0)
    owner = torch.arange(len(corners), device=corners.device).repeat_interleave(heights)
    row = torch.arange(len(owner), device=corners.device)
    row = row - (heights.cumsum(0) - heights)[owner] + low[owner]
    in_x, in_y, start = planes[owner].unbind(dim=2)
    start = start + in_y * row[:, None] + EDGE_TOLERANCE
    crossing = -start / torch.where(in_x == 0, torch.inf, in_x)
    left = torch.where(in_x > 0, crossing, -torch.inf).amax(dim=1)
    right = torch.where(in_x < 0, crossing, torch.inf).amin(dim=1)
    right = right.masked_fill(((in_x == 0) & (start < 0)).any(dim=1), -torch.inf)
    left = left.ceil().clamp(0, width).long()
    right = right.floor().clamp(-1, width - 1).long()
    return owner, row, left, (right - left + 1).clamp(min=0)

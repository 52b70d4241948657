"""Which triangle covers which pixel, without loops over pixels or triangles."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

EDGE_TOLERANCE = 1e-4
"""Barycentric slack that keeps pixels on a shared edge from falling between two triangles."""


class Window(NamedTuple):
    """A rectangle of whole pixels, `right` and `bottom` exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def is_empty(self) -> bool:
        return self.width <= 0 or self.height <= 0

    def centres(self, size: int) -> NDArray[np.float32]:
        """(h, w, 2) pixel centres, x and y as shares of a picture of this size."""
        x, y = np.meshgrid(np.arange(self.left, self.right), np.arange(self.top, self.bottom))
        return ((np.stack([x, y], axis=-1) + 0.5) / size).astype(np.float32)


class Raster(NamedTuple):
    """A mesh seen at the pixel centres of a window."""

    triangle: NDArray[np.int16]
    """(h, w) triangle number, -1 where there is none."""
    barycentric: NDArray[np.float32]
    """(h, w, 2) weights of the triangle's first and second corner."""

    def interpolate(
        self, values: NDArray[np.float32], triangles: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Values (v, c) of the vertices at the pixels, (h, w, c)."""
        corners = values[triangles]
        base = corners[:, 2]
        places = base[self.triangle]
        for corner in (0, 1):
            edge = (corners[:, corner] - base)[self.triangle]
            places += edge * self.barycentric[..., corner, None]
        return places


def rasterise(
    points: NDArray[np.float32],
    depth: NDArray[np.float32],
    triangles: NDArray[np.int64],
    size: int,
    window: Window | None = None,
) -> Raster:
    """Draw triangles from the farthest to the nearest, one span of pixels per row and triangle.

    Args:
        points: (v, 2) positions as shares of the picture, x and y.
        depth: (v,) larger is farther.
        triangles: (n, 3) vertex numbers.
        size: height and width of the picture in pixels.
        window: the part to draw; all of it by default.
    """
    window = window or Window(0, 0, size, size)
    order = np.argsort(-depth[triangles].sum(axis=1), kind="stable")
    corners = points.astype(np.float64)[triangles[order]] * size - 0.5
    corners -= (window.left, window.top)
    slopes = _slopes(corners)
    owner, row, left, lengths = _spans(corners, slopes, window)
    ends = np.cumsum(lengths)
    place = np.arange(ends[-1] if len(ends) else 0)
    place += np.repeat(row * window.width + left - (ends - lengths), lengths)
    winner = np.full(window.width * window.height, -1, dtype=np.int64)
    winner[place] = np.repeat(owner, lengths)  # of several, the last one stays
    rows, columns = np.divmod(np.arange(len(winner)), max(window.width, 1))
    x, y = columns - corners[winner, 2, 0], rows - corners[winner, 2, 1]
    plane = slopes[winner]
    barycentric = plane[:, :2, 0] * x[:, None] + plane[:, :2, 1] * y[:, None]
    triangle = np.where(winner >= 0, order[winner], -1).astype(np.int16)
    shape = (window.height, window.width)
    return Raster(triangle.reshape(shape), barycentric.astype(np.float32).reshape(*shape, 2))


def _slopes(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3, 2) growth of the three barycentric weights in x and y; not a number where flat."""
    (x0, y0), (x1, y1), (x2, y2) = (corners[:, i].T for i in range(3))
    area = (y1 - y2) * (x0 - x2) + (x2 - x1) * (y0 - y2)
    area = np.where(np.abs(area) < 1e-9, np.nan, area)
    first = np.stack([y1 - y2, x2 - x1], axis=1) / area[:, None]
    second = np.stack([y2 - y0, x0 - x2], axis=1) / area[:, None]
    return np.stack([first, second, -first - second], axis=1)


def _spans(
    corners: NDArray[np.float64], slopes: NDArray[np.float64], window: Window
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Owner, row, first column and length of each run of covered pixels."""
    low = np.ceil(corners[..., 1].min(axis=1)).clip(0, window.height).astype(np.int64)
    high = np.floor(corners[..., 1].max(axis=1)).clip(-1, window.height - 1).astype(np.int64)
    heights = np.where(np.isnan(slopes[:, 0, 0]), 0, np.maximum(high - low + 1, 0))
    owner = np.repeat(np.arange(len(corners)), heights)
    row = np.arange(len(owner)) - np.repeat(np.cumsum(heights) - heights, heights) + low[owner]
    in_x, in_y = slopes[owner, :, 0], slopes[owner, :, 1]
    start = in_y * (row - corners[owner, 2, 1])[:, None] + [0, 0, 1] + EDGE_TOLERANCE
    steep = np.where(in_x == 0, np.inf, in_x)
    crossing = corners[owner, 2, 0][:, None] - start / steep
    left = np.where(in_x > 0, crossing, -np.inf).max(axis=1)
    right = np.where(in_x < 0, crossing, np.inf).min(axis=1)
    right = np.where(((in_x == 0) & (start < 0)).any(axis=1), -np.inf, right)
    left = np.ceil(left).clip(0, window.width).astype(np.int64)
    right = np.floor(right).clip(-1, window.width - 1).astype(np.int64)
    return owner, row, left, np.maximum(right - left + 1, 0)

"""Which triangle covers which pixel, without loops over pixels or triangles."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

EDGE_TOLERANCE = 1e-4


class Raster(NamedTuple):
    """A mesh seen at the pixel centres of a picture."""

    triangle: NDArray[np.int16]
    """(h, w) triangle number, -1 where there is none."""
    barycentric: NDArray[np.float32]
    """(h, w, 2) weights of the triangle's first and second corner."""

    def interpolate(
        self, values: NDArray[np.float32], triangles: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Values (v, c) of the vertices at the pixels, (h, w, c)."""
        corners = values[triangles]
        base, first, second = corners[:, 2], corners[:, 0], corners[:, 1]
        first, second = first - base, second - base
        index = self.triangle
        a, b = self.barycentric[..., :1], self.barycentric[..., 1:]
        return base[index] + a * first[index] + b * second[index]


def rasterise(
    points: NDArray[np.float32], depth: NDArray[np.float32], triangles: NDArray[np.int64], size: int
) -> Raster:
    """Draw triangles from the farthest to the nearest.

    Args:
        points: (v, 2) positions as shares of the picture, x and y.
        depth: (v,) larger is farther.
        triangles: (n, 3) vertex numbers.
        size: height and width in pixels.
    """
    order = np.argsort(-depth[triangles].sum(axis=1), kind="stable")
    planes, boxes = _setup(points[triangles[order]] * size - 0.5, size)
    low, extent = boxes
    counts = extent[:, 0] * extent[:, 1]
    which = np.repeat(np.arange(len(order)), counts)
    place = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    rows, columns = np.divmod(place, extent[which, 0])
    columns += low[which, 0]
    rows += low[which, 1]
    plane = planes[which]
    first = plane[:, 0] * columns + plane[:, 1] * rows + plane[:, 2]
    second = plane[:, 3] * columns + plane[:, 4] * rows + plane[:, 5]
    hit = np.minimum(np.minimum(first, second), 1 - first - second) >= -EDGE_TOLERANCE
    winner = np.full(size * size, -1, dtype=np.int64)
    candidates = np.flatnonzero(hit)
    winner[rows[candidates] * size + columns[candidates]] = candidates  # the last one stays
    covered = winner >= 0
    triangle = np.where(covered, order[which[winner]], -1).astype(np.int16)
    barycentric = np.stack([first[winner], second[winner]], axis=-1).astype(np.float32)
    barycentric[~covered] = 0
    return Raster(triangle.reshape(size, size), barycentric.reshape(size, size, 2))


def _setup(
    corners: NDArray[np.float32], size: int
) -> tuple[NDArray[np.float64], tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Barycentric planes (n, 6) and pixel boxes (low, extent), each (n, 2), of triangles."""
    corners = corners.astype(np.float64)
    low = np.ceil(corners.min(axis=1) - EDGE_TOLERANCE).clip(0, size).astype(np.int64)
    high = np.floor(corners.max(axis=1) + EDGE_TOLERANCE).clip(-1, size - 1).astype(np.int64)
    (x0, y0), (x1, y1), (x2, y2) = (corners[:, i].T for i in range(3))
    area = (y1 - y2) * (x0 - x2) + (x2 - x1) * (y0 - y2)
    flat = np.abs(area) < 1e-9
    scale = 1 / np.where(flat, 1, area)
    planes = np.stack([
        (y1 - y2) * scale, (x2 - x1) * scale, -((y1 - y2) * x2 + (x2 - x1) * y2) * scale,
        (y2 - y0) * scale, (x0 - x2) * scale, -((y2 - y0) * x2 + (x0 - x2) * y2) * scale,
    ], axis=1)  # fmt: skip
    extent = np.maximum(high - low + 1, 0)
    extent[flat] = 0
    return planes, (low, extent)

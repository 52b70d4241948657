"""A portrait whose eyes go on under the lids, so that irises can move and lids can open."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from openfloat.data.engine_paint import Colours
from openfloat.data.mesh import LOWER_LIDS, UPPER_LIDS

REACH = 0.75
"""Eye widths around an eye that are painted over."""
LASH_MARGIN = 0.14
"""Share of the eye's opening next to each lid that is lash and shadow rather than eye."""


def paint_eyeballs(image: Colours, landmarks: NDArray[np.float32]) -> Colours:
    """A copy of a square picture in which each eye is continued beyond its lids.

    Every pixel around an eye takes the colour of the nearest point of the eye's opening in its
    column.

    Args:
        image: (s, s, 3) shares.
        landmarks: (478, 3) shares.
    """
    painted = image.copy()
    for upper, lower in zip(UPPER_LIDS, LOWER_LIDS, strict=True):
        _continue_eye(image, painted, landmarks[list(upper), :2], landmarks[list(lower), :2])
    return painted


def _continue_eye(
    image: Colours, painted: Colours, upper: NDArray[np.float32], lower: NDArray[np.float32]
) -> None:
    """Fill the surroundings of one eye, lids given from corner to corner, into `painted`."""
    size = len(image)
    if upper[0, 0] > upper[-1, 0]:
        upper, lower = upper[::-1], lower[::-1]
    origin, axis = upper[0], upper[-1] - upper[0]
    width = float(np.linalg.norm(axis))
    axis = axis / width
    down = np.array([-axis[1], axis[0]])
    rows, columns = _around(np.stack([upper[0], upper[-1]]), size, int(REACH * width * size))
    x, y = np.meshgrid(np.arange(size)[columns], np.arange(size)[rows])
    offset = ((np.stack([x, y], axis=-1) + 0.5) / size).astype(np.float32) - origin
    along = (offset @ axis).clip(0.08 * width, 0.92 * width)
    top, bottom = (_lid_at(lid, origin, axis, down, along) for lid in (upper, lower))
    gap = np.maximum(bottom - top, 0)
    across = (offset @ down).clip(top + LASH_MARGIN * gap, bottom - LASH_MARGIN * gap)
    place = origin + along[..., None] * axis + across[..., None] * down
    colours = _resample(image, place * size - 0.5)
    outside = across != offset @ down
    soft = gaussian_filter(colours, (0.5, size / 256, 0))
    colours = np.where(outside[..., None], soft, colours)
    painted[rows, columns] = colours


def _around(points: NDArray[np.float32], size: int, margin: int) -> tuple[slice, slice]:
    """Rows and columns that hold points (n, 2) and a margin in pixels; none outside the picture."""
    low = np.floor(points.min(axis=0) * size).astype(int) - margin
    high = np.ceil(points.max(axis=0) * size).astype(int) + margin
    (left, top), (right, bottom) = low.clip(0, size).tolist(), high.clip(0, size).tolist()
    return slice(top, bottom), slice(left, right)


def _resample(image: Colours, places: NDArray[np.floating]) -> Colours:
    """Bilinear colours (h, w, c) of a picture at pixels (h, w, 2), x and y; edges go on."""
    channels = [
        map_coordinates(image[..., channel], places.T[::-1].transpose(0, 2, 1), order=1,
                        mode="nearest")
        for channel in range(image.shape[-1])
    ]  # fmt: skip
    return np.stack(channels, axis=-1).astype(np.float32)


def _lid_at(
    lid: NDArray[np.float32],
    origin: NDArray[np.float32],
    axis: NDArray[np.float32],
    down: NDArray[np.float32],
    along: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Height of a lid's edge at distances along the eye."""
    return np.interp(along, (lid - origin) @ axis, (lid - origin) @ down)

"""A portrait whose eyes go on under the lids, so that irises can move and lids can open."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from openfloat.data.engine_paint import Colours, resample, window_around
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
    window = window_around(np.stack([upper[0], upper[-1]]), size, margin=int(REACH * width * size))
    if window.is_empty:
        return
    offset = window.centres(size) - origin
    along = (offset @ axis).clip(0.08 * width, 0.92 * width)
    top, bottom = (_lid_at(lid, origin, axis, down, along) for lid in (upper, lower))
    gap = np.maximum(bottom - top, 0)
    across = (offset @ down).clip(top + LASH_MARGIN * gap, bottom - LASH_MARGIN * gap)
    place = origin + along[..., None] * axis + across[..., None] * down
    colours = resample(image, place[..., 0] * size - 0.5, place[..., 1] * size - 0.5)
    outside = across != offset @ down
    soft = gaussian_filter(colours, (0.5, size / 256, 0))
    colours = np.where(outside[..., None], soft, colours)
    painted[window.top : window.bottom, window.left : window.right] = colours


def _lid_at(
    lid: NDArray[np.float32],
    origin: NDArray[np.float32],
    axis: NDArray[np.float32],
    down: NDArray[np.float32],
    along: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Height of a lid's edge at distances along the eye."""
    return np.interp(along, (lid - origin) @ axis, (lid - origin) @ down)

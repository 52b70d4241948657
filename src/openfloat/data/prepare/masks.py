"""Where mouth and eyes are, as small masks."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.spatial import ConvexHull

from openfloat.data.mesh import EYE_RINGS, OUTER_LIP_RING

MASK_SIZE = 64
MOUTH = ((OUTER_LIP_RING, 1.3),)
EYES = tuple((ring, 1.8) for ring in EYE_RINGS)
"""Outlines, and how much the mask is wider."""


def outline_mask(
    points: NDArray[np.float64], outlines: tuple[tuple[tuple[int, ...], float], ...], size: int
) -> NDArray[np.uint8]:
    """Bytes (size, size), 1 inside of the widened outlines.

    Args:
        points: (478, 2) face mesh in pixels of the mask.
        outlines: points of each, and how much it is wider.
        size: of the mask.
    """
    mask = Image.new("L", (size, size))
    draw = ImageDraw.Draw(mask)
    for ring, widening in outlines:
        corners = points[list(ring)]
        outline = corners[ConvexHull(corners).vertices]
        middle = outline.mean(axis=0)
        draw.polygon([tuple(p) for p in middle + widening * (outline - middle)], fill=1)
    return np.asarray(mask, dtype=np.uint8).copy()


def component_masks(landmarks: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Mouth and eyes of every frame, (t, 2, 64, 64), 1 inside.

    Args:
        landmarks: (t, 478, 2) as shares of the crop.
    """
    places = landmarks.astype(np.float64) * MASK_SIZE
    return np.stack(
        [[outline_mask(frame, part, MASK_SIZE) for part in (MOUTH, EYES)] for frame in places]
    )

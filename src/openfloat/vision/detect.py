"""Where faces may be: scikit-image's LBP frontal-face cascade (BSD-3, inside its wheel).

The cascade finds nearly every upright frontal face and a few things that are none; the landmark
network of `openfloat.vision.landmarks` tells them apart.
"""

import functools
import math
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image

from openfloat.vision.geometry import Square
from openfloat.vision.landmarks import CONTEXT

if TYPE_CHECKING:
    from skimage.feature import Cascade

WORKING_SIDE = 360
"""Length in pixels to which the picture's shorter side is brought before the search."""
LONGEST_SIDE = 900
SMALLEST_WINDOW = 28
SIZE_RATIO = 0.95
"""Width of a cascade window as a share of the longer side of the face's landmark box."""
CENTRE_DROP = 0.08
"""How far the landmark box's centre lies below the window's, in longer sides (train portraits)."""
VOTES = 3


@functools.cache
def _cascade() -> "Cascade":
    # Both load SciPy, for a third of a second; a picture that is taken as it is needs neither.
    from skimage.data import lbp_frontal_face_cascade_filename
    from skimage.feature import Cascade

    filename: str = lbp_frontal_face_cascade_filename()  # type: ignore[no-untyped-call]
    return Cascade(filename)


def propose(
    image: UInt8[ndarray, "h w 3"],
    roll_degrees: float = 0.0,
    working_side: int = WORKING_SIDE,
    votes: int = VOTES,
) -> list[Square]:
    """Squares that may hold a face, `CONTEXT` times as long as the face box they expect.

    Args:
        image: RGB picture.
        roll_degrees: how far the sought faces are turned clockwise; the cascade itself bears
            about 15 degrees either way.
        working_side: length to which the shorter side is brought; time grows with its square.
        votes: how many neighbouring windows must agree.
    """
    height, width = image.shape[:2]
    scale = min(working_side / min(height, width), LONGEST_SIDE / max(height, width), 2.0)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = Image.fromarray(image).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    if roll_degrees:
        small = small.rotate(roll_degrees, Image.Resampling.BILINEAR, fillcolor=(128, 128, 128))
    if min(size) < SMALLEST_WINDOW:
        return []
    windows = _cascade().detect_multi_scale(
        np.asarray(small),
        scale_factor=1.2,
        step_ratio=1,
        min_size=(SMALLEST_WINDOW, SMALLEST_WINDOW),
        max_size=(min(size), min(size)),
        min_neighbor_number=votes,
    )
    angle = math.radians(roll_degrees)
    squares = []
    for window in windows:
        face = window["width"] / SIZE_RATIO
        x = window["c"] + window["width"] / 2 - size[0] / 2
        y = window["r"] + window["height"] / 2 + CENTRE_DROP * face - size[1] / 2
        turned_x = x * math.cos(angle) - y * math.sin(angle)
        turned_y = x * math.sin(angle) + y * math.cos(angle)
        squares.append(
            Square(
                x=(turned_x + size[0] / 2) * width / size[0],
                y=(turned_y + size[1] / 2) * height / size[1],
                side=CONTEXT * face * width / size[0],
                roll_degrees=roll_degrees,
            )
        )
    return squares

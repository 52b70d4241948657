"""Boxes, turned squares and the maps between a picture and a crop: pure functions.

Positions are in pixels: (0, 0) is the outer corner of the first pixel, x to the right, y down.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float, Int, UInt8
from numpy import ndarray

from openfloat.options import FillName

Matrix = Float[ndarray, "3 3"]
"""Affine map of (x, y, 1) columns."""
Points = Float[ndarray, "*n 2"]
"""Positions (x, y)."""


@dataclass(frozen=True, slots=True)
class Box:
    """Axis-parallel rectangle."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Extent along x."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Extent along y."""
        return self.bottom - self.top

    @property
    def centre(self) -> tuple[float, float]:
        """Middle (x, y)."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    @property
    def area(self) -> float:
        """Width times height, 0 for a box turned inside out."""
        return max(self.width, 0.0) * max(self.height, 0.0)

    @classmethod
    def around(cls, points: Points) -> Self:
        """The tight box of some points."""
        left, top = points.reshape(-1, 2).min(axis=0).tolist()
        right, bottom = points.reshape(-1, 2).max(axis=0).tolist()
        return cls(left, top, right, bottom)

    def overlap(self, other: "Box") -> float:
        """Intersection over union, 0 ... 1."""
        shared = Box(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )
        common = shared.area if shared.width > 0 and shared.height > 0 else 0.0
        union = self.area + other.area - common
        return common / union if union else 0.0


@dataclass(frozen=True, slots=True)
class Square:
    """A square that may be turned: what a crop network looks at."""

    x: float
    """Centre."""
    y: float
    side: float
    roll_degrees: float = 0.0
    """How far the content is turned clockwise in the picture."""


def square_around(face: Box, margin: float = 1.6) -> Box:
    """Square crop about a face box, in whole pixels; it may leave the picture.

    The arithmetic of the released FLOAT (float.md section 2.1): box corners cut to whole pixels,
    half sides to whole pixels, half side of the crop int(margin * max(half width, half height)).

    Args:
        face: box in pixels of the picture.
        margin: half side of the crop as a multiple of the longer half side of the face.
    """
    left, top, right, bottom = (int(v) for v in (face.left, face.top, face.right, face.bottom))
    longer = max(int((right - left) / 2), int((bottom - top) / 2))
    half = int(margin * longer)
    x, y = int((left + right) / 2), int((top + bottom) / 2)
    return Box(x - half, y - half, x + half, y + half)


def crop_matrix(square: Square, size: int) -> Matrix:
    """Map from picture pixels to the pixels of a size x size crop; its inverse pastes back."""
    angle = np.radians(square.roll_degrees)
    scale = size / square.side
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    shift = size / 2 - turn @ np.array([square.x, square.y])
    return np.vstack([np.column_stack([turn, shift]), [0.0, 0.0, 1.0]])


def box_matrix(box: Box, size: int) -> Matrix:
    """Map from picture pixels to the pixels of a size x size crop of a box."""
    scale_x, scale_y = size / box.width, size / box.height
    return np.array(
        [[scale_x, 0, -scale_x * box.left], [0, scale_y, -scale_y * box.top], [0, 0, 1]],
        dtype=np.float64,
    )


def invert(matrix: Matrix) -> Matrix:
    """The map back."""
    return np.linalg.inv(matrix)


def apply(matrix: Matrix, points: Points) -> Points:
    """Map positions."""
    return points @ matrix[:2, :2].T + matrix[:2, 2]


def cut(image: UInt8[ndarray, "h w 3"], box: Box, fill: FillName) -> UInt8[ndarray, "ch cw 3"]:
    """The pixels of a box with whole-pixel corners, also where it leaves the picture.

    Args:
        image: the picture.
        box: at least one pixel wide and high.
        fill: what stands outside: the nearest edge pixel, the mirrored picture, or black.
    """
    rows = np.arange(int(box.top), int(box.bottom))
    columns = np.arange(int(box.left), int(box.right))
    height, width = image.shape[:2]
    if fill == "reflect":
        return image[_mirror(rows, height)][:, _mirror(columns, width)]
    clipped = image[rows.clip(0, height - 1)][:, columns.clip(0, width - 1)]
    if fill == "black":
        clipped[(rows < 0) | (rows >= height)] = 0
        clipped[:, (columns < 0) | (columns >= width)] = 0
    return clipped


def _mirror(index: Int[ndarray, " n"], length: int) -> Int[ndarray, " n"]:
    """Indices folded back into 0 ... length - 1, the border pixel repeated once."""
    folded = np.mod(index, 2 * length)
    return np.minimum(folded, 2 * length - 1 - folded)

"""Laws of the crop's geometry that hold for all boxes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from openfloat.vision.geometry import (
    Box,
    Square,
    apply,
    crop_matrix,
    cut,
    invert,
    square_around,
)

places = st.floats(-200, 900, allow_nan=False)
sides = st.floats(4, 700, allow_nan=False)


@given(left=places, top=places, width=sides, height=sides, margin=st.floats(1, 3))
def test_the_crop_is_a_whole_pixel_square_about_the_face(
    left: float, top: float, width: float, height: float, margin: float
) -> None:
    face = Box(left, top, left + width, top + height)
    crop = square_around(face, margin)
    assert crop.width == crop.height
    assert all(float(v).is_integer() for v in (crop.left, crop.top, crop.right, crop.bottom))
    # cutting to whole pixels moves the centre by less than two and the half side by less than
    # margin + 1
    np.testing.assert_allclose(crop.centre, face.centre, atol=2)
    assert abs(crop.width / 2 - margin * max(width, height) / 2) <= margin + 1


@given(x=places, y=places, side=sides, roll=st.floats(-180, 180), size=st.integers(1, 512))
def test_crop_then_paste_is_the_identity(
    x: float, y: float, side: float, roll: float, size: int
) -> None:
    matrix = crop_matrix(Square(x, y, side, roll), size)
    points = np.random.default_rng(0).uniform(-500, 1000, (20, 2))
    back = apply(invert(matrix), apply(matrix, points))
    np.testing.assert_allclose(back, points, atol=1e-6)


@given(
    left=st.integers(-30, 30),
    top=st.integers(-30, 30),
    side=st.integers(1, 40),
    fill=st.sampled_from(["edge", "reflect", "black"]),
)
def test_pixels_inside_the_picture_survive_every_fill(
    left: int, top: int, side: int, fill: str
) -> None:
    picture = np.random.default_rng(1).integers(0, 255, (12, 17, 3), np.uint8)
    crop = cut(picture, Box(left, top, left + side, top + side), fill)
    assert crop.shape == (side, side, 3)
    rows = np.arange(max(top, 0), max(min(top + side, 12), 0))
    columns = np.arange(max(left, 0), max(min(left + side, 17), 0))
    inside = crop[np.ix_(rows - top, columns - left)]
    np.testing.assert_array_equal(inside, picture[np.ix_(rows, columns)])

"""Boxes, fills and maps."""

import numpy as np
import pytest

from openfloat.vision.geometry import (
    Box,
    Square,
    apply,
    box_matrix,
    crop_matrix,
    cut,
    invert,
    square_around,
)


def picture(height: int = 5, width: int = 6) -> np.ndarray:
    """Every pixel another value."""
    return np.arange(1, height * width * 3 + 1, dtype=np.uint8).reshape(height, width, 3)


def test_the_crop_reaches_the_margin_times_the_longer_half_side() -> None:
    crop = square_around(Box(100.9, 200.2, 181.7, 300.8), margin=1.6)
    # whole pixels: 100 ... 181 by 200 ... 300; half sides 40 and 50; 80 about (140, 250)
    assert crop == Box(60, 170, 220, 330)


def test_a_larger_margin_gives_a_larger_square_about_the_same_centre() -> None:
    small, large = (square_around(Box(10, 10, 50, 60), margin) for margin in (1.0, 2.0))
    assert small.centre == large.centre
    assert large.width == 2 * small.width


@pytest.mark.parametrize("fill", ["edge", "reflect", "black"])
def test_inside_the_picture_every_fill_gives_its_pixels(fill: str) -> None:
    np.testing.assert_array_equal(cut(picture(), Box(1, 2, 4, 5), fill), picture()[2:5, 1:4])


def test_each_fill_extends_as_numpy_pads() -> None:
    box = Box(-4, -3, 6 + 7, 5 + 9)
    padding = ((3, 9), (4, 7), (0, 0))
    for fill, mode in (("edge", "edge"), ("reflect", "symmetric"), ("black", "constant")):
        np.testing.assert_array_equal(cut(picture(), box, fill), np.pad(picture(), padding, mode))


def test_cutting_leaves_the_picture_as_it_was() -> None:
    original = picture()
    cut(original, Box(-2, -2, 8, 8), "black")[:] = 9
    np.testing.assert_array_equal(original, picture())


def test_a_box_far_outside_is_all_fill() -> None:
    assert (cut(picture(), Box(100, 100, 103, 103), "black") == 0).all()
    assert (cut(picture(), Box(100, 100, 103, 103), "edge") == picture()[-1, -1]).all()


def test_a_turned_square_puts_clockwise_content_upright() -> None:
    square = Square(50, 40, side=20, roll_degrees=30)
    down = np.array([-np.sin(np.radians(30)), np.cos(np.radians(30))])  # "down" of the content
    middle, below = apply(crop_matrix(square, 100), np.array([[50, 40], [50, 40] + 5 * down]))
    np.testing.assert_allclose(middle, [50, 50], atol=1e-9)
    np.testing.assert_allclose(below, [50, 75], atol=1e-9)


def test_the_inverse_map_of_a_box_returns_its_corners() -> None:
    box = Box(-7, 3, 33, 63)
    corners = apply(invert(box_matrix(box, 64)), np.array([[0.0, 0.0], [64.0, 64.0]]))
    np.testing.assert_allclose(corners, [[-7, 3], [33, 63]], atol=1e-9)


def test_overlap_is_intersection_over_union() -> None:
    assert Box(0, 0, 2, 2).overlap(Box(1, 0, 3, 2)) == pytest.approx(2 / 6)
    assert Box(0, 0, 2, 2).overlap(Box(5, 5, 6, 6)) == 0
    assert Box(0, 0, 2, 2).overlap(Box(0, 0, 2, 2)) == 1

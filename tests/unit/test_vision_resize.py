"""Pixels at another size."""

import numpy as np
import pytest

from openfloat.vision.geometry import Square
from openfloat.vision.resize import read_square, resize_as_released, resize_smooth


def noise(side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)


@pytest.mark.parametrize("height", [200, 800])
@pytest.mark.parametrize("side", [20, 64, 100])
def test_a_flat_colour_stays_that_colour(side: int, height: int) -> None:
    flat = np.full((side, side, 3), (12, 130, 250), np.uint8)
    for result in (resize_as_released(flat, 64, height), resize_smooth(flat, 64)):
        assert result.shape == (64, 64, 3)
        assert (result == flat[0, 0]).all()


def test_halving_by_area_is_the_mean_of_four_pixels() -> None:
    picture = noise(32)
    means = picture.reshape(16, 2, 16, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(resize_as_released(picture, 16, 800), means, atol=0.5)


def test_area_by_a_broken_ratio_keeps_the_mean() -> None:
    picture = noise(50)
    shrunk = resize_as_released(picture, 16, 800)
    np.testing.assert_allclose(shrunk.mean((0, 1)), picture.mean((0, 1)), atol=0.3)


def test_low_pictures_are_interpolated_and_high_ones_averaged() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::4] = 255
    averaged, picked = (resize_as_released(stripes, 16, h) for h in (361, 360))
    assert np.ptp(averaged) == 0
    assert (picked != averaged).any()


def test_cubic_growth_passes_through_a_ramp() -> None:
    ramp = np.repeat(np.arange(0, 200, 10, dtype=np.uint8)[None, :, None], 20, 0).repeat(3, 2)
    grown = resize_as_released(ramp, 40, 300)[20, 8:-8, 0]
    expected = (np.arange(40) + 0.5) / 2 * 10 - 5
    np.testing.assert_allclose(grown, expected[8:-8], atol=1)


def test_equal_size_changes_nothing() -> None:
    picture = noise(24)
    for height in (300, 900):
        np.testing.assert_array_equal(resize_as_released(picture, 24, height), picture)
    np.testing.assert_array_equal(resize_smooth(picture, 24), picture)


def test_an_upright_square_of_equal_size_reads_the_pixels_themselves() -> None:
    picture = noise(40)
    read = read_square(picture, Square(20, 22, side=16), 16)
    expected = picture[14:30, 12:28].transpose(2, 0, 1) / 127.5 - 1
    np.testing.assert_allclose(read.numpy(), expected, atol=1e-5)


def test_a_quarter_turn_reads_the_picture_turned_back() -> None:
    picture = noise(40)
    turned = np.rot90(picture, -1).copy()  # content turned clockwise
    read = read_square(turned, Square(20, 20, side=40, roll_degrees=90), 40)
    expected = picture.transpose(2, 0, 1) / 127.5 - 1
    np.testing.assert_allclose(read.numpy(), expected, atol=1e-4)


def test_a_square_outside_shows_the_nearest_edge_colour() -> None:
    flat = np.full((10, 10, 3), 255, np.uint8)
    flat[0, 0] = 0
    assert (read_square(flat, Square(-50, -50, side=8), 8) == -1).all()
    assert (read_square(flat, Square(900, 5, side=8), 8) == 1).all()


def test_a_large_square_is_averaged_before_it_is_read() -> None:
    picture = noise(640)
    read = read_square(picture, Square(320, 320, side=600), 12)
    # 50x50 means of noise: bytes of standard deviation 74 / 50 = 1.5, unlike single pixels' 74
    assert read.std() < 3 / 127.5

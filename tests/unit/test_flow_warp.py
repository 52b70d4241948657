"""The warp: where a grid points, what lies outside, and the released mesh."""

import pytest
import torch

from openfloat.nn.warp import sampling_grid, warp


def place_of_each_pixel(size: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Pixel centres (x, y) when -1 and 1 are the outer edges."""
    centres = (torch.arange(size, dtype=dtype) * 2 + 1) / size - 1
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    return torch.stack((x, y), dim=-1)[None]


def test_every_pixel_sampled_at_its_own_place_is_the_identity() -> None:
    features = torch.randn(1, 3, 8, 8, dtype=torch.float64)
    warped = warp(features, place_of_each_pixel(8))
    torch.testing.assert_close(warped, features, rtol=0, atol=1e-12)


def test_a_grid_moved_right_takes_the_pixel_to_the_right_and_zeros_outside() -> None:
    features = torch.randn(1, 2, 6, 6, dtype=torch.float64)
    one_pixel = torch.tensor([2 / 6, 0.0], dtype=torch.float64)
    warped = warp(features, place_of_each_pixel(6) + one_pixel)
    torch.testing.assert_close(warped[..., :-1], features[..., 1:], rtol=0, atol=1e-12)
    assert warped[..., -1].abs().max() < 1e-12


def test_the_border_goes_on_outside_where_asked() -> None:
    features = torch.randn(1, 2, 6, 6, dtype=torch.float64)
    one_pixel = torch.tensor([2 / 6, 0.0], dtype=torch.float64)
    warped = warp(features, place_of_each_pixel(6) + one_pixel, edge_goes_on=True)
    torch.testing.assert_close(warped[..., -1], features[..., -1], rtol=0, atol=1e-12)
    torch.testing.assert_close(warped[..., :-1], features[..., 1:], rtol=0, atol=1e-12)


def test_the_second_number_of_a_position_is_y() -> None:
    features = torch.randn(1, 2, 6, 6, dtype=torch.float64)
    one_pixel = torch.tensor([0.0, 2 / 6], dtype=torch.float64)
    warped = warp(features, place_of_each_pixel(6) + one_pixel)
    torch.testing.assert_close(warped[..., :-1, :], features[..., 1:, :], rtol=0, atol=1e-12)


def test_zero_offsets_stretch_by_half_a_pixel_and_darken_the_border() -> None:
    grid = sampling_grid(torch.zeros(1, 2, 8, 8, dtype=torch.float64))
    assert grid[0, 0, 0].tolist() == [-1, -1]
    assert grid[0, 2, 7].tolist() == pytest.approx([1, -1 + 2 * 2 / 7])
    warped = warp(torch.ones(1, 1, 8, 8, dtype=torch.float64), grid)[0, 0]
    assert warped[0, 0].item() == pytest.approx(0.25)
    assert warped[0, 4].item() == pytest.approx(0.5)
    assert warped[4, 4].item() == pytest.approx(1)


def test_the_offset_named_in_the_docstring_is_a_pixels_own_place() -> None:
    mesh = sampling_grid(torch.zeros(1, 2, 8, 8, dtype=torch.float64))
    offsets = -mesh.permute(0, 3, 1, 2) / 8
    expected = place_of_each_pixel(8)
    torch.testing.assert_close(sampling_grid(offsets), expected, rtol=0, atol=1e-12)


def test_one_picture_serves_many_grids() -> None:
    features, grids = torch.randn(1, 3, 5, 5), torch.rand(4, 5, 5, 2) * 2 - 1
    together = warp(features, grids)
    for number in range(4):
        alone = warp(features, grids[number : number + 1])
        torch.testing.assert_close(together[number : number + 1], alone, rtol=0, atol=0)


def test_half_precision_features_are_warped_by_a_full_precision_grid() -> None:
    features = torch.randn(1, 3, 8, 8, dtype=torch.bfloat16)
    grid = place_of_each_pixel(8, torch.float32) + 0.01
    warped = warp(features, grid)
    assert warped.dtype == torch.bfloat16
    torch.testing.assert_close(warped, warp(features.float(), grid).bfloat16(), rtol=0, atol=0)

"""Warping by a table of rows against `grid_sample`."""

import torch

from openfloat.nn.gather import Table
from openfloat.nn.warp import warp


def test_it_is_the_warp_times_the_amount_inside_and_outside_of_the_picture() -> None:
    size, frames = 16, 3
    source = torch.randn(1, 5, size, size, dtype=torch.float64)
    grid = 1.5 * torch.randn(frames, size, size, 2, dtype=torch.float64)
    grid[0, 0, :5, 0] = torch.tensor([-1.0, 1.0, -1 - 1 / size, 1 + 1 / size, 9.0])
    amount = torch.rand(frames, 1, size, size, dtype=torch.float64)
    places = ((grid + 1) * size - 1).permute(0, 3, 1, 2) / 2
    table = Table(source)
    found = table(table.neighbours(places.clone(), amount)).view(frames, size, size, 5)
    expected = warp(source, grid) * amount
    torch.testing.assert_close(found.permute(0, 3, 1, 2), expected, rtol=1e-12, atol=1e-12)
    assert (expected == 0).any(), "some pixels look outside"

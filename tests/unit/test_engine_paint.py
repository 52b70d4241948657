import math

import torch

from openfloat.data.engine_paint import (
    as_texture,
    blend,
    coverage,
    sample,
    smooth_outline,
    smoothed,
    windows_around,
)
from openfloat.data.mesh_raster import Windows

CPU = torch.device("cpu")
WHOLE = Windows.whole(1, 32, CPU)


def disc(radius: float) -> torch.Tensor:
    angle = torch.arange(60) * (2 * math.pi / 60)
    return (0.5 + radius * torch.stack([angle.cos(), angle.sin()], dim=1))[None]


def test_coverage_sums_to_the_area() -> None:
    (share,) = coverage(disc(0.3), WHOLE, 32)
    assert abs(share.sum() / 32**2 / (math.pi * 0.3**2) - 1) < 0.01
    assert share[16, 16] == 1
    assert share[0, 0] == 0
    assert ((share > 0) & (share < 1)).any()


def test_coverage_of_windows_is_a_part_of_the_whole() -> None:
    outlines = torch.cat([disc(0.3), disc(0.2) + 0.1])
    windows = Windows(torch.tensor([2, 10]), torch.tensor([7, 0]), 20, 22)
    parts = coverage(outlines, windows, 32)
    for number, (left, top) in enumerate([(2, 7), (10, 0)]):
        (whole,) = coverage(outlines[number, None], WHOLE, 32)
        assert (parts[number] == whole[top : top + 20, left : left + 22]).all()


def test_a_smooth_outline_passes_through_its_points() -> None:
    points = disc(0.2)[:, ::10]
    curve = smooth_outline(points, steps=4)
    torch.testing.assert_close(curve[:, ::4], points)
    radius = (curve - 0.5).norm(dim=2)
    assert (radius - 0.2).abs().max() < 0.01


def test_sampling_at_pixel_centres_changes_nothing() -> None:
    image = torch.rand(32, 32, 3, generator=torch.Generator().manual_seed(0))
    found = sample(as_texture(image.numpy(), CPU), WHOLE.centres(32))
    torch.testing.assert_close(found[0], image, rtol=0, atol=1e-5)


def test_windows_hold_their_points_and_stay_in_the_picture() -> None:
    points = torch.tensor([[[0.5, 0.5], [1.2, 0.6]], [[0.1, 0.1], [0.2, 0.2]]])
    windows = windows_around(points, 32, margin=2)
    assert (windows.height, windows.width) == (8, 18)
    assert windows.left.tolist() == [14, 1]
    assert windows.top.tolist() == [14, 1]
    outside = windows_around(torch.full((1, 2, 2), 1.5), 32, margin=0)
    assert (outside.left + outside.width <= 32).all()


def test_a_blend_changes_its_windows_alone() -> None:
    pictures = torch.zeros(2, 8, 8, 3)
    windows = Windows(torch.tensor([1, 5]), torch.tensor([2, 6]), 2, 3)
    blend(pictures, torch.ones(2, 2, 3, 3), torch.full((2, 2, 3), 0.25), windows)
    assert (pictures[0, 2:4, 1:4] == 0.25).all()
    assert (pictures[1, 6:, 5:] == 0.25).all()
    assert pictures.sum() == 0.25 * 36


def test_a_blur_keeps_the_sum_and_spreads_by_its_deviation() -> None:
    dot = torch.zeros(1, 41, 41)
    dot[0, 20, 20] = 1
    (soft,) = smoothed(dot, 2.5)
    step = torch.arange(41) - 20
    assert abs(soft.sum() - 1) < 1e-5
    assert abs((soft.sum(dim=0) * step**2).sum() - 2.5**2) < 0.02

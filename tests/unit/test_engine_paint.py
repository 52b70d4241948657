import numpy as np

from openfloat.data.engine_paint import (
    as_texture,
    blend,
    coverage,
    sample,
    smooth_outline,
    window_around,
)
from openfloat.data.mesh_raster import Window

WHOLE = Window(0, 0, 32, 32)


def disc(radius: float) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    return 0.5 + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def test_coverage_sums_to_the_area() -> None:
    share = coverage(disc(0.3), WHOLE, 32)
    np.testing.assert_allclose(share.sum() / 32**2, np.pi * 0.3**2, rtol=0.04)
    assert share[16, 16] == 1
    assert share[0, 0] == 0
    assert ((share > 0) & (share < 1)).any()


def test_a_smooth_outline_passes_through_its_points() -> None:
    points = disc(0.2)[::10]
    curve = smooth_outline(points, steps=4)
    np.testing.assert_allclose(curve[::4], points, atol=1e-12)
    radius = np.linalg.norm(curve - 0.5, axis=1)
    assert abs(radius - 0.2).max() < 0.01


def test_sampling_at_pixel_centres_changes_nothing() -> None:
    image = np.random.default_rng(0).uniform(size=(32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(sample(as_texture(image), WHOLE.centres(32)), image, atol=1e-5)


def test_a_window_holds_its_points_and_stays_in_the_picture() -> None:
    window = window_around(np.array([[0.5, 0.5], [1.2, 0.6]]), 32, margin=2)
    assert window == Window(14, 14, 32, 22)
    assert window_around(np.array([[1.5, 1.5], [1.6, 1.6]]), 32, margin=0).is_empty


def test_a_blend_changes_its_window_alone() -> None:
    picture = np.zeros((8, 8, 3), np.float32)
    blend(picture, np.ones((2, 3, 3)), np.full((2, 3), 0.25, np.float32), Window(1, 2, 4, 4))
    assert (picture[2:4, 1:4] == 0.25).all()
    assert picture.sum() == 0.25 * 18

"""The camera before the engine's clips: colours change slowly, places do not."""

import numpy as np
import pytest

from openfloat.data.engine_camera import CRF, Camera, draw_camera, take

PLAIN = Camera(
    gain=np.ones((2, 3), np.float32), side=np.zeros((2, 2), np.float32), blur_px=0.0, noise=0.0,
    noise_seed=0, crf=18,
)  # fmt: skip


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(60, 180, (32, 32, 3), dtype=np.uint8)


def test_a_camera_without_faults_changes_nothing(picture: np.ndarray) -> None:
    np.testing.assert_array_equal(take(PLAIN, picture, 1), picture)


def test_side_light_brightens_its_side_by_its_share() -> None:
    grey = np.full((64, 64, 3), 100, np.uint8)
    side = np.array([[0.2, 0.0], [0.0, -0.1]], np.float32)
    lit = [take(PLAIN._replace(side=side), grey, frame).astype(int) for frame in (0, 1)]
    assert abs(lit[0][:, -1] - 120).max() <= 1
    assert abs(lit[0][:, 0] - 80).max() <= 1
    assert abs(lit[1][-1] - 90).max() <= 1


def test_blur_leaves_a_spot_at_its_place() -> None:
    spot = np.zeros((33, 33, 3), np.uint8)
    spot[10, 20] = 255
    blurred = take(PLAIN._replace(blur_px=1.0), spot, 0)[..., 0].astype(float)
    rows, columns = np.mgrid[:33, :33]
    assert (blurred * rows).sum() / blurred.sum() == pytest.approx(10, abs=1e-6)
    assert (blurred * columns).sum() / blurred.sum() == pytest.approx(20, abs=1e-6)


def test_noise_has_its_strength_and_is_new_in_every_frame() -> None:
    grey = np.full((128, 128, 3), 128, np.uint8)
    camera = PLAIN._replace(noise=3.0)
    first, second = (take(camera, grey, frame).astype(float) - 128 for frame in (0, 1))
    expected = 3.0 * (2 / 3 + 128 / 765)
    assert first.std() == pytest.approx(expected, rel=0.03)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.02


def test_the_same_generator_gives_the_same_pictures_and_another_does_not(
    picture: np.ndarray,
) -> None:
    def taken(seed: int) -> np.ndarray:
        return take(draw_camera(np.random.default_rng(seed), 10, 32), picture, 3)

    before = picture.copy()
    np.testing.assert_array_equal(taken(4), taken(4))
    assert (taken(4) != taken(5)).mean() > 0.5
    np.testing.assert_array_equal(picture, before)


def test_light_changes_slowly_within_a_clip_and_visibly_between_clips() -> None:
    cameras = [draw_camera(np.random.default_rng(seed), 250, 256) for seed in range(60)]
    steps = max(abs(np.diff(camera.gain, axis=0)).max() for camera in cameras)
    assert steps < 0.01
    assert np.std([camera.gain.mean() for camera in cameras]) > 0.04
    assert all(camera.gain.min() > 0.6 and camera.gain.max() < 1.6 for camera in cameras)
    assert all(CRF[0] <= camera.crf <= CRF[1] for camera in cameras)
    assert {camera.blur_px == 0 for camera in cameras} == {True, False}

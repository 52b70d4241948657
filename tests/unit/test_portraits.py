import numpy as np
import pytest

from openfloat.data.portraits import crop_portrait
from openfloat.errors import BadMedia

SIZE = 128


def landmarks_in_box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """478 points of which the 468 of the face fill a box exactly."""
    points = np.random.default_rng(0).uniform(size=(478, 3)).astype(np.float32)
    points[0, :2], points[1, :2] = 0, 1
    points[:, :2] = points[:, :2] * [right - left, bottom - top] + [left, top]
    return points


def test_the_crop_is_sixteen_tenths_of_the_face_box_about_its_centre() -> None:
    landmarks = landmarks_in_box(100, 90, 160, 190)
    crop = crop_portrait("p", np.zeros((300, 300, 3), np.uint8), landmarks, size=SIZE)
    half = int(1.6 * 50)
    face = crop.landmarks[:468, :2]
    np.testing.assert_allclose((face.min(axis=0) + face.max(axis=0)) / 2, 0.5, atol=1e-5)
    np.testing.assert_allclose(np.ptp(face, axis=0) * 2 * half, [60, 100], atol=1e-3)
    np.testing.assert_allclose(crop.landmarks[:, 2] * 2 * half, landmarks[:, 2], atol=1e-4)


def test_a_landmark_stays_on_its_spot() -> None:
    image = np.zeros((300, 300, 3), np.uint8)
    image[118:123, 128:133] = 255
    landmarks = landmarks_in_box(100, 90, 160, 190)
    landmarks[7, :2] = (130.5, 120.5)
    crop = crop_portrait("p", image, landmarks, size=SIZE)
    weight = crop.image[..., 0].astype(float)
    rows, columns = np.indices(weight.shape) + 0.5
    found = np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()
    np.testing.assert_allclose(found, crop.landmarks[7, :2] * SIZE, atol=0.1)


def test_edge_colours_fill_what_lies_outside_of_the_picture() -> None:
    image = np.full((100, 100, 3), 50, np.uint8)
    image[:, :50] = 200
    crop = crop_portrait("p", image, landmarks_in_box(0, 0, 100, 100), size=SIZE)
    assert (crop.image[:, :8] == 200).all()
    assert (crop.image[:, -8:] == 50).all()


def test_a_face_of_a_pixel_is_refused() -> None:
    with pytest.raises(BadMedia, match="the face is only"):
        crop_portrait("p", np.zeros((9, 9, 3), np.uint8), landmarks_in_box(4, 4, 5, 5), size=SIZE)

"""Faces found, chosen and cut out."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from openfloat.errors import BadInput, BadMedia, NoFaceFound
from openfloat.options import CropOptions
from openfloat.vision.face import choose_face, crop_portrait, detect_faces, whole_square
from openfloat.vision.geometry import Box, square_around
from openfloat.vision.image import load_image
from openfloat.vision.measure import roll_degrees
from openfloat.vision.resize import resize_smooth

DEMO_FACE = Box(176, 66, 272, 188)
"""Cheek to cheek and forehead to chin, as a person sees them."""


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return load_image(Path(str(files("openfloat") / "assets" / "demo" / "portrait.jpg")))


def small(photo: np.ndarray, share: float) -> np.ndarray:
    size = round(photo.shape[0] * share)
    return np.asarray(Image.fromarray(photo).resize((size, size), Image.Resampling.LANCZOS))


@pytest.fixture(scope="module")
def group(photo: np.ndarray) -> np.ndarray:
    """Three times the same person: small, large, middle, from the left."""
    picture = np.full((512, 1100, 3), 90, np.uint8)
    for share, left in ((0.55, 0), (1.0, 290), (0.55, 810)):
        person = small(photo, share)
        picture[: person.shape[0], left : left + person.shape[1]] = person
    return picture


def test_the_face_of_the_demo_photo_is_found_once(photo: np.ndarray) -> None:
    (face,) = detect_faces(photo)
    assert face.box.overlap(DEMO_FACE) > 0.75
    assert face.score > 0.9


def test_faces_come_from_left_to_right(group: np.ndarray) -> None:
    faces = detect_faces(group)
    assert len(faces) == 3
    centres = [face.box.centre[0] for face in faces]
    np.testing.assert_allclose(centres, [0.55 * 224, 290 + 224, 810 + 0.55 * 224], atol=20)


def test_the_largest_face_is_taken_unless_a_number_is_given(group: np.ndarray) -> None:
    largest = crop_portrait(group, 64)
    assert largest.num_faces == 3
    assert 400 < largest.box.centre[0] < 600
    assert crop_portrait(group, 64, CropOptions(face=0)).box.centre[0] < 250
    assert crop_portrait(group, 64, CropOptions(face=2)).box.centre[0] > 800
    with pytest.raises(BadInput, match="face=3, but the picture shows 3"):
        crop_portrait(group, 64, CropOptions(face=3))


@pytest.mark.parametrize("degrees", [-45, -15, 25, 50])
def test_a_turned_face_is_found_with_its_roll(photo: np.ndarray, degrees: float) -> None:
    picture = Image.fromarray(photo[:300, 70:370]).rotate(-degrees, Image.Resampling.BICUBIC)
    (face,) = detect_faces(np.asarray(picture))
    assert abs(roll_degrees(face.points) - degrees) < 10


def test_a_picture_without_a_face_is_refused_in_one_sentence() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (200, 300, 3), np.uint8)
    flat = np.full((1, 1, 3), 200, np.uint8)
    for picture in (noise, flat, flat.repeat(64, 0).repeat(2000, 1)):
        assert detect_faces(picture) == []
        with pytest.raises(NoFaceFound, match="no face found"):
            crop_portrait(picture, 64)


def test_a_landscape_has_no_face(photo: np.ndarray) -> None:
    # the demo photo's right half: a flag, a shuttle, a suit
    assert detect_faces(np.ascontiguousarray(photo[200:, 300:])) == []


def test_a_tiny_face_is_refused_with_its_size(photo: np.ndarray) -> None:
    with pytest.raises(BadMedia, match="needs at least 32"):
        crop_portrait(small(photo, 0.23), 64)


def test_a_tight_crop_of_a_face_is_still_a_face(photo: np.ndarray) -> None:
    (face,) = detect_faces(np.ascontiguousarray(photo[60:195, 165:285]))
    assert Box(11, 6, 107, 128).overlap(face.box) > 0.6


def test_size_of_the_picture_does_not_move_the_box(photo: np.ndarray) -> None:
    (face,) = detect_faces(photo)
    large = np.asarray(Image.fromarray(photo).resize((2048, 2048), Image.Resampling.BICUBIC))
    (same,) = detect_faces(large)
    scaled = Box.around(same.points / 4)
    assert scaled.overlap(face.box) > 0.88


def test_the_crop_is_the_square_about_the_chosen_face(photo: np.ndarray) -> None:
    result = crop_portrait(photo, 96, CropOptions(margin=1.4))
    assert result.face is not None
    assert result.box == square_around(result.face.box, 1.4)
    assert result.image.shape == (96, 96, 3)
    assert result.image.dtype == np.uint8
    # independent: Pillow's crop and resize of the same box, which lies inside the picture
    box = tuple(map(int, (result.box.left, result.box.top, result.box.right, result.box.bottom)))
    assert min(box) >= 0
    expected = Image.fromarray(photo).crop(box).resize((96, 96), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(result.image, np.asarray(expected))


def test_fills_differ_only_where_the_crop_leaves_the_picture(photo: np.ndarray) -> None:
    tight = np.ascontiguousarray(photo[40:240, 130:330])
    crops = {
        fill: crop_portrait(tight, 128, CropOptions(margin=2.2, fill=fill))
        for fill in ("edge", "reflect", "black")
    }
    box = crops["edge"].box
    assert box.left < 0
    share = -box.left / box.width
    outside = slice(0, int(share * 128) - 3)
    inside = slice(int(share * 128) + 4, int(share * 128) + 60)
    edge, reflect, black = (crops[fill].image.astype(int) for fill in ("edge", "reflect", "black"))
    assert (black[:, outside] == 0).all()
    assert np.abs(edge[:, outside] - reflect[:, outside]).mean() > 1
    middle = slice(60, 100)
    # resized differently (by area, by Lanczos), so close and not equal
    assert np.abs(edge[middle, inside] - black[middle, inside]).mean() < 6
    np.testing.assert_array_equal(edge[middle, inside], reflect[middle, inside])


@pytest.mark.parametrize(("height", "width"), [(40, 64), (64, 40), (50, 50), (41, 64)])
def test_without_crop_the_whole_picture_is_squared(height: int, width: int) -> None:
    picture = np.random.default_rng(0).integers(1, 255, (height, width, 3), np.uint8)
    longer = max(height, width)
    result = crop_portrait(picture, longer, CropOptions(crop=False, fill="edge"))
    assert (result.face, result.num_faces) == (None, 0)
    before = ((longer - height) // 2, (longer - width) // 2)
    after = (longer - height - before[0], longer - width - before[1])
    padding = ((before[0], after[0]), (before[1], after[1]), (0, 0))
    np.testing.assert_array_equal(result.image, np.pad(picture, padding, "edge"))
    assert whole_square(picture).width == longer


def test_without_crop_a_square_picture_is_only_resized(photo: np.ndarray) -> None:
    result = crop_portrait(photo, 64, CropOptions(crop=False))
    np.testing.assert_array_equal(result.image, resize_smooth(photo, 64))


def test_choosing_from_nothing_is_no_face_found() -> None:
    with pytest.raises(NoFaceFound):
        choose_face([], None)


def test_detection_leaves_the_picture_as_it_was(photo: np.ndarray) -> None:
    before = photo.copy()
    crop_portrait(photo, 64, CropOptions(fill="black"))
    np.testing.assert_array_equal(photo, before)

"""Tilted heads are animated upright and go back as they were."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from openfloat.options import CropOptions
from openfloat.vision.face import PortraitCrop, crop_portrait
from openfloat.vision.full_pictures import TiltedPaste, full_pictures
from openfloat.vision.geometry import Box
from openfloat.vision.image import load_image
from openfloat.vision.measure import roll_degrees
from openfloat.vision.paste import PasteBack
from openfloat.vision.tilted import upright_square

TILT = 25.0


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return load_image(Path(str(files("openfloat") / "assets" / "demo" / "portrait.jpg")))


@pytest.fixture(scope="module")
def tilted(photo: np.ndarray) -> np.ndarray:
    """The demo photo turned clockwise about the face."""
    image = Image.fromarray(photo).rotate(-TILT, Image.Resampling.BICUBIC, center=(224, 127))
    return np.asarray(image)[:400, :480].copy()


@pytest.fixture(scope="module")
def crop(tilted: np.ndarray) -> PortraitCrop:
    return crop_portrait(tilted, 128)


def test_a_tilted_head_is_cut_out_upright(
    photo: np.ndarray, tilted: np.ndarray, crop: PortraitCrop
) -> None:
    assert crop.roll_degrees == pytest.approx(TILT, abs=6)
    upright = crop_portrait(photo, 128)
    assert upright.roll_degrees == 0, "a head that is nearly straight stays as it is"
    again = crop_portrait(np.asarray(Image.fromarray(crop.image).resize((400, 400))), 128)
    assert again.face is not None
    assert abs(roll_degrees(again.face.points)) < 7
    difference = np.abs(crop.image[32:96, 32:96].astype(int) - upright.image[32:96, 32:96])
    assert difference.mean() < 25, "the same face, hardly moved"
    assert crop_portrait(tilted, 128, CropOptions(upright=False)).roll_degrees == 0
    assert crop_portrait(tilted, 128, CropOptions(fill="black")).roll_degrees == 0


def test_a_frame_like_the_rest_gives_the_tilted_photo_back_exactly(
    tilted: np.ndarray, crop: PortraitCrop
) -> None:
    paste = full_pictures(tilted, crop, crop.image)
    assert isinstance(paste, TiltedPaste)
    np.testing.assert_array_equal(paste(crop.image), tilted)


def test_what_changes_is_put_where_the_tilted_head_has_it(
    tilted: np.ndarray, crop: PortraitCrop
) -> None:
    frame = crop.image.copy()
    frame[76:84, 60:68] = (250, 20, 20)  # below the middle of the crop
    changed = np.abs(full_pictures(tilted, crop, crop.image)(frame).astype(int) - tilted).sum(-1)
    rows, columns = np.nonzero(changed > 60)
    x, y = crop.box.centre
    scale = crop.box.width / 128
    down = np.array([-np.sin(np.radians(crop.roll_degrees)), np.cos(np.radians(crop.roll_degrees))])
    expected = np.array([x, y]) + down * 16 * scale
    np.testing.assert_allclose([columns.mean(), rows.mean()], expected, atol=4 * scale)


def test_a_square_that_is_not_turned_is_cut_as_it_is(photo: np.ndarray) -> None:
    box = Box(100, 60, 180, 140)
    np.testing.assert_array_equal(upright_square(photo, box, 0.0, "edge"), photo[60:140, 100:180])
    usual = crop_portrait(photo, 64)
    assert isinstance(full_pictures(photo, usual, usual.image), PasteBack)

"""The person in front of green, or of nothing."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from openfloat.errors import BadInput, BadMedia, NoFaceFound
from openfloat.vision.face import PortraitCrop, crop_portrait
from openfloat.vision.image import load_image
from openfloat.vision.keying import GREEN, CutOutWriter, KeyingWriter, in_front_of
from openfloat.vision.matte import person_matte
from openfloat.vision.paste import PasteBack
from openfloat.vision.video_reader import read_frames


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return load_image(Path(str(files("openfloat") / "assets" / "demo" / "portrait.jpg")))


@pytest.fixture(scope="module")
def crop(photo: np.ndarray) -> PortraitCrop:
    return crop_portrait(photo, 128)


@pytest.fixture(scope="module")
def matte(photo: np.ndarray, crop: PortraitCrop) -> np.ndarray:
    return person_matte(photo, crop.face)


@pytest.fixture(scope="module")
def paste(photo: np.ndarray, crop: PortraitCrop) -> PasteBack:
    return PasteBack(photo, crop, crop.image)


def test_face_and_suit_are_the_person_and_the_wall_is_not(matte: np.ndarray) -> None:
    person = {"nose": (120, 222), "hair": (30, 220), "suit": (330, 200), "neck": (190, 225)}
    wall = {"left of the head": (60, 110), "right of the head": (60, 340), "corner": (8, 8)}
    for name, (row, column) in person.items():
        assert matte[row - 3 : row + 3, column - 3 : column + 3].mean() > 0.9, name
    for name, (row, column) in wall.items():
        assert matte[row - 3 : row + 3, column - 3 : column + 3].mean() < 0.1, name
    assert ((matte > 0.1) & (matte < 0.9)).mean() < 0.05, "its edge is narrow"


def test_a_still_frame_leaves_the_matte_and_a_moved_one_moves_it(
    paste: PasteBack, crop: PortraitCrop, matte: np.ndarray
) -> None:
    picture, still = paste.with_matte(crop.image, matte)
    np.testing.assert_array_equal(picture, paste(crop.image))
    np.testing.assert_allclose(still, matte, atol=0.02)
    moved = np.roll(crop.image, 4, axis=1)  # the head goes right
    _, shifted = paste.with_matte(moved, matte)
    row = int(crop.box.top + 0.35 * crop.box.height)
    edges = [np.flatnonzero(m[row] > 0.5)[0] for m in (matte, shifted)]
    assert edges[1] > edges[0] + 1


def test_the_background_is_green_in_the_video_and_clear_in_the_frames(
    tmp_path: Path, paste: PasteBack, crop: PortraitCrop, matte: np.ndarray
) -> None:
    frames = np.stack([crop.image] * 3)
    with KeyingWriter(tmp_path / "green.mp4", paste, 25, None, matte) as writer:
        writer.write(frames)
    shown = next(read_frames(tmp_path / "green.mp4"))
    assert np.abs(shown[5:15, 5:15].reshape(-1, 3).mean(0) - GREEN).max() < 6
    with CutOutWriter(tmp_path / "frames", paste, 25, matte) as out:
        out.write(frames)
    names = sorted(file.name for file in (tmp_path / "frames").iterdir())
    assert names == ["000000.png", "000001.png", "000002.png"]
    with Image.open(tmp_path / "frames" / "000001.png") as image:
        pixels = np.asarray(image)
    assert pixels.shape == (512, 512, 4)
    assert pixels[120, 222, 3] == 255
    assert pixels[8, 8, 3] == 0
    mixed = in_front_of((0, 0, 0), pixels[..., :3], matte)
    assert mixed[8, 8].max() == 0


def test_what_cannot_be_written_is_refused_and_leaves_nothing(
    tmp_path: Path, paste: PasteBack, matte: np.ndarray, photo: np.ndarray
) -> None:
    with pytest.raises(BadInput, match="without"):
        CutOutWriter(tmp_path / "x.mp4", paste, 25, matte)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    with (
        pytest.raises(BadMedia, match="not an empty folder"),
        CutOutWriter(tmp_path / "full", paste, 25, matte),
    ):
        pass
    with pytest.raises(KeyError), CutOutWriter(tmp_path / "half", paste, 25, matte):
        raise KeyError
    assert [file.name for file in tmp_path.iterdir()] == ["full"]
    with pytest.raises(NoFaceFound, match="background"):
        person_matte(photo, None)

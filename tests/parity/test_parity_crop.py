"""The crop of the released FLOAT, from the boxes its detector gave."""

import hashlib

import numpy as np
import pytest
from recipe import Case, assert_close_to_reference, cases, recipe_weights

from openfloat.vision.face import cut_square
from openfloat.vision.geometry import Box, square_around

DETECTION_HEIGHT = 360


def _face_box(box: list[float], picture_height: int) -> Box:
    """The detector's box, found in the picture resized to a height of 360, in picture pixels."""
    scale = DETECTION_HEIGHT / picture_height
    left, top, right, bottom = (value / scale for value in box[:4])
    return Box(left, top, right, bottom)


@pytest.mark.parametrize("case", cases("crop"), indirect=True)
def test_every_crop_box_equals_the_release(case: Case) -> None:
    rows = case.facts["rows"]
    assert rows
    for row in rows:
        crop = square_around(_face_box(row["det_box"], row["image_h"]))
        theirs = tuple(row[f"crop_{side}"] for side in ("x0", "y0", "x1", "y1"))
        assert (crop.left, crop.top, crop.right, crop.bottom) == theirs
        assert (crop.height, crop.width) == tuple(row["crop_shape"])


@pytest.mark.parametrize("case", cases("crop"), indirect=True)
def test_every_crop_picture_equals_the_release_within_one_level(case: Case) -> None:
    pictures = {key.split(".")[1] for key in case.outputs()}
    for name in sorted(pictures):
        picture = _picture(case, name)
        box = _face_box(case.input(f"in.{name}.box").tolist(), picture.shape[0])
        crop = cut_square(picture, square_around(box), case.options["input_size"], fill="black")
        assert_close_to_reference(crop, case, f"out.{name}.crop_u8")
    assert not case.uncompared()


def _picture(case: Case, name: str) -> np.ndarray:
    """The whole picture: stored, or drawn from the seed as the notes say."""
    if f"in.{name}.u8" in case.stored:
        return case.input(f"in.{name}.u8").numpy()
    (note,) = (note for note in case.notes if note.startswith(f"{name}: image_u8"))
    size = int(note.split(",")[2].split(")")[0])
    height, width = (int(v.strip(": ")) for v in note.split("[")[1].split("]")[0].split(","))
    drawn = recipe_weights().image_u8(case.seed, f"input:crop{name}", size)
    picture: np.ndarray = np.ascontiguousarray(drawn[:height, :width])
    if "sha256" in note:
        assert hashlib.sha256(picture.tobytes()).hexdigest() == note.split()[-1]
    return picture

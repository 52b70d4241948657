"""The page about controls tells of every option, and shows what the script makes."""

import dataclasses
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from openfloat.config import CONTROLS
from openfloat.options import CropOptions, MotionEdit, SampleOptions, VideoOptions

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "controls.md").read_text()


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "control_pictures", ROOT / "benchmarks" / "control_pictures.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def options() -> list[str]:
    """Every option of a clip: motion, edits, crop, and what is shown."""
    kinds = (MotionEdit, SampleOptions, CropOptions, VideoOptions)
    names = [field.name for kind in kinds for field in dataclasses.fields(kind)]
    assert {"sample", "edit", "crop"} < set(names)
    return sorted({*names, "pose", "background"} - {"sample"})


@pytest.mark.parametrize("name", options())
def test_every_option_has_its_paragraph_and_its_picture(name: str, script: ModuleType) -> None:
    option = name.replace("_", "-")
    said = f"no-{option}" if name in ("crop", "upright") else option
    assert re.search(rf"`--{said}[` ]", PAGE), f"--{said} is not explained"
    assert option in script.ROWS, f"--{said} has no picture"


def test_every_picture_is_shown_once_and_made_by_the_script(script: ModuleType) -> None:
    shown = re.findall(r"\(pictures/([a-z-]+)\.jpg\)", PAGE)
    assert sorted(shown) == sorted(script.ROWS)


def test_the_numbers_of_the_directions_are_right() -> None:
    numbers = PAGE.split("The numbers are ")[1].split("\n\n")[0]
    listed = dict(re.findall(r"\b(\d+) ([a-z_]+)(?=[,.])", numbers))
    assert [listed[str(number)] for number in range(20)] == list(CONTROLS)


def test_a_row_is_five_frames_in_a_small_file(script: ModuleType, tmp_path: Path) -> None:
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 256, (5, 512, 256, 3), np.uint8)
    size = script.write_row(noise, tmp_path / "row.jpg")
    assert size == (tmp_path / "row.jpg").stat().st_size
    with Image.open(tmp_path / "row.jpg") as row:
        assert row.size == (5 * 160, 320)
    flat = np.repeat(np.arange(5, dtype=np.uint8)[:, None, None, None] * 50, 3, axis=3)
    assert script.write_row(flat.repeat(64, 1).repeat(64, 2), tmp_path / "flat.jpg") < 40_000
    with Image.open(tmp_path / "flat.jpg") as row:
        seen = np.asarray(row.convert("L"))[80, 80::160]
    assert np.abs(seen.astype(int) - [0, 50, 100, 150, 200]).max() <= 3

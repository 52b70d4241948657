"""The embedded model measured on a held-out clip and portrait, for real."""

import json
from pathlib import Path

import pytest

from openfloat.codec import write_json
from openfloat.data.manifest import data_folder
from openfloat.errors import BadInput
from openfloat.evaluation.goals import GOALS, table
from openfloat.evaluation.model import EvaluateOptions, evaluate_model
from openfloat.evaluation.sheet import portraits_sheet
from openfloat.pipeline import FloatPipeline


@pytest.fixture(scope="module")
def data() -> Path:
    try:
        return data_folder()
    except BadInput as missing:
        pytest.skip(str(missing))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_report_holds_every_figure_with_its_rows(data: Path, tmp_path: Path) -> None:
    options = EvaluateOptions(clips=1, portraits=1, emotion_portraits=0, rounds=1)
    steps: list[str] = []
    report = evaluate_model("openfloat-256", data, options, said=steps.append)
    assert set(GOALS) - set(report) == {"emotions_in_direction", "closure_rate"}
    assert len(report["clips"]) == 1
    assert len(report["portraits"]) == 1
    assert len(steps) == 3
    for row in report["clips"]:
        assert 15 < row["psnr"] < 50
        assert -1 <= row["lip_r"] <= 1
        assert row["identity_ratio"] > 0
    low, high = report["spread"]["psnr"]
    assert low <= report["psnr"] <= high
    assert report["fps"] > 0
    assert report["goals"]["megabytes"]["holds"]
    write_json(report, tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text())["psnr"] == report["psnr"]
    assert len(table(report).splitlines()) == len(GOALS) - 1


def test_a_sheet_shows_photos_beside_speaking_frames(data: Path, tmp_path: Path) -> None:
    from PIL import Image

    pipeline = FloatPipeline.from_pretrained("openfloat-256")
    shown = portraits_sheet(pipeline, data, tmp_path / "sheet.png", count=2, frames=2)
    assert shown == 2
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (2 * 3 * 256, 256)

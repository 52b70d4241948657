"""The embedded model measured on a held-out clip and portrait, for real."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from openfloat.cli.main import run
from openfloat.codec import write_json
from openfloat.config import CONTROLS
from openfloat.errors import BadInput
from openfloat.evaluation.controls import Subject, evaluate_controls, portrait_rows, subjects
from openfloat.evaluation.face_measures import ASKABLE
from openfloat.evaluation.goals import GOALS, table
from openfloat.evaluation.model import EvaluateOptions, evaluate_model, whole_command
from openfloat.evaluation.reader import agreement
from openfloat.evaluation.sheet import portraits_sheet
from openfloat.evaluation.sweeps import Sweep
from openfloat.evaluation.tracking import Frames
from openfloat.pipeline import FloatPipeline


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_report_holds_every_figure_with_its_rows(data: Path, tmp_path: Path) -> None:
    options = EvaluateOptions(clips=1, portraits=1, emotion_portraits=0, rounds=0, voice_s=3)
    steps: list[str] = []
    report = evaluate_model("openfloat-256", data, options, said=steps.append)
    assert set(GOALS) - set(report) == {"emotions_in_direction", "closure_rate", "fps"}
    assert len(report["clips"]) == 1
    assert len(report["portraits"]) == 1
    assert len(steps) == 2
    for row in report["clips"]:
        assert 15 < row["psnr"] < 50
        assert -1 <= row["lip_r"] <= 1
        assert row["identity_ratio"] > 0
    low, high = report["spread"]["psnr"]
    assert low <= report["psnr"] <= high
    assert report["goals"]["megabytes"]["holds"]
    write_json(report, tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text())["psnr"] == report["psnr"]
    assert len(table(report).splitlines()) == len(GOALS) - 2


def test_the_speed_of_the_whole_command_is_measured(speech: Path) -> None:
    assert whole_command("openfloat-256", "cpu", speech) > 0


def test_the_embedded_reader_reads_what_the_engine_shows(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "reader", "--data", str(data), "--portraits", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    read = {line.split()[0]: float(line.split()[1]) for line in lines[1:-1]}
    assert tuple(read) == CONTROLS
    assert min(read[name] for name in ("yaw", "pitch", "roll", "jaw_open")) > 0.8
    assert lines[-1] == "24 pictures of 3 held-out portraits"


def test_reading_agrees_perfectly_with_itself_and_not_at_all_with_nothing() -> None:
    shown = np.random.default_rng(0).normal(size=(4, 5, 20)).astype(np.float32)
    for row in agreement(shown, 0.5 * shown + 1).values():
        assert (row["r"], row["within"], row["slope"]) == pytest.approx((1, 1, 0.5), abs=1e-5)
    for row in agreement(shown, np.zeros_like(shown)).values():
        assert list(row.values()) == [0, 0, 0]


def test_a_sheet_shows_photos_beside_speaking_frames(data: Path, tmp_path: Path) -> None:
    from PIL import Image

    pipeline = FloatPipeline.from_pretrained("openfloat-256")
    shown = portraits_sheet(pipeline, data, tmp_path / "sheet.png", count=2, frames=2)
    assert shown == 2
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (2 * 3 * 256, 256)


@pytest.fixture(scope="module")
def subject(data: Path) -> Subject:
    _, found = next(subjects(data, 1, 256))
    assert found is not None
    return found


def engine_frames(subject: Subject, sweep: Sweep, share: float = 1.0) -> Frames:
    """What a decoder would make that goes a share of the way."""
    middle = sweep.controls[len(sweep.controls) // 2]
    controls = middle + np.float32(share) * (sweep.controls - middle)
    return np.stack([subject.engine.picture(values).image for values in controls])


def figures(rows: list[dict[str, dict[str, float]]], kind: str, name: str) -> np.ndarray:
    """One figure by every control that the yardstick sees."""
    return np.array([row[kind][name] for row in rows if "skipped" not in row[kind]])


def test_the_engine_itself_answers_exactly(subject: Subject) -> None:
    rows = portrait_rows(subject, lambda sweep: engine_frames(subject, sweep))
    for kind in ("landmarks", "pictures"):
        np.testing.assert_allclose(figures(rows, kind, "slope"), 1, atol=1e-6)
        np.testing.assert_allclose(figures(rows, kind, "leakage"), 0, atol=1e-6)
    seen = {row["control"] for row in rows if "skipped" not in row["landmarks"]}
    assert {"yaw", "roll", "mouth"} <= seen
    assert len(figures(rows, "pictures", "slope")) == len(ASKABLE), "the filters see everything"


def test_a_decoder_that_goes_two_thirds_of_the_way_is_found_out(subject: Subject) -> None:
    rows = portrait_rows(subject, lambda sweep: engine_frames(subject, sweep, 2 / 3))
    np.testing.assert_allclose(figures(rows, "landmarks", "slope"), 2 / 3, atol=0.1)
    np.testing.assert_allclose(figures(rows, "pictures", "slope"), 2 / 3, atol=0.17)


def test_a_decoder_that_turns_too_when_it_opens_the_mouth_leaks(subject: Subject) -> None:
    def turning(sweep: Sweep) -> Frames:
        controls = sweep.controls.copy()
        if sweep.name == "mouth":
            shift = np.linspace(0, 8 * np.ptp(sweep.amounts), len(controls), dtype=np.float32)
            controls[:, 0] += shift / 2
        return np.stack([subject.engine.picture(values).image for values in controls])

    rows = {row["control"]: row for row in portrait_rows(subject, turning)}
    for kind in ("landmarks", "pictures"):
        assert rows["mouth"][kind]["leaks"]["yaw"] == pytest.approx(0.5, abs=0.15)
        assert rows["mouth"][kind]["leakage"] > 0.35
        assert rows["roll"][kind]["leakage"] == pytest.approx(0, abs=1e-6)


def test_the_controls_of_the_embedded_model_are_measured(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "controls.json"
    command = ["evaluate", "controls", "--data", str(data), "--json", str(file)]
    assert run([*command, "--portraits", "1"]) == 0
    report = json.loads(file.read_text())
    assert [row["control"] for row in report["rows"]] == list(ASKABLE)
    for name in ("yaw", "roll"):
        assert report["controls"][name]["by"] == "landmarks"
        assert 0.7 < report["controls"][name]["slope"] < 1.3
    assert 0.4 < report["controls"]["mouth"]["slope"] < 1.3
    shown = capsys.readouterr().out
    assert all(f"\n{name}" in shown for name in ASKABLE)


def test_nameless_directions_cannot_be_measured(data: Path) -> None:
    pipeline = FloatPipeline.from_pretrained("openfloat-256")
    nameless = FloatPipeline(
        pipeline.model, dataclasses.replace(pipeline.config, controls=()), pipeline.device
    )
    with pytest.raises(BadInput, match="have no names to measure"):
        evaluate_controls(nameless, data)

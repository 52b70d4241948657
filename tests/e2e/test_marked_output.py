"""Every video that is written says that it is generated, and goes on saying it when damaged."""

import json
import math
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy import ndarray

from openfloat import Clip, FloatPipeline, MarkOptions, SampleOptions
from openfloat.audio.io import load_audio
from openfloat.cli.main import run
from openfloat.marking.code import Payload
from openfloat.marking.lockin import beats_of
from openfloat.marking.report import inspect_file
from openfloat.marking.search import find
from openfloat.marking.watermark import Watermark
from openfloat.vision.video_reader import read_frames
from openfloat.vision.video_writer import VideoWriter

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from watermark import DAMAGES

BEYOND = ("re-encoded, CRF 33", "half size, CRF 28", "crop 10 %, half size, CRF 23")
"""Damages that the mark need not survive; the benchmark tells how often it does."""


@pytest.fixture(scope="module")
def clip(portrait: Path, speech: Path) -> Clip:
    pipeline = FloatPipeline.from_pretrained("openfloat-256")
    return pipeline(portrait, load_audio(speech)[: 5 * 16_000], SampleOptions(nfe=4))


@pytest.fixture(scope="module")
def marked(clip: Clip) -> ndarray:
    """Ten seconds: there and back."""
    frames = np.concatenate([clip.frames, clip.frames[::-1]])
    mark = Watermark(256, 256, Payload.of("openfloat-256", 15))
    return np.stack([mark(frame, number / 25) for number, frame in enumerate(frames)])


@pytest.fixture(scope="module")
def saved(clip: Clip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip.save(tmp_path_factory.mktemp("saved") / "clip.mp4")


def test_a_saved_clip_carries_everything(saved: Path) -> None:
    report = inspect_file(saved)
    assert report.marked
    assert report.provenance.unchanged
    assert dict(report.provenance.tags)["openfloat_model"] == "openfloat-256"
    assert report.watermark is not None
    assert report.watermark.p_value < 1e-20
    assert report.watermark.payload == Payload.of("openfloat-256", 15)


@pytest.mark.parametrize("seconds", [2, 10])
@pytest.mark.parametrize("damage", [name for name in DAMAGES if name not in BEYOND])
def test_the_watermark_survives(damage: str, seconds: int, marked: ndarray, tmp_path: Path) -> None:
    path = tmp_path / "damaged.mp4"
    DAMAGES[damage](marked[: 25 * seconds], path)
    finding = find(beats_of(path))
    assert finding.found, finding
    assert finding.payload in (None, Payload.of("openfloat-256", 15))


def test_the_mark_is_hardly_there(clip: Clip, marked: ndarray) -> None:
    for before, after in zip(clip.frames, marked, strict=False):
        error = ((before.astype(int) - after) ** 2).mean()
        assert 10 * math.log10(255**2 / error) >= 42


def test_frames_in_memory_and_unmarked_files_carry_nothing(clip: Clip, tmp_path: Path) -> None:
    report = inspect_file(clip.save(tmp_path / "plain.mp4", MarkOptions(mark=False)))
    assert not report.marked
    assert report.provenance.tags == ()
    assert report.watermark is not None
    assert report.watermark.p_value > 0.01


def test_a_label_does_not_hide_the_mark(clip: Clip, tmp_path: Path, saved: Path) -> None:
    labelled = clip.save(tmp_path / "labelled.mp4", MarkOptions(label=True))
    finding = inspect_file(labelled).watermark
    assert finding is not None
    assert finding.found
    one, other = (next(iter(read_frames(path))).astype(int) for path in (labelled, saved))
    assert np.abs(one - other)[-15:, :60].mean() > 20
    assert np.abs(one - other)[:200].mean() < 2


def test_real_clips_are_not_taken_for_marked_ones(data: Path) -> None:
    files = sorted((data / "clips").rglob("*.mp4"))
    for path in files[:: len(files) // 6]:
        assert find(beats_of(path)).p_value > 1e-4


def test_detect_reads_what_animate_wrote(
    portrait: Path, speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video, voice = tmp_path / "talk.mp4", tmp_path / "voice.wav"
    with wave.open(str(speech)) as whole, wave.open(str(voice), "w") as part:
        part.setparams(whole.getparams())
        part.writeframes(whole.readframes(2 * whole.getframerate()))
    command = ["animate", str(portrait), str(voice), "-o", str(video), "--nfe", "2"]
    assert run([*command, "--seed", "7"]) == 0
    capsys.readouterr()
    assert run(["detect", str(video), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["marked"]
    assert said["metadata"]["digital_source_type"].endswith("/trainedAlgorithmicMedia")
    assert said["metadata"]["tags"]["openfloat_seed"] == "7"
    assert said["watermark"]["payload"]["model"] == "openfloat-256"
    assert run([*command, "--no-mark"]) == 0
    assert "not marked as generated" in capsys.readouterr().out
    assert run(["detect", str(video)]) == 0
    assert "no mark found" in capsys.readouterr().out


def test_a_single_picture_can_be_asked_about(
    portrait: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["detect", str(portrait)]) == 0
    assert "cannot be looked for" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, b"", b"no video at all", bytes(100_000)])
def test_garbage_ends_in_one_sentence(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "garbage.mp4"
    if content is not None:
        path.write_bytes(content)
    assert run(["detect", str(path)]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("openfloat: ")
    assert "\n" not in said


def test_a_clip_too_short_to_tell_is_said_to_be(tmp_path: Path, clip: Clip) -> None:
    with VideoWriter(tmp_path / "short.mp4", 256, 256) as file:
        file.write(clip.frames[:10])
    report = inspect_file(tmp_path / "short.mp4")
    assert report.watermark is None
    assert "10 frames are too few" in report.why_not

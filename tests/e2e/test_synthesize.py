"""`openfloat data synthesize`: real portraits, real synthesisers, files on disk."""

import ctypes.util
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from openfloat.audio.io import load_audio
from openfloat.cli.main import run
from openfloat.config import EMOTIONS
from openfloat.data.clips import build_real_frames
from openfloat.data.controls import INDEX
from openfloat.data.manifest import read_manifest
from openfloat.data.speech_shards import read_shards
from openfloat.data.synthetic import SynthesisOptions, synthesize
from openfloat.data.synthetic_truth import read_truth
from openfloat.data.voices_cast import installed_programs
from openfloat.data.voices_espeak import find_library
from openfloat.errors import BadInput
from openfloat.vision.face import detect_faces, refine
from openfloat.vision.measure import mouth_aperture
from openfloat.vision.video_reader import probe, read_frames

DATA = Path(os.environ.get("OPENFLOAT_DATA", Path(__file__).parents[2] / "../shared/data"))
OPENFLOAT = Path(sys.executable).parent / "openfloat"
SIZE, SECONDS = 128, 1.6
JAW = INDEX["jaw_open"]
OPTIONS = SynthesisOptions(clips=2, seed=1, size=SIZE, seconds=SECONDS)
FLAGS = ["--clips", "2", "--seed", "1", "--size", str(SIZE), "--seconds", str(SECONDS)]


def has_a_voice() -> bool:
    try:
        return bool(installed_programs())
    except BadInput:
        return False


needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the data pack is not here")
needs_voice = pytest.mark.skipif(not has_a_voice(), reason="no speech synthesiser is installed")


def command(out: Path, *more: str) -> list[str]:
    return ["data", "synthesize", str(out), "--data", str(DATA), *FLAGS, *more]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "clips"
    result = subprocess.run(
        [OPENFLOAT, *command(out, "--workers", "2")], capture_output=True, text=True, timeout=250
    )
    assert result.returncode == 0, result.stderr
    assert "2 clips, 80 frames of 128x128" in result.stdout
    return out


@pytest.mark.slow
@needs_data
@needs_voice
def test_every_frame_of_a_video_has_its_row_of_truth(made: Path) -> None:
    portraits = {row.name: row for row in read_manifest(DATA).portraits_of("train")}
    listed = read_manifest(made)
    assert [row.file for row in listed.clips] == ["clip-00000.mp4", "clip-00001.mp4"]
    assert not listed.portraits
    assert not listed.speech
    for row in listed.clips:
        video, truth = made / row.file, read_truth((made / row.file).with_suffix(".safetensors"))
        about = probe(video)
        assert (about.width, about.height, about.fps) == (SIZE, SIZE, 25)
        assert len(list(read_frames(video))) == len(truth.controls) == round(SECONDS * 25)
        assert len(load_audio(video)) == pytest.approx(SECONDS * 16_000, abs=1100)
        assert truth.coefficients.shape == (len(truth.controls), 20)
        assert truth.emotion in EMOTIONS
        assert truth.phones[0].start_s == 0
        assert truth.phones[-1].end_s == pytest.approx(SECONDS)
        portrait = portraits[truth.portrait]
        assert (row.person, row.licence, row.split) == (portrait.person, portrait.licence, "train")
        assert portrait.origin in row.origin


@pytest.mark.slow
@needs_data
@needs_voice
def test_lips_are_seen_to_open_as_the_truth_says(made: Path) -> None:
    for video in sorted(made.glob("*.mp4")):
        frames = list(read_frames(video))
        (face, *_) = detect_faces(frames[0])
        seen = [mouth_aperture(refine(frame, [face], looks=2)[0].points) for frame in frames]
        known = read_truth(video.with_suffix(".safetensors")).lip_aperture
        assert np.ptp(known) > 0.05
        assert np.corrcoef(seen, known)[0, 1] > 0.75


@pytest.mark.slow
@needs_data
@needs_voice
def test_a_killed_run_goes_on_to_the_same_files_with_other_workers(
    made: Path, tmp_path: Path
) -> None:
    out = tmp_path / "clips"
    process = subprocess.Popen(
        [OPENFLOAT, *command(out, "--workers", "1")],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while not (out / "clip-00000.safetensors").exists():
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "manifest.json").exists()
    finished = (out / "clip-00000.mp4").stat().st_mtime_ns
    found = synthesize(DATA, out, OPTIONS)
    assert (found.num_made, found.num_frames) == (1, 80)
    assert (out / "clip-00000.mp4").stat().st_mtime_ns == finished
    assert contents(out) == contents(made)


@pytest.mark.slow
@needs_data
@needs_voice
def test_the_folder_is_a_data_pack_of_its_own(made: Path, tmp_path: Path) -> None:
    frames = build_real_frames(made, tmp_path / "frames", size=64)
    assert len(np.unique(frames.clip)) == 2


@pytest.mark.slow
@needs_data
@needs_voice
def test_the_reader_sees_in_the_clips_what_the_truth_says(made: Path, tmp_path: Path) -> None:
    assert run(["data", "observe", "--data", str(made), "--output", str(tmp_path / "seen")]) == 0
    clips = read_shards(tmp_path / "seen")
    assert len(clips) == 2
    for clip in clips:
        known = read_truth(made / f"{clip.source}.safetensors").coefficients
        length = min(len(known), len(clip.motion))
        pair = np.corrcoef(known[:length, JAW], clip.motion[:length, JAW])
        assert pair[0, 1] > 0.7


@needs_data
@needs_voice
def test_a_camera_changes_pictures_but_no_truth(tmp_path: Path) -> None:
    def one_clip(jitter: bool) -> tuple[np.ndarray, list[np.ndarray]]:
        out = tmp_path / f"jitter-{jitter}"
        options = SynthesisOptions(
            clips=1, seed=2, split="heldout", size=64, seconds=0.4, jitter=jitter
        )
        synthesize(DATA, out, options)
        truth = read_truth(out / "clip-00000.safetensors")
        return np.stack(list(read_frames(out / "clip-00000.mp4"))), list(truth[:3])

    taken, known = one_clip(jitter=True)
    plain, known_too = one_clip(jitter=False)
    for one, other in zip(known, known_too, strict=True):
        np.testing.assert_array_equal(one, other)
    assert 1 < abs(taken.astype(int) - plain).mean() < 60


@needs_data
@needs_voice
def test_more_clips_join_those_of_the_same_settings_and_no_others(tmp_path: Path) -> None:
    def settings(clips: int, seed: int) -> SynthesisOptions:
        return SynthesisOptions(clips=clips, seed=seed, size=64, seconds=0.2)

    out = tmp_path / "clips"
    synthesize(DATA, out, settings(1, 5))
    before = contents(out)
    told: list[tuple[int, int]] = []
    found = synthesize(
        DATA, out, settings(2, 5), progress=lambda done, total: told.append((done, total))
    )
    assert (found.num_made, len(found.rows)) == (1, 2)
    assert told == [(1, 2), (2, 2)]
    after = contents(out)
    assert {name: after[name] for name in before if name != "manifest.json"} == {
        name: content for name, content in before.items() if name != "manifest.json"
    }
    with pytest.raises(BadInput, match="made with seed=5, not 6"):
        synthesize(DATA, out, settings(2, 6))
    assert contents(out) == after


@needs_data
@needs_voice
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["used"], "something else"),
        (["used/diary.txt"], "no folder"),
        (["new", "--data", "used"], "no manifest.json"),
        (["new", "--clips", "0"], "clips=0"),
        (["new", "--size", "99"], "size=99"),
        (["new", "--workers", "0"], "workers=0"),
    ],
)
def test_bad_input_ends_in_one_sentence_and_status_2(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = DATA.resolve()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "diary.txt").write_text("dear diary")
    out, *flags = arguments
    assert run(["data", "synthesize", out, "--data", str(data), *flags]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("openfloat: ")
    assert words in said
    assert "\n" not in said
    assert not (tmp_path / "new").exists()
    assert (tmp_path / "used" / "diary.txt").read_text() == "dear diary"


def test_without_a_synthesiser_there_is_one_sentence_and_status_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(ctypes.util, "find_library", lambda _name: None)
    find_library.cache_clear()
    try:
        assert shutil.which("flite") is None
        assert run(["data", "synthesize", str(tmp_path / "out"), "--data", str(DATA)]) == 2
    finally:
        find_library.cache_clear()
    said = capsys.readouterr().err.strip()
    assert said.startswith("openfloat: no speech synthesiser is installed")
    assert "\n" not in said
    assert not list(tmp_path.iterdir())

"""From raw videos to shards, and from shards to a trained model."""

import gc
import io
import json
import os
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from openfloat import FloatPipeline, SampleOptions
from openfloat.audio.io import load_audio, write_wave
from openfloat.cli.main import run
from openfloat.data.clips import build_real_frames
from openfloat.data.emotional_speech import read_emotional_speech
from openfloat.data.manifest import read_manifest
from openfloat.data.observed import read_observed
from openfloat.data.prepare import run as preparation
from openfloat.data.prepare.options import PrepareOptions
from openfloat.data.prepare.reader import read_clip, read_pictures
from openfloat.data.prepare.run import prepare
from openfloat.errors import BadInput
from openfloat.training.log import read_lines
from openfloat.vision.video_reader import probe
from openfloat.vision.video_writer import VideoWriter

FRAMES, SIZE = 60, 256
OPTIONS = PrepareOptions(size=SIZE, smallest_face=40, emotion="openfloat-256")
RECIPE = """
from dataclasses import replace
from openfloat.training.recipes import tiny_{part} as whole

def recipe():
    stage = replace(whole().stages[0], clips={clips})
    return replace(whole(), stages=(stage,), {more})
"""
SHORT = """
import runpy
from dataclasses import replace
from openfloat.training.config import Stage

def recipe():
    whole = runpy.run_path("{recipe}")["recipe"]()
    return replace(whole, {less})
"""
RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture(scope="module")
def raw(portrait: Path, speech: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Videos of a face that speaks, made by the embedded model, and files that are none."""
    folder = tmp_path_factory.mktemp("raw")
    voice = load_audio(speech)[: FRAMES * 640]
    pipeline = FloatPipeline.from_pretrained("openfloat-256")
    frames = pipeline(portrait, voice, SampleOptions(seed=3)).frames
    rng = np.random.default_rng(0)
    write(folder / "s1" / "bbaf2n.mp4", frames, voice)
    write(folder / "s2" / "lwbsza.mp4", frames[:, :, ::-1], voice)
    write(
        folder / "late.mp4",
        frames,
        np.concatenate([np.zeros(7680, np.float32), voice])[: len(voice)],
    )
    two_shots = np.concatenate([frames[:30], shrunk(frames[30:])])
    write(folder / "Actor_12" / "01-01-03-01-02-01-12.mp4", two_shots, None)
    write(folder / "wall.mp4", rng.integers(0, 255, (30, 64, 64, 3), dtype=np.uint8), None)
    (folder / "broken.mp4").write_bytes(b"this is no video")
    (folder / "licences.json").write_text(json.dumps({"*": {"licence": "CC0-1.0"}}))
    return folder


def shrunk(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Another shot: the same face smaller, at another place, before a bright wall."""
    scene = np.full_like(frames, 240)
    scene[:, 20:212, 60:252] = frames[:, ::4, ::4].repeat(3, axis=1).repeat(3, axis=2)
    return scene


def write(path: Path, frames: NDArray[np.uint8], voice: NDArray[np.float32] | None) -> None:
    path.parent.mkdir(exist_ok=True)
    sound = None
    if voice is not None:
        sound = path.parent.parent / f"{path.stem}.wav"
        write_wave(sound, voice)
    with VideoWriter(path, frames.shape[2], frames.shape[1], audio=sound) as writer:
        writer.write(np.ascontiguousarray(frames))
    if sound is not None:
        sound.unlink()


def shards(folder: Path) -> set[bytes]:
    return {path.read_bytes() for path in folder.glob("*.tar")}


@pytest.fixture(scope="module")
def prepared(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each video a shard of its own; stopped after the first two and begun again."""
    out = tmp_path_factory.mktemp("prepared") / "clips"

    def stop(done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparation, "SHARD_FILES", 1)
        with pytest.raises(KeyboardInterrupt):
            prepare(raw, out, OPTIONS, progress=stop)
        assert not (out / "manifest.json").exists()
        assert prepare(raw, out, OPTIONS).num_made == 4
    return out


@pytest.mark.slow
def test_videos_become_clips_and_bad_ones_are_reported(raw: Path, prepared: Path) -> None:
    report = json.loads((prepared / "report.json").read_text())
    assert (report["videos"], report["clips"], report["licences"]) == (6, 4, ["CC0-1.0"])
    reasons = {refusal["file"]: refusal["reason"] for refusal in report["refused"]}
    assert reasons.keys() == {"broken.mp4", "late.mp4", "wall.mp4"}
    assert "sound or video" in reasons["broken.mp4"]
    assert "frames late against the voice" in reasons["late.mp4"]
    assert "no face is in sight" in reasons["wall.mp4"]

    rows = read_manifest(prepared).clips
    clips = {row.file: read_clip(prepared / row.file) for row in rows}
    found = [(c.about.person, c.about.num_frames, c.about.start_s) for c in clips.values()]
    assert found == [
        ("ravdess_12", 30, 0.0), ("ravdess_12", 30, 1.2), ("grid_s1", 60, 0.0), ("grid_s2", 60, 0.0)
    ]  # fmt: skip
    for file, clip in clips.items():
        pictures = list(read_pictures(prepared / file))
        assert np.stack(pictures).shape == (clip.about.num_frames, SIZE, SIZE, 3)
        assert len(clip.landmarks) == len(clip.masks) == clip.about.num_frames
        low, high = (
            np.median(clip.landmarks.min(axis=1), 0),
            np.median(clip.landmarks.max(axis=1), 0),
        )
        assert (high - low).max() == pytest.approx(1 / 1.6, abs=0.03), "the crop that animate makes"
    spoken = next(clip for clip in clips.values() if clip.about.person == "grid_s1")
    assert spoken.waveform is not None
    original = load_audio(raw / "s1" / "bbaf2n.mp4")
    np.testing.assert_allclose(spoken.waveform[:30_000], original[:30_000], atol=1e-4)
    assert spoken.extra["emotion"].sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # webdataset leaves shards open
def test_other_libraries_read_the_shards(prepared: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    shards = [str(path) for path in sorted(prepared.glob("*.tar"))]
    samples = list(webdataset.WebDataset(shards, shardshuffle=False, empty_check=False))
    gc.collect()
    assert len(samples) == 4
    assert {"mp4", "safetensors", "json"} <= samples[0].keys()
    about = json.loads(samples[2]["json"])
    assert (about["key"], about["person"]) == (samples[2]["__key__"], "grid_s1")
    assert samples[2]["wav"][:4] == b"RIFF"


@pytest.mark.slow
def test_clips_depend_neither_on_workers_nor_on_stops(
    raw: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "SHARD_FILES", 1)
    again = prepare(raw, tmp_path / "again", OPTIONS, workers=2, only="s?/*")
    assert len(again.clips) == 2
    assert shards(tmp_path / "again") < shards(prepared)
    assert prepare(raw, prepared, OPTIONS).num_made == 0
    with pytest.raises(BadInput, match="holds no videos that fit 's9/"):
        prepare(raw, prepared, OPTIONS, only="s9/*")
    with pytest.raises(BadInput, match="holds clips prepared with size=256, not 128"):
        prepare(raw, prepared, PrepareOptions(size=128))


@pytest.mark.slow
def test_prepared_clips_train_both_phases_and_the_lip_sync_network(
    prepared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    frames = build_real_frames(prepared, tmp_path / "cache" / "frames", size=64)
    assert np.unique(frames.person).tolist() == [0, 1, 2]
    assert frames.region.max() == 1
    assert [clip.emotion for clip in read_emotional_speech(prepared, split="train")] == []
    for part, clips, more in (
        ("autoencoder", 80, "real_share=1.0"),
        ("motion", 320, "autoencoder='runs/autoencoder'"),
        ("sync", 64, ""),
    ):
        Path(f"{part}.py").write_text(RECIPE.format(part=part, clips=clips, more=more))
        where = ["--data", str(prepared), "--cache", "cache", "-o", f"runs/{part}"]
        assert run(["train", part, f"{part}.py", *where]) == 0, capsys.readouterr().err
        assert read_lines(Path("runs") / part)[-1]["clips"] == clips
    assert f"{clips} clips, " in capsys.readouterr().out
    observed = read_observed(tmp_path / "cache" / "observed", variants=1)
    assert len(observed) == 2, "clips without a voice teach no motion"
    assert run(["assemble", "tiny", "-o", "model", "--autoencoder", "runs/autoencoder", "--motion",
                "runs/motion", "--allow-untrained"]) == 0  # fmt: skip
    assert (tmp_path / "model" / "model.safetensors").is_file()

    more = "autoencoder='runs/autoencoder', preview_clips=160"
    Path("motion.py").write_text(RECIPE.format(part="motion", clips=480, more=more))
    shown = ["-o", "runs/motion", "--tensorboard", "--preview-model", "model"]
    where = ["--data", str(prepared), "--cache", "cache"]
    assert run(["train", "motion", "motion.py", *where, *shown]) == 0, capsys.readouterr().err
    assert probe("runs/motion/preview-00000480.mp4").num_frames == 50
    assert list(Path("runs/motion/tensorboard").iterdir())


@pytest.mark.slow
def test_a_model_goes_on_with_prepared_clips_and_is_measured(
    raw: Path,
    prepared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    for part, less in (
        ("autoencoder", "stages=(Stage(size=256, clips=4, batch=2),)"),
        ("motion", "stages=(Stage(clips=64, batch=32),), autoencoder='runs/autoencoder'"),
    ):
        recipe = RECIPES / f"clips_{part}.py"
        Path(f"{part}.py").write_text(SHORT.format(recipe=recipe, less=less))
    reference = tmp_path / "real"
    shutil.copytree(raw / "s1", reference)
    for command in (
        f"train autoencoder autoencoder.py --data {prepared} --cache cache -o runs/autoencoder",
        f"train motion motion.py --data {prepared} --cache cache -o runs/motion",
        "assemble openfloat-256 -o model --base openfloat-256 --autoencoder runs/autoencoder "
        "--motion runs/motion",
        f"evaluate videos model --reference {reference} --json figures.json --html page.html",
    ):
        assert run(command.split()) == 0, capsys.readouterr().err
    assert "<video" in Path("page.html").read_text()
    assert json.loads(Path("figures.json").read_text())


@pytest.mark.slow
@pytest.mark.skipif(
    not os.environ.get("OPENFLOAT_ALL_TESTS"),
    reason="a second start of Ray: test_ray.py has the one of every run (OPENFLOAT_ALL_TESTS=1)",
)
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore")  # Ray warns of its own deprecations and leaves files open
def test_a_cluster_makes_the_same_clips(
    raw: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    monkeypatch.setattr(preparation, "SHARD_FILES", 1)
    assert len(prepare(raw, tmp_path / "ray", OPTIONS, ray="local", only="s?/*").clips) == 2
    assert shards(tmp_path / "ray") < shards(prepared)
    gc.collect()


def test_a_damaged_shard_is_named(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "clips-00000.tar", "w") as tar:
        entry = tarfile.TarInfo("a.json")
        entry.size = 2
        tar.addfile(entry, io.BytesIO(b"{}"))
    with pytest.raises(BadInput, match=r"holds no a\.safetensors"):
        read_clip(tmp_path / "clips-00000.tar" / "a.mp4")

"""Motion seen in real clips becomes clips to train on."""

from pathlib import Path

import numpy as np
import pytest

from openfloat.audio.frames import num_frames
from openfloat.data.controls import INDEX
from openfloat.data.motion import MotionClip
from openfloat.data.observed import LIPS, as_controls, read_observed
from openfloat.data.speech_shards import write_shard

FRAMES = 100
JAW, YAW = INDEX["jaw_open"], INDEX["yaw"]


def seen(rng: np.random.Generator) -> np.ndarray:
    """A jaw that opens twice a second over a resting value, a head that turns and trembles."""
    motion = np.zeros((FRAMES, 20), np.float32)
    time = np.arange(FRAMES) / 25
    motion[:, JAW] = 0.3 + np.sin(2 * np.pi * time).clip(0)
    motion[:, YAW] = time / 4 + 0.2 * rng.standard_normal(FRAMES)
    return motion


def test_lips_rest_at_zero_and_open_further_and_heads_do_not_tremble() -> None:
    motion = seen(np.random.default_rng(1))
    clean = as_controls(motion, np.ones(FRAMES))
    assert clean[:, LIPS].min() == 0
    assert np.median(clean[:, JAW]) < 0.05
    assert clean[:, JAW].max() > 1.2 * (motion[:, JAW].max() - motion[:, JAW].min())
    assert np.diff(clean[:, YAW], 2).std() < 0.1 * np.diff(motion[:, YAW], 2).std()
    assert clean[-1, YAW] - clean[0, YAW] == pytest.approx(1, abs=0.3)


def test_lips_are_at_rest_where_nobody_speaks_whatever_they_did(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    motion = seen(rng)
    loud = np.where(np.arange(FRAMES) < 60, 0.2, 0.0005).repeat(640)
    clip = MotionClip((loud * rng.standard_normal(FRAMES * 640)).astype(np.float32), motion, 5, "a")
    write_shard(tmp_path / "observed-00000.safetensors", [clip])
    (tmp_path / "observed.json").write_text('{"shards": 1}')
    told = {"a": [(0.0, 1.2, "sil"), (1.2, 1.6, "bin"), (1.6, 4.0, "sil")]}
    for words, first, last in ((told, 28, 44), ({}, 0, 64)):
        (one,) = read_observed(tmp_path, words, variants=1, seed=4)
        speed = FRAMES / len(one.motion)
        jaw = one.motion[:, JAW]
        quiet = np.ones(len(jaw), bool)
        quiet[max(0, int((first - 6) / speed)) : int((last + 6) / speed)] = False
        assert quiet.sum() > 20
        assert np.abs(jaw[quiet]).max() < 0.02
        assert jaw[~quiet].max() > 0.5


def test_every_variant_keeps_voice_and_lips_together(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    motion = seen(rng)
    envelope = np.repeat(motion[:, JAW] - 0.3, 640)
    waveform = (0.3 * envelope * rng.standard_normal(FRAMES * 640)).clip(-1, 1).astype(np.float32)
    write_shard(tmp_path / "observed-00000.safetensors", [MotionClip(waveform, motion, 5, "a")])
    (tmp_path / "observed.json").write_text('{"shards": 1}')
    clips = read_observed(tmp_path, variants=3, seed=4)
    assert len({len(clip.waveform) for clip in clips}) == 3, "each has its own speed"
    for clip in clips:
        frames = num_frames(len(clip.waveform))
        assert clip.motion.shape == (frames, 20)
        padded = np.pad(clip.waveform, (0, frames * 640 - len(clip.waveform)))
        loud = padded.reshape(frames, 640).std(axis=1)
        assert np.corrcoef(loud, clip.motion[:, JAW])[0, 1] > 0.9
    assert not np.array_equal(clips[0].motion[:, INDEX["gaze_x"]], 0), "eyes live"


def test_the_same_seed_gives_the_same_clips(tmp_path: Path) -> None:
    clip = MotionClip(np.full(FRAMES * 640, 0.1, np.float32), seen(np.random.default_rng(3)), 5, "")
    write_shard(tmp_path / "observed-00000.safetensors", [clip])
    (tmp_path / "observed.json").write_text('{"shards": 1}')
    first, second = (read_observed(tmp_path, seed=7) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.motion, b.motion)
        np.testing.assert_array_equal(a.waveform, b.waveform)

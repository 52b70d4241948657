"""A recording is read in pieces that together are the whole."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from openfloat.audio.io import load_audio, write_wave
from openfloat.audio.normalise import measure
from openfloat.audio.recording import Recording
from openfloat.errors import BadInput, BadMedia

FRAME = 640


def sound(samples: int) -> np.ndarray:
    return (0.3 * np.sin(np.arange(samples) ** 1.3)).astype(np.float32)


@pytest.fixture(params=["samples", "file"])
def recording(request: pytest.FixtureRequest, tmp_path: Path) -> Recording:
    samples = sound(25 * 16_000 + 77)
    if request.param == "samples":
        return Recording.open(samples)
    write_wave(tmp_path / "a.wav", samples)
    return Recording.open(tmp_path / "a.wav")


def whole(recording: Recording) -> np.ndarray:
    source = recording.source
    return load_audio(source) if isinstance(source, Path) else source


def test_length_and_levels_are_those_of_the_samples(recording: Recording) -> None:
    samples = whole(recording)
    assert recording.num_samples == len(samples)
    assert recording.num_frames == -(-len(samples) // FRAME)
    for ours, theirs in zip(
        recording.levels, measure([torch.from_numpy(samples)[None]]), strict=True
    ):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(("frames", "margin"), [(50, 12), (400, 50), (7, 0), (10_000, 3)])
def test_stretches_are_the_samples_with_context(
    recording: Recording, frames: int, margin: int
) -> None:
    samples, start = whole(recording), 0
    for stretch in recording.stretches(frames, margin):
        first = max(0, start - margin)
        stop = min(start + frames, recording.num_frames)
        end = min(stop + margin, recording.num_frames)
        expected = samples[first * FRAME : end * FRAME]
        np.testing.assert_array_equal(stretch.samples[0].numpy(), expected)
        assert stretch.num_frames == end - first
        assert stretch.inner == slice(start - first, stop - first)
        start = stop
    assert start == recording.num_frames


@pytest.mark.parametrize("most", [100, 160_000, 200_000, 10**9])
def test_the_head_is_the_beginning(recording: Recording, most: int) -> None:
    np.testing.assert_array_equal(recording.head(most)[0].numpy(), whole(recording)[:most])


def test_a_file_that_shrinks_meanwhile_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_wave(path, sound(30_000))
    recording = Recording.open(path)
    write_wave(path, sound(20_000))
    with pytest.raises(BadMedia, match="has changed"):
        list(recording.stretches(50, 0))


def test_a_silent_file_and_samples_of_two_channels_are_refused(tmp_path: Path) -> None:
    write_wave(tmp_path / "a.wav", np.zeros(16_000, np.float32))
    with pytest.raises(BadMedia, match="silent"):
        Recording.open(tmp_path / "a.wav")
    with pytest.raises(BadInput, match="not one channel"):
        Recording.open(np.zeros((2, 100), np.float32))


HELD = """
import sys
import torch
from openfloat.audio.recording import Recording

def held():
    return int(open("/proc/self/status").read().split("RssAnon:")[1].split()[0]) / 1000

Recording.open(sys.argv[1])
before = held()
Recording.open(sys.argv[2])
print(held() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_a_quarter_of_an_hour_leaves_nothing_behind(tmp_path: Path) -> None:
    # a fresh process: what others left would be filled first
    for name, seconds in (("short.wav", 20), ("long.wav", 900)):
        write_wave(tmp_path / name, sound(16_000 * seconds))
    files = [str(tmp_path / name) for name in ("short.wav", "long.wav")]
    told = subprocess.run(
        [sys.executable, "-c", HELD, *files], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    assert float(told) < 25  # the samples take 58

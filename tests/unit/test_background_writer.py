"""Encoding beside decoding: the same file, the same errors, nothing left behind."""

import threading
from pathlib import Path

import numpy as np
import pytest

from openfloat.errors import BadInput, NotWritten
from openfloat.vision.background import BackgroundWriter
from openfloat.vision.video_reader import read_frames
from openfloat.vision.video_writer import VideoWriter


def noise(num_frames: int, height: int = 64) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (num_frames, height, 96, 3), np.uint8)


def test_the_frames_are_those_of_the_plain_writer(tmp_path: Path) -> None:
    frames = noise(50)
    with VideoWriter(tmp_path / "plain.mp4", 96, 64) as plain:
        plain.write(frames)
    with BackgroundWriter(VideoWriter(tmp_path / "beside.mp4", 96, 64)) as beside:
        for start in range(0, 50, 8):
            beside.write(frames[start : start + 8])
    for one, other in zip(
        read_frames(tmp_path / "plain.mp4"), read_frames(tmp_path / "beside.mp4"), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["beside.mp4", "plain.mp4"]


@pytest.mark.parametrize("after", [0, 10])
def test_an_error_of_the_encoder_reaches_the_caller(tmp_path: Path, after: int) -> None:
    """On the last frames it does so when the block ends, earlier before all is handed over."""
    path = tmp_path / "out.mp4"
    path.write_bytes(b"an earlier video")

    def writing() -> None:
        with BackgroundWriter(VideoWriter(path, 96, 64)) as video:
            video.write(noise(2))
            video.write(noise(2, height=32))
            for _ in range(after):
                video.write(noise(2))

    with pytest.raises(BadInput, match="96x64"):
        writing()
    assert path.read_bytes() == b"an earlier video"
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_interruption_leaves_nothing_not_even_a_thread(
    tmp_path: Path, error: type[BaseException]
) -> None:
    threads = threading.active_count()

    def interrupted_writing() -> None:
        with BackgroundWriter(VideoWriter(tmp_path / "out.mp4", 96, 64)) as video:
            video.write(noise(30))
            video.write(noise(30))
            raise error

    with pytest.raises(error):
        interrupted_writing()
    assert not list(tmp_path.iterdir())
    assert threading.active_count() == threads


def test_what_cannot_be_opened_is_refused_before_a_thread_starts(tmp_path: Path) -> None:
    threads = threading.active_count()
    missing = VideoWriter(tmp_path / "gone" / "out.mp4", 96, 64)
    with pytest.raises(NotWritten, match="no such folder"), BackgroundWriter(missing):
        pass
    assert threading.active_count() == threads

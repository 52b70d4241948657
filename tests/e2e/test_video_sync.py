"""Videos through the writer and back: in sync, of equal length, and never half written."""

import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from openfloat.errors import BadInput, BadMedia, NotWritten
from openfloat.vision.video_reader import probe, read_frames
from openfloat.vision.video_writer import VideoWriter, write_png_frames

FPS = 25
FLASHES = (25, 50, 75)
"""Frames that are white; a click sounds at the start of each."""


def write_clicks(path: Path, *, rate: int, channels: int, seconds: float) -> Path:
    sound = np.zeros((round(seconds * rate), channels), np.int16)
    for frame in FLASHES:
        start = frame * rate // FPS
        sound[start : start + rate // 100] = 24_000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(sound.tobytes())
    return path


def flashing(num_frames: int, height: int = 64, width: int = 96) -> np.ndarray:
    frames = np.full((num_frames, height, width, 3), 40, np.uint8)
    frames[list(FLASHES)] = 250
    return frames


def read_sound(path: Path) -> tuple[np.ndarray, int]:
    """Loudest channel over time, with the time stamps that a player goes by."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
        rate = frames[0].sample_rate
        start = round(frames[0].pts * frames[0].time_base * rate)
        samples = np.concatenate([np.abs(frame.to_ndarray()).max(axis=0) for frame in frames])
    return np.concatenate([np.zeros(max(start, 0)), samples]), rate


@pytest.mark.parametrize(
    ("rate", "channels"), [(16_000, 1), (44_100, 2), (48_000, 2), (96_000, 1), (22_254, 1)]
)
def test_flashes_and_clicks_coincide_within_a_frame(
    tmp_path: Path, rate: int, channels: int
) -> None:
    sound = write_clicks(tmp_path / "clicks.wav", rate=rate, channels=channels, seconds=4)
    path = tmp_path / "out.mp4"
    with VideoWriter(path, 96, 64, audio=sound) as video:
        for start in range(0, 100, 7):
            video.write(flashing(100)[start : start + 7])
    seen = [i for i, frame in enumerate(read_frames(path)) if frame.mean() > 128]
    assert tuple(seen) == FLASHES
    samples, rate_out = read_sound(path)
    loud = np.flatnonzero(samples > 0.3) / rate_out
    heard = loud[np.concatenate([[True], np.diff(loud) > 0.5])]
    np.testing.assert_allclose(heard, np.array(FLASHES) / FPS, atol=0.01)


@pytest.mark.parametrize("seconds", [1.0, 9.0])
def test_sound_is_cut_or_padded_to_the_length_of_the_video(tmp_path: Path, seconds: float) -> None:
    sound = write_clicks(tmp_path / "clicks.wav", rate=16_000, channels=1, seconds=4)
    if seconds < 4:
        sound = write_clicks(tmp_path / "short.wav", rate=16_000, channels=1, seconds=1.5)
    num_frames = round(max(seconds, 3.04) * FPS)
    path = tmp_path / "out.mp4"
    with VideoWriter(path, 96, 64, audio=sound) as video:
        video.write(flashing(num_frames))
    with av.open(str(path)) as container:
        lengths = [float(s.duration * s.time_base) for s in container.streams]
    assert lengths[0] == pytest.approx(num_frames / FPS, abs=1e-3)
    assert lengths[1] == pytest.approx(num_frames / FPS, abs=1 / FPS)
    assert sum(1 for _ in read_frames(path)) == num_frames


def test_the_sound_of_a_video_file_can_be_taken_over(tmp_path: Path) -> None:
    sound = write_clicks(tmp_path / "clicks.wav", rate=16_000, channels=1, seconds=4)
    first, second = tmp_path / "first.mp4", tmp_path / "second.mp4"
    for path, source in ((first, sound), (second, first)):
        with VideoWriter(path, 96, 64, audio=source) as video:
            video.write(flashing(100))
    once, twice = (read_sound(path)[0] for path in (first, second))
    onsets = [np.flatnonzero(samples > 0.3)[0] / 16_000 for samples in (once, twice)]
    np.testing.assert_allclose(onsets, [1.0, 1.0], atol=0.005)


def test_a_video_without_sound_has_one_stream_and_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with VideoWriter(path, 96, 64) as video:
        video.write(flashing(80))
    info = probe(path)
    assert (info.width, info.height, info.fps, info.num_frames) == (96, 64, 25.0, 80)
    assert info.duration_s == pytest.approx(80 / 25)
    assert info.audio_rate is None
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        bt709 = 1
        tags = (context.colorspace, context.color_primaries, context.color_trc)
        assert tags == (bt709, bt709, bt709)


def test_other_frame_rates_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with VideoWriter(path, 64, 64, fps=Fraction(30_000, 1001)) as video:
        video.write(np.zeros((30, 64, 64, 3), np.uint8))
    assert probe(path).fps == pytest.approx(30_000 / 1001)


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (190, 140, 120)])
def test_colours_come_back_within_four_levels(tmp_path: Path, colour: tuple[int, ...]) -> None:
    path = tmp_path / "out.mp4"
    with VideoWriter(path, 64, 64) as video:
        video.write(np.full((3, 64, 64, 3), colour, np.uint8))
    for frame in read_frames(path):
        np.testing.assert_allclose(frame[32, 32], colour, atol=4)


def test_the_index_stands_before_the_pictures(tmp_path: Path) -> None:
    sound = write_clicks(tmp_path / "clicks.wav", rate=16_000, channels=1, seconds=4)
    path = tmp_path / "out.mp4"
    with VideoWriter(path, 96, 64, audio=sound) as video:
        video.write(flashing(80))
    content, atoms, at = path.read_bytes(), [], 0
    while at < len(content):
        atoms.append(content[at + 4 : at + 8])
        at += int.from_bytes(content[at : at + 4], "big")
    assert atoms.index(b"moov") < atoms.index(b"mdat")


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_interruption_leaves_nothing_and_keeps_the_old_file(
    tmp_path: Path, error: type[BaseException]
) -> None:
    sound = write_clicks(tmp_path / "clicks.wav", rate=16_000, channels=1, seconds=4)
    path = tmp_path / "out.mp4"
    path.write_bytes(b"an earlier video")

    def interrupted_writing() -> None:
        with VideoWriter(path, 96, 64, audio=sound) as video:
            video.write(flashing(80))
            raise error

    with pytest.raises(error):
        interrupted_writing()
    assert path.read_bytes() == b"an earlier video"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clicks.wav", "out.mp4"]


def test_the_file_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with VideoWriter(path, 96, 64) as video:
        video.write(flashing(80))
        assert not path.exists()
    assert path.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4"]


def test_bad_requests_are_one_sentence_and_leave_nothing(tmp_path: Path) -> None:
    text = tmp_path / "note.wav"
    text.write_text("no sound at all")
    silent = tmp_path / "silent.mp4"
    with VideoWriter(silent, 64, 64) as video:
        video.write(np.zeros((2, 64, 64, 3), np.uint8))
    before = sorted(tmp_path.iterdir())
    out = tmp_path / "out.mp4"
    for error, sentence, arguments in [
        (BadInput, "even", {"path": out, "width": 65}),
        (BadInput, r"\.mp4", {"path": tmp_path / "out.avi"}),
        (NotWritten, "no such folder", {"path": tmp_path / "gone" / "out.mp4"}),
        (BadMedia, "no such file", {"path": out, "audio": tmp_path / "gone.wav"}),
        (BadMedia, "not a sound or video file", {"path": out, "audio": text}),
        (BadMedia, "holds no sound", {"path": out, "audio": silent}),
        (BadInput, "no frames", {"path": out}),
    ]:
        settings = {"width": 64, "height": 64, **arguments}
        with pytest.raises(error, match=sentence), VideoWriter(**settings):
            pass
        assert sorted(tmp_path.iterdir()) == before


def test_frames_of_another_size_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="96x64"), VideoWriter(tmp_path / "o.mp4", 96, 64) as video:
        video.write(np.zeros((1, 96, 64, 3), np.uint8))
    assert not list(tmp_path.iterdir())


def test_reading_what_is_no_video_is_bad_media(tmp_path: Path) -> None:
    sound = write_clicks(tmp_path / "clicks.wav", rate=16_000, channels=1, seconds=4)
    for path in (sound, tmp_path / "gone.mp4"):
        with pytest.raises(BadMedia, match=r"no video|no such file"):
            next(iter(read_frames(path)))
        with pytest.raises(BadMedia, match=r"no video|no such file"):
            probe(path)


def test_a_phone_video_is_turned_upright(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    upright = np.full((2, 96, 64, 3), 40, np.uint8)
    upright[:, :20] = 220  # bright at the top
    with VideoWriter(path, 96, 64) as video:
        video.write(np.rot90(upright, 1, axes=(1, 2)))  # as the turned sensor saw it
    one, zero, minus = b"\x00\x01\x00\x00", b"\x00" * 4, b"\xff\xff\x00\x00"
    content = path.read_bytes()
    track = content.index(b"tkhd")
    identity = one + zero * 3 + one  # a b u c d of the display matrix
    clockwise = zero + one + zero + minus + zero
    at = content.index(identity, track)
    path.write_bytes(content[:at] + clockwise + content[at + len(identity) :])
    for frame in read_frames(path):
        assert frame.shape == (96, 64, 3)
        assert frame[:16].mean() > 200
        assert frame[24:].mean() < 60


def test_png_frames_appear_together_or_not_at_all(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (3, 8, 8, 3), np.uint8)
    write_png_frames(tmp_path / "frames", frames)
    from PIL import Image

    names = sorted(p.name for p in (tmp_path / "frames").iterdir())
    assert names == ["000000.png", "000001.png", "000002.png"]
    for name, frame in zip(names, frames, strict=True):
        with Image.open(tmp_path / "frames" / name) as image:
            np.testing.assert_array_equal(np.asarray(image), frame)

    def interrupted():  # type: ignore[no-untyped-def]
        yield frames[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_png_frames(tmp_path / "others", interrupted())
    with pytest.raises(NotWritten, match="exists already"):
        write_png_frames(tmp_path / "frames", frames)
    assert [p.name for p in tmp_path.iterdir()] == ["frames"]

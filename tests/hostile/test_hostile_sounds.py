"""Sounds and videos that are broken, endless, absurd, or want to reach elsewhere."""

import functools
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import media
import numpy as np
import pytest
from watching import Outcome, assert_bounded, assert_refused, everything_in, refused_or_done

from openfloat.audio.io import load_audio
from openfloat.errors import OpenFloatError
from openfloat.marking.report import inspect_file
from openfloat.vision.soundtrack import Soundtrack
from openfloat.vision.timed_frames import read_timed_frames
from openfloat.vision.video_reader import probe

pytestmark = pytest.mark.hostile
HOUR = 3600 * 16_000 * 2
CODECS = {
    "wav": ("wav", "pcm_s16le", False), "flac": ("flac", "flac", False),
    "mp3": ("mp3", "libmp3lame", False), "ogg": ("ogg", "libopus", False),
    "m4a": ("ipod", "aac", False), "webm": ("webm", "libopus", False),
    "mp4": ("mp4", "aac", True), "mkv": ("matroska", "aac", True),
    "avi": ("avi", "mp3", True), "ts": ("mpegts", "aac", True),
}  # fmt: skip


@functools.cache
def encoded(suffix: str) -> bytes:
    container, codec, video = CODECS[suffix]
    return media.encoded(container, codec, video=video)


def with_nan(value: float) -> bytes:
    values = media.tone(0.3, 16_000)[0].copy()
    values[100] = value
    return media.float_wav(values)


REFUSED: dict[str, media.Maker] = {
    "nothing": media.written("a.wav", b""),
    "one byte": media.written("a.wav", b"R"),
    "text": media.written("a.mp3", b"la la la\n"),
    "zeros": media.written("a.mp3", bytes(50_000)),
    "a header alone": media.written("a.wav", media.int_wav(0.1, 16_000)[:44]),
    "no samples": media.written("a.wav", media.wav(b"", 16_000, 1, 16)),
    "exact silence": media.written("a.wav", media.silence(0.5)),
    "NaN": media.written("a.wav", with_nan(np.nan)),
    "infinity": media.written("a.wav", with_nan(np.inf)),
    "minus infinity": media.written("a.wav", with_nan(-np.inf)),
    "1 Hz": media.written("a.wav", media.int_wav(30, 1)),
    "100 Hz": media.written("a.wav", media.int_wav(3, 100)),
    "a rate of 2 GHz": media.written("a.wav", media.wav(bytes(8000), 2_000_000_000, 1, 16)),
    "768 kHz": media.written("a.wav", media.int_wav(0.1, 768_000)),
    "no rate": media.written("a.wav", media.wav(bytes(8000), 0, 1, 16)),
    "no channels": media.written("a.wav", media.wav(bytes(8000), 16_000, 0, 16)),
    "9 channels": media.written("a.wav", media.int_wav(0.05, 16_000, 9)),
    "64 channels": media.written("a.wav", media.int_wav(0.05, 16_000, 64)),
    "65,535 channels": media.written("a.wav", media.wav(bytes(300_000), 16_000, 65_535, 16)),
    "0 bits": media.written("a.wav", media.wav(bytes(8000), 16_000, 1, 0)),
    "an unknown codec": media.written("a.wav", media.wav(bytes(8000), 16_000, 1, 16, kind=0x7777)),
    "10 hours": media.sparse("a.wav", media.wav(b"", 16_000, 1, 16, size=10 * HOUR), 10 * HOUR),
    "5 hours": media.sparse("a.wav", media.wav(b"", 16_000, 1, 16, size=5 * HOUR), 5 * HOUR),
    "a video without sound": media.written("a.mp4", media.video_without_sound()),
    "a picture": media.written("a.wav", media.png(4, 4, bytes(52))),
    "a safetensors file": media.written("a.wav", (2).to_bytes(8, "little") + b"{}"),
    "a program": media.written("a.wav", b"#!/bin/sh\necho hello > /tmp/hello\n"),
    "subtitles": media.written("a.srt", b"1\n00:00:00,000 --> 00:00:01,000\nhello\n"),
    "MIDI": media.written("a.mid", b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\4\0\xff\x2f\0"),
    "a gigabyte of nothing": media.sparse("a.mp3", b"", 2**30),
    "an mp4 without its index": media.written("a.mp4", encoded("mp4")[:900]),
}  # fmt: skip
USED: dict[str, media.Maker] = {
    "384 kHz": media.written("a.wav", media.int_wav(0.3, 384_000)),
    "2 kHz": media.written("a.wav", media.int_wav(0.3, 2_000)),
    "8 channels": media.written("a.wav", media.int_wav(0.3, 16_000, 8)),
    "a length that is a lie": media.written(
        "a.wav", media.wav(media.int_wav(0.3, 16_000)[44:], 16_000, 1, 16, size=2**32 - 1)
    ),
    "far too loud": media.written("a.wav", media.float_wav(1e6 * media.tone(0.3, 16_000))),
    "hardly to be heard": media.written("a.wav", media.float_wav(1e-9 * media.tone(0.3, 16_000))),
    "a constant": media.written("a.wav", media.float_wav(np.full(5000, 0.5))),
    "unsigned bytes": media.written(
        "a.wav", media.wav(np.arange(5000, dtype=np.uint8).tobytes(), 16_000, 1, 8)
    ),
    "a wav named mp3": media.written("a.mp3", media.int_wav(0.3, 16_000)),
    "a name of quotes": media.written('it\'s "a" $(id);&|.wav', media.int_wav(0.3, 16_000)),
    "a name like an address": media.written("http:__x?y#z.wav", media.int_wav(0.3, 16_000)),
    "half a sample at the end": media.written("a.wav", media.int_wav(0.3, 16_000)[:-1]),
    **{f"{kind}": media.written(f"a.{kind}", encoded(kind)) for kind in CODECS},
}


def damaged() -> dict[str, tuple[str, bytes]]:
    """Each container cut at five places and with bits turned over at five."""
    cases = {}
    for kind in CODECS:
        content = encoded(kind)
        for number in range(5):
            cut = content[: len(content) * (2 * number + 1) // 10]
            cases[f"{kind} cut at {2 * number + 1}0 %"] = (kind, cut)
            rng = np.random.default_rng(number)
            spoiled = np.frombuffer(content, np.uint8).copy()
            places = rng.integers(0, [400, len(content)][number % 2], 20)
            spoiled[places] ^= rng.integers(1, 256, 20).astype(np.uint8)
            cases[f"{kind} with other bits, {number}"] = (kind, spoiled.tobytes())
    return cases


DAMAGED = damaged()
Animate = Callable[[Path], Outcome]


@pytest.fixture
def animate(told: Callable[..., Outcome], tiny: Path, small_face: Path, out: Path) -> Animate:
    return lambda speech: told(
        "animate", small_face, speech, "-o", out / "a.mp4", "--model", tiny, "--nfe", "1",
        "--no-crop", "--emotion", "neutral",
    )  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_voice_is_refused_in_a_sentence(
    name: str, animate: Animate, tmp_path: Path, out: Path
) -> None:
    made = REFUSED[name](tmp_path)
    assert_refused(animate(made), made.name)
    assert not everything_in(out)


@pytest.mark.parametrize("name", USED)
def test_an_odd_voice_is_used(name: str, animate: Animate, tmp_path: Path, out: Path) -> None:
    outcome = animate(USED[name](tmp_path))
    assert outcome.status == 0, outcome.said
    assert_bounded(outcome)
    assert list(everything_in(out)) == ["a.mp4"]


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_sound_is_refused_or_heard(name: str, tmp_path: Path) -> None:
    kind, content = DAMAGED[name]
    made = media.written(f"a.{kind}", content)(tmp_path)
    if refused_or_done(lambda: load_audio(made), made.name):
        assert np.isfinite(load_audio(made)).all()
    refused_or_done(lambda: read_soundtrack(made), made.name)


@pytest.mark.parametrize("name", [name for name in DAMAGED if CODECS[name.split()[0]][2]])
def test_a_damaged_video_is_refused_or_seen(name: str, tmp_path: Path) -> None:
    kind, content = DAMAGED[name]
    made = media.written(f"a.{kind}", content)(tmp_path)
    refused_or_done(lambda: list(read_timed_frames(made)), made.name)
    refused_or_done(lambda: inspect_file(made), made.name)


def read_soundtrack(path: Path) -> None:
    track = Soundtrack(path)
    try:
        track.read(1000)
    finally:
        track.close()


@pytest.fixture(scope="module")
def listener() -> Iterator[tuple[str, list[object]]]:
    """An address on this machine, and who came to it."""
    came: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        stop = threading.Event()

        def listen() -> None:
            while not stop.is_set():
                try:
                    visitor, address = server.accept()
                except TimeoutError:
                    continue
                came.append(address)
                visitor.close()

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}", came
        stop.set()
        thread.join()


@pytest.mark.parametrize("name", media.playlists("x"))
def test_a_playlist_reaches_neither_the_network_nor_another_file(
    name: str, listener: tuple[str, list[object]], tmp_path: Path
) -> None:
    address, came = listener
    file, text = media.playlists(address)[name]
    made = media.written(file, text.encode())(tmp_path)
    for door in (load_audio, read_soundtrack, probe, inspect_file):
        with pytest.raises(OpenFloatError, match=made.name):
            door(made)
    assert not came


@pytest.mark.parametrize("scheme", ["http", "https", "tcp", "rtsp", "ftp", "data", "pipe", "concat",
                                    "file", "subfile", "crypto", "lavfi"])  # fmt: skip
def test_an_address_is_a_name_of_no_file(
    scheme: str, listener: tuple[str, list[object]], animate: Animate
) -> None:
    address, came = listener
    assert_refused(animate(Path(f"{scheme}://{address}/a.wav")))
    assert not came

"""The avatar for LiveKit: real speech in, pictures and sound out, in pairs and in time."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openfloat import FloatPipeline, SampleOptions
from openfloat.audio.io import load_audio
from openfloat.config import SAMPLES_PER_FRAME
from openfloat.marking.code import Payload
from openfloat.marking.watermark import Watermark
from openfloat.serving.live import LiveHost
from openfloat.serving.voice import Said, Voice
from openfloat.streaming.session import StreamingSession, Timing

rtc = pytest.importorskip("livekit.rtc", reason="the extra 'livekit' is not installed")

if True:  # imported once livekit is known to be there
    from openfloat.serving.livekit import Avatar

OPTIONS = SampleOptions(nfe=2)
TIMING = Timing(fresh_frames=5, look_ahead_frames=3)
END = object()


@pytest.fixture(scope="module")
def pipeline(lively: Path) -> FloatPipeline:
    return FloatPipeline.from_pretrained(str(lively))


@pytest.fixture(scope="module")
def host(pipeline: FloatPipeline) -> Iterator[LiveHost]:
    host = LiveHost(pipeline, 2)
    host.start()
    yield host
    host.stop()


@pytest.fixture(scope="module")
def voice(speech: Path) -> np.ndarray:
    """1.98 s, so that the last frame is half full."""
    return (load_audio(speech)[5_000 : 5_000 + 31_680] * 32767).astype(np.int16)


@asynccontextmanager
async def shown(host: LiveHost, portrait: Path) -> AsyncIterator[tuple[Avatar, Any]]:
    """An avatar and what comes out of it."""
    face = host.pipeline.encode(portrait)
    avatar = await Avatar.open(host, face, OPTIONS, TIMING, sample_rate=16_000, spare_frames=8)
    stream = avatar.__aiter__()
    try:
        yield avatar, stream
    finally:
        await stream.aclose()
        avatar.close()


async def push(avatar: Avatar, sound: np.ndarray) -> None:
    """In pieces of 10 ms and the end, as a receiver of LiveKit does."""
    for piece in np.split(sound, range(160, len(sound), 160)):
        await avatar.push_audio(rtc.AudioFrame(piece.tobytes(), 16_000, 1, len(piece)))
    await avatar.push_audio(END)


def pixels(frame: Any) -> np.ndarray:
    return np.frombuffer(frame.data, np.uint8).reshape(frame.height, frame.width, 3)


def test_speech_is_seen_and_heard_in_pairs_on_one_clock(
    host: LiveHost, portrait: Path, voice: np.ndarray
) -> None:
    async def talk() -> tuple[list[Shown], list[int], float]:
        moments: list[Shown] = []
        spoken: list[int] = []
        ended = False
        begun = time.perf_counter()
        async with shown(host, portrait) as (avatar, stream):
            while not ended or len(moments) < spoken[-1] + 10:
                match await anext(stream):
                    case rtc.VideoFrame() as frame:
                        begun = begun if moments else time.perf_counter()
                        moments.append(Shown(pixels(frame), len(moments)))
                        if len(moments) == 10:
                            await push(avatar, voice)
                    case rtc.AudioFrame() as frame:
                        assert (frame.sample_rate, frame.num_channels) == (16_000, 1)
                        moments[-1].sound = np.frombuffer(frame.data, np.int16)
                        spoken.append(len(moments) - 1)
                    case mark:
                        assert mark is END
                        ended = True
        return moments, spoken, time.perf_counter() - begun

    moments, spoken, took = asyncio.run(talk())
    pace = took / len(moments)
    late = (spoken[0] - 9) * 40
    # a machine with too much to do shows a picture again; the sound then waits as well
    moments = [m for m, last in zip(moments, [None, *moments], strict=False) if not m.again(last)]
    onset = next(i for i, m in enumerate(moments) if m.sound is not None)
    heard = np.concatenate([m.sound for m in moments if m.sound is not None])
    assert np.array_equal(heard[: len(voice)], voice), "nothing is lost or changed"
    assert not heard[len(voice) :].any()
    assert len(heard) == 50 * SAMPLES_PER_FRAME, "the sound lasts as long as its 50 pictures"
    assert all(m.sound is not None for m in moments[onset : onset + 50]), "40 ms to a picture"
    assert 0.037 < pace < 0.4, "never quicker than the clock"

    expected = drawn_apart(host.pipeline, portrait, voice, onset)
    assert len({picture.tobytes() for picture in expected[:onset]}) == onset, "idle faces move"
    mark = Watermark(64, 64, Payload.of(host.pipeline.config.name, OPTIONS.seed))
    skew = np.array([m.index(mark, expected, i) - i for i, m in enumerate(moments)])
    sys.stdout.write(
        f"livekit: {pace * 1000:.1f} ms a picture, sound after picture {skew.min() * 40} to "
        f"{skew.max() * 40} ms, first sound {late} ms after it was pushed\n"
    )
    assert not skew.any(), "each picture is the one of its sound"


@dataclass
class Shown:
    """A picture, how many came before it, and its sound."""

    picture: np.ndarray
    number: int
    sound: np.ndarray | None = None

    def again(self, last: "Shown | None") -> bool:
        """Whether it is the picture before once more."""
        return last is not None and np.array_equal(self.picture, last.picture)

    def index(self, mark: Watermark, frames: list[np.ndarray], near: int) -> int:
        """Which frame it is, to the bit; marked as of a tick that may have been some later."""
        for index in sorted(range(near - 5, near + 6), key=lambda i: abs(i - near)):
            if 0 <= index < len(frames):
                for tick in range(self.number, self.number + 16):
                    if np.array_equal(mark(frames[index], tick / 25), self.picture):
                        return index
        pytest.fail(f"picture {self.number} is none of the expected ones")


def drawn_apart(
    pipeline: FloatPipeline, portrait: Path, voice: np.ndarray, onset: int
) -> list[np.ndarray]:
    """The same by a session of its own: silence, taken back where it is not drawn, speech."""
    session = StreamingSession(pipeline, portrait, OPTIONS, TIMING)
    quiet = np.zeros((onset + TIMING.look_ahead_frames) * SAMPLES_PER_FRAME, np.int16)
    chunks = list(session.push(quiet))
    session.interrupt()
    chunks += session.push(np.concatenate([voice, np.zeros(40 * SAMPLES_PER_FRAME, np.int16)]))
    return [frame for chunk in chunks for frame in chunk.frames]


def test_an_interruption_drops_what_was_not_shown(
    host: LiveHost, portrait: Path, voice: np.ndarray
) -> None:
    async def talk() -> tuple[list[np.ndarray], int, list[object]]:
        sounds, after, marks = [], 0, []
        async with shown(host, portrait) as (avatar, stream):
            await push(avatar, voice)
            async for frame in stream:
                if isinstance(frame, rtc.AudioFrame):
                    sounds.append(np.frombuffer(frame.data, np.int16))
                    if len(sounds) == 10:
                        await avatar.clear_buffer()
                        await push(avatar, voice[16_000:17_920])
                elif frame is END:
                    marks.append(frame)
                elif marks:
                    after += 1
                    if after == 12:
                        break
        return sounds, after, marks

    sounds, _, marks = asyncio.run(talk())
    assert np.array_equal(np.concatenate(sounds[:10]), voice[:6_400])
    assert np.array_equal(np.concatenate(sounds[10:]), voice[16_000:17_920])
    assert len(marks) == 1, "the end of what was dropped is not told"


def test_livekits_own_runner_plays_it_and_tells_how_far(
    host: LiveHost, portrait: Path, voice: np.ndarray
) -> None:
    avatars = pytest.importorskip(
        "livekit.agents.voice.avatar", reason="livekit-agents is not installed"
    )

    class Runner(avatars.AvatarRunner):
        """Needs no server: the tracks are filled and not published."""

        async def _publish_track(self) -> None:
            self._video_publication = object()

    async def talk() -> list[tuple[float, bool]]:
        played: list[tuple[float, bool]] = []
        receiver = avatars.QueueAudioOutput(sample_rate=16_000)
        receiver.on("playback_finished", lambda e: played.append(
            (e.playback_position, e.interrupted)))  # fmt: skip
        async with shown(host, portrait) as (avatar, stream):
            assert isinstance(avatar, avatars.VideoGenerator)
            await stream.aclose()
            options = avatars.AvatarOptions(**avatar.options)
            runner = Runner(rtc.Room(), audio_recv=receiver, video_gen=avatar, options=options)
            await runner.start()
            for wanted in (1, 2):
                for piece in np.split(voice, range(1_600, len(voice), 1_600)):
                    frame = rtc.AudioFrame(piece.tobytes(), 16_000, 1, len(piece))
                    await receiver.capture_frame(frame)
                receiver.flush()
                if wanted == 2:
                    await asyncio.sleep(1.5)
                    receiver.clear_buffer()
                while len(played) < wanted:
                    await asyncio.sleep(0.02)
            await runner.aclose()
        return played

    (whole, cut), (part, short) = asyncio.run(talk())
    assert (whole, cut, short) == (pytest.approx(2.0), False, True)
    assert 0 <= part < 1.5


def test_a_voice_of_any_rate_becomes_frames_of_two_rates() -> None:
    for rate in (8_000, 16_000, 22_050, 24_000, 44_100, 48_000):
        seconds = np.arange(int(1.23 * rate)) / rate
        tone = (8_000 * np.sin(2 * np.pi * 440 * seconds)).astype(np.int16)
        said = Voice(24_000)
        for piece in np.split(tone, range(333, len(tone), 333)):
            said.add(np.stack([piece, piece], 1), rate)
        assert said.begun
        said.end(END)
        taken = []
        while isinstance(item := said.take(), Said):
            taken.append(item)
        assert item is END
        assert len(taken) == 31, f"1.23 s at {rate} are 31 begun frames"
        for sound, its in ((np.concatenate([t.heard for t in taken]), 24_000),
                           (np.concatenate([t.face for t in taken]), 16_000)):  # fmt: skip
            there = np.arange(int(0.1 * its), int(1.1 * its))
            wanted = 8_000 * np.sin(2 * np.pi * 440 * there / its)
            assert np.abs(sound[there] - wanted).max() < 80, f"{rate} to {its}: shifted or bent"


def test_the_worker_says_how_it_is_run() -> None:
    worker = Path(__file__).parents[2] / "integrations" / "livekit" / "worker.py"
    told = subprocess.run([sys.executable, worker, "--help"], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert "--agent" in told.stdout

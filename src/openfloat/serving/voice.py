"""Speech that waits to be said: at any rate, cut into frames of 40 ms."""

import time
from collections import deque
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from openfloat.config import FPS, SAMPLE_RATE
from openfloat.errors import BadInput

Sound = NDArray[np.int16]
RATES = (8_000, 192_000)
"""Samples a second that sound may come with."""


@dataclass(frozen=True, eq=False, slots=True)
class Said:
    """The sound of one frame.

    Attributes:
        heard: (r / 25,) for the listener, at the voice's rate r.
        face: (640,) the same for the face, at 16 kHz.
    """

    heard: Sound
    face: Sound


class Voice:
    """A queue of speech; what comes in pieces of any length and rate leaves in whole frames.

    Args:
        rate: samples a second that are heard, a multiple of 25.
    """

    def __init__(self, rate: int) -> None:
        if rate % FPS or not RATES[0] <= rate <= RATES[1]:
            raise BadInput(f"rate={rate} is no multiple of {FPS} from {RATES[0]} to {RATES[1]}")
        self.rate = rate
        self.last_heard = 0.0
        """When sound came last, on the monotonic clock."""
        self._heard, self._face = _Line(rate), _Line(SAMPLE_RATE)
        self._waiting: deque[Said | object] = deque()

    @property
    def frames(self) -> int:
        """Whole frames that wait."""
        return sum(isinstance(item, Said) for item in self._waiting)

    @property
    def begun(self) -> bool:
        """Whether there is speech whose end was not said."""
        return self._heard.begun

    def add(self, sound: Sound, rate: int) -> None:
        """Say more.

        Args:
            sound: (s,) or (s, channels), whose mean is taken.
            rate: of these samples, a second.

        Raises:
            BadInput: another kind of samples.
        """
        if sound.dtype != np.int16 or sound.ndim not in (1, 2) or not sound.size:
            raise BadInput(f"{sound.dtype} of shape {sound.shape} is no sound")
        if not RATES[0] <= rate <= RATES[1]:
            raise BadInput(f"rate={rate} is not from {RATES[0]} to {RATES[1]}")
        mono = sound if sound.ndim == 1 else np.rint(sound.mean(1)).astype(np.int16)
        self.last_heard = time.monotonic()
        for line in (self._heard, self._face):
            line.add(mono, rate)
        self._cut()

    def end(self, mark: object | None = None) -> None:
        """The speech is over: its last frame is filled up with silence.

        Args:
            mark: comes out of `take` after that frame.
        """
        for line in (self._heard, self._face):
            line.end()
        missing = self._heard.frames - self._face.frames
        for line, frames in ((self._face, missing), (self._heard, -missing)):
            line.silence(max(0, frames))
        self._cut()
        if mark is not None:
            self._waiting.append(mark)

    def take(self) -> Said | object | None:
        """The next frame, or a mark between two, or none."""
        return self._waiting.popleft() if self._waiting else None

    def clear(self) -> None:
        """Forget all of it."""
        self._heard, self._face = _Line(self.rate), _Line(SAMPLE_RATE)
        self._waiting.clear()

    def _cut(self) -> None:
        for _ in range(min(self._heard.frames, self._face.frames)):
            self._waiting.append(Said(self._heard.take(), self._face.take()))


class _Line:
    """Sound brought to one rate, from which frames are taken."""

    def __init__(self, rate: int) -> None:
        self._rate, self._frame = rate, rate // FPS
        self._from: int | None = None
        self._stream: soxr.ResampleStream | None = None
        self._kept = np.empty(0, np.int16)

    @property
    def begun(self) -> bool:
        return self._from is not None

    @property
    def frames(self) -> int:
        return len(self._kept) // self._frame

    def add(self, sound: Sound, rate: int) -> None:
        if rate != self._from:
            self._flush()
            self._from = rate
            if rate != self._rate:
                self._stream = soxr.ResampleStream(rate, self._rate, 1, dtype="int16", quality="HQ")
        if self._stream is not None:
            sound = self._stream.resample_chunk(sound)
        self._kept = np.concatenate([self._kept, sound])

    def end(self) -> None:
        """Whole frames alone are left."""
        self._flush()
        self._kept = np.pad(self._kept, (0, -len(self._kept) % self._frame))

    def silence(self, frames: int) -> None:
        self._kept = np.pad(self._kept, (0, frames * self._frame))

    def take(self) -> Sound:
        taken, self._kept = self._kept[: self._frame], self._kept[self._frame :]
        return taken

    def _flush(self) -> None:
        """What the resampler still holds."""
        if self._stream is not None:
            rest = self._stream.resample_chunk(np.empty(0, np.int16), last=True)
            self._kept = np.concatenate([self._kept, rest])
        self._from = self._stream = None

"""Many sessions, one model: windows drawn in batches, and no session can hurt another."""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from openfloat.clip import Chunk, Portrait
from openfloat.config import FPS
from openfloat.errors import BadInput, Busy, OpenFloatError
from openfloat.options import SampleOptions
from openfloat.pipeline import FloatPipeline, PictureLike
from openfloat.sampling import Carry
from openfloat.streaming.session import Pending, StreamingSession, Timing, draw

logger = logging.getLogger(__name__)

LONGEST_OUTBOX = 10 * FPS
"""Frames that may wait to be taken; a session whose client takes none is not drawn further."""
REMEMBERED = 1000
"""Measurements of each kind that are kept."""


@dataclass(eq=False, slots=True)
class Seat:
    """One session in the engine, with what is on its way in and out."""

    number: int
    session: StreamingSession
    outbox: deque[Chunk] = field(default_factory=deque)
    error: str = ""
    """Why the session broke, if it did."""
    ended: bool = False
    heard_at: float | None = None
    """When the first sound came that no window was drawn for yet."""
    begun_at: float | None = None
    """When its very first sound came."""
    answered: bool = False

    @property
    def waiting_frames(self) -> int:
        """Frames made and not taken."""
        return sum(len(chunk.frames) for chunk in self.outbox)


class Clock(NamedTuple):
    """Where a session is, in frames from its beginning."""

    shown: int
    """Frames given out: the index of the next one."""
    drawn: int
    """Frames whose motion is drawn: what is heard after an interruption belongs to this one."""


@dataclass(eq=False, slots=True)
class Metrics:
    """The last measurements, milliseconds."""

    queue_wait: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """From sound to the start of drawing its window."""
    motion: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """Drawing one batch of windows."""
    decode: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """Decoding the frames of one session's window."""
    first_frame: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """From a session's first sound to its first frame."""
    batch: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """Windows drawn together."""


class Engine:
    """Sessions come and go; `step` draws one window of each that has heard enough.

    One thread calls it. Sessions with the same solver, evaluations and scales share a batch; what
    one session draws does not depend on the others, up to rounding.
    """

    def __init__(
        self,
        pipeline: FloatPipeline,
        *,
        most_sessions: int = 16,
        on_frames: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Serve a loaded model.

        Args:
            pipeline: shared by all sessions.
            most_sessions: beyond these `open` refuses.
            on_frames: called within `step` with a session's number when some of its frames may be
                taken, while the others of its window are still to be decoded.
        """
        self.pipeline, self.most_sessions = pipeline, most_sessions
        self._on_frames = on_frames
        self.metrics = Metrics()
        self._seats: dict[int, Seat] = {}
        self._numbers = count(1)

    def __len__(self) -> int:
        return len(self._seats)

    def open(
        self,
        portrait: PictureLike | Portrait,
        options: SampleOptions = SampleOptions(),
        timing: Timing = Timing(),
        state: bytes | None = None,
    ) -> int:
        """Begin a session, or go on with one from its state; returns its number.

        Raises:
            Busy: there are as many sessions as are allowed.
            BadInput: the portrait, the timing or the state cannot be used.
        """
        if len(self._seats) >= self.most_sessions:
            raise Busy(f"all {self.most_sessions} sessions are taken: try again later")
        session = StreamingSession(self.pipeline, portrait, options, timing, state=state)
        number = next(self._numbers)
        self._seats[number] = Seat(number, session)
        return number

    def push(self, number: int, sound: NDArray[np.float32] | NDArray[np.int16]) -> None:
        """Let a session hear more; nothing is drawn before the next `step`.

        Raises:
            OpenFloatError: the session has broken; BadInput: it has ended, or the sound is bad.
        """
        seat = self._seat(number)
        seat.session.hear(sound)
        seat.heard_at = seat.heard_at or time.perf_counter()
        seat.begun_at = seat.begun_at or seat.heard_at

    def flush(self, number: int) -> None:
        """No more sound will come for a session."""
        self._seat(number).session.end()

    def interrupt(self, number: int) -> None:
        """Forget what a session has heard and not drawn, and what was drawn and not taken."""
        self.unhear(number)
        self._seat(number).outbox.clear()

    def unhear(self, number: int) -> None:
        """Forget what a session has heard and not drawn; frames that are drawn will be shown."""
        self._seat(number).session.interrupt()

    def clock(self, number: int) -> Clock:
        """How far a session is; frames that are drawn and not taken count as shown."""
        state = self._found(number).session.state
        return Clock(state.shown, state.drawn)

    def take(self, number: int) -> list[Chunk]:
        """All frames of a session that are ready, in order.

        Raises:
            OpenFloatError: there are none left and the session has broken.
        """
        seat = self._found(number)
        chunks = list(seat.outbox)
        seat.outbox.clear()
        if not chunks and seat.error:
            raise OpenFloatError(f"the session has broken: {seat.error}")
        return chunks

    def waiting_frames(self, number: int) -> int:
        """Frames of sound that a session has heard and not drawn."""
        return self._found(number).session.waiting_frames

    def finished(self, number: int) -> bool:
        """Whether a session has ended and all its frames are taken."""
        seat = self._found(number)
        return seat.session.finished and not seat.outbox

    def close(self, number: int) -> bytes:
        """End a session and return its state, from which another engine can go on."""
        state = self._found(number).session.state
        del self._seats[number]
        return state.to_bytes()

    def step(self) -> int:
        """Draw at most one window of every session; returns how many were drawn."""
        groups: dict[SampleOptions, list[tuple[Seat, Pending]]] = {}
        for seat in list(self._seats.values()):
            pending = self._pending(seat)
            if pending is not None:
                groups.setdefault(seat.session.drawing, []).append((seat, pending))
        for options, group in groups.items():
            self._draw(options, group)
        return sum(len(group) for group in groups.values())

    def _found(self, number: int) -> Seat:
        if number not in self._seats:
            raise BadInput(f"there is no session {number}")
        return self._seats[number]

    def _seat(self, number: int) -> Seat:
        seat = self._found(number)
        if seat.error:
            raise OpenFloatError(f"the session has broken: {seat.error}")
        return seat

    def _pending(self, seat: Seat) -> Pending | None:
        """The session's next window; a session that fails here fails alone."""
        if seat.error or seat.waiting_frames > LONGEST_OUTBOX:
            return None
        try:
            pending = seat.session.pending()
            if pending is None:
                seat.outbox.extend(seat.session.rest())
        except Exception as error:
            self._break(seat, error)
            return None
        if pending is not None and seat.heard_at is not None:
            self.metrics.queue_wait.append((time.perf_counter() - seat.heard_at) * 1e3)
        return pending

    def _draw(self, options: SampleOptions, group: list[tuple[Seat, Pending]]) -> None:
        """Draw windows together; if that fails, one by one, to find the session at fault."""
        started = time.perf_counter()
        try:
            motion = draw(self.pipeline, _batched([pending for _, pending in group]), options)
        except Exception as error:
            if len(group) == 1:
                self._break(group[0][0], error)
                return
            logger.warning("windows cannot be drawn together: one by one", exc_info=error)
            for member in group:
                self._draw(options, [member])
            return
        self.metrics.motion.append((time.perf_counter() - started) * 1e3)
        self.metrics.batch.append(len(group))
        for (seat, pending), drawn in zip(group, motion.split(1), strict=True):
            self._accept(seat, pending, drawn)

    def _accept(self, seat: Seat, pending: Pending, drawn: torch.Tensor) -> None:
        """Decode what was drawn for a session."""
        started = time.perf_counter()
        try:
            for chunk in seat.session.accept(drawn, pending):
                seat.outbox.append(chunk)
                self._answer(seat)
                self._on_frames(seat.number)
        except Exception as error:
            self._break(seat, error)
            return
        self.metrics.decode.append((time.perf_counter() - started) * 1e3)
        seat.heard_at = None

    def _answer(self, seat: Seat) -> None:
        """Note how long a session's very first frame took."""
        if not seat.answered and seat.begun_at is not None:
            self.metrics.first_frame.append((time.perf_counter() - seat.begun_at) * 1e3)
            seat.answered = True

    def _break(self, seat: Seat, error: Exception) -> None:
        """Whatever went wrong in one session ends that session."""
        logger.error("a session has broken", exc_info=error)
        seat.error = str(error) or type(error).__name__


def _batched(windows: list[Pending]) -> Pending:
    """Several windows as one batch; their carries differ in nothing but what is batched."""

    def joined(name: str) -> torch.Tensor:
        return torch.cat([getattr(window, name) for window in windows])

    carry = Carry(
        past_motion=torch.cat([window.carry.past_motion for window in windows]),
        past_speech=torch.cat([window.carry.past_speech for window in windows]),
        window=0,
    )
    return Pending(
        joined("speech"),
        0,  # this and the last are each window's own
        carry,
        joined("reference"),
        joined("emotion"),
        joined("noise"),
        torch.empty(0),
    )

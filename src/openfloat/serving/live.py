"""One thread that steps the engine for all live sessions, and hands frames to the event loop."""

import asyncio
import logging
import queue
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from openfloat.audio.frames import num_frames, num_samples
from openfloat.clip import Chunk, Portrait
from openfloat.config import FPS
from openfloat.errors import BadInput, Busy, OpenFloatError
from openfloat.options import SampleOptions
from openfloat.pipeline import FloatPipeline
from openfloat.serving.giving_way import Pauses
from openfloat.serving.metrics import Summary
from openfloat.streaming.engine import Clock, Engine
from openfloat.streaming.session import Timing

logger = logging.getLogger(__name__)

REST_S = 0.05
"""Seconds between looks at sessions that have nothing to be drawn."""
LONGEST_WAITING = 120 * FPS
"""Frames of sound that a client may be ahead."""
LONGEST_UNSENT = 4 * FPS
"""Frames that may wait for a slow client here; more stay in the engine, which then draws none."""

T = TypeVar("T")
News = Chunk | str | OpenFloatError
"""Frames; a word: interrupted, end, broken; or why the session cannot go on."""


@dataclass(eq=False, slots=True)
class Outbox:
    """What a session's client has not been sent; belongs to the event loop."""

    loop: asyncio.AbstractEventLoop
    events: deque[News] = field(default_factory=deque)
    filled: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def unsent_frames(self) -> int:
        """Frames that wait; may be read from any thread."""
        return sum(len(event.frames) for event in tuple(self.events) if isinstance(event, Chunk))

    def put(self, event: News) -> None:
        """Add, from any thread; "interrupted" throws away the frames before it."""
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self.loop.call_soon_threadsafe(self._put, event)

    def _put(self, event: News) -> None:
        if event == "interrupted":
            self.events.clear()
        self.events.append(event)
        self.filled.set()

    async def get(self) -> News:
        """The next one, when there is one."""
        while not self.events:
            self.filled.clear()
            await self.filled.wait()
        return self.events.popleft()


class LiveHost:
    """The engine with a thread of its own; its methods are for the event loop."""

    MEASURED = ("queue_wait", "motion", "decode", "first_frame", "batch")

    def __init__(self, pipeline: FloatPipeline, most_sessions: int) -> None:
        """Serve a loaded model to so many sessions at a time."""
        self.pipeline = pipeline
        self._engine = Engine(pipeline, most_sessions=most_sessions, on_frames=self._hand_over)
        self.most_sessions = most_sessions
        self.summaries = {name: Summary() for name in self.MEASURED}
        """Milliseconds, and for `batch` windows."""
        self._outboxes: dict[int, Outbox] = {}
        self._wanted: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self.pauses = Pauses()
        self._thread = Thread(target=self._run, name="live engine", daemon=True)

    def __len__(self) -> int:
        return len(self._engine)

    @property
    def alive(self) -> bool:
        """Whether sessions are drawn."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """End; sessions that are left end with it."""
        self._wanted.put(None)
        self._thread.join()

    def check_room(self) -> None:
        """Raise Busy where all seats are taken."""
        if len(self) >= self.most_sessions:
            raise Busy(f"all {self.most_sessions} sessions are taken: try again later")

    async def open(
        self, portrait: Portrait, options: SampleOptions, timing: Timing
    ) -> tuple[int, Outbox]:
        """Begin a session: its number, and where its frames come; Busy or BadInput if it cannot."""
        outbox = Outbox(asyncio.get_running_loop())

        def begin() -> int:
            number = self._engine.open(portrait, options, timing)
            self._outboxes[number] = outbox
            return number

        future = self._submit(begin)
        try:
            return await asyncio.wrap_future(future), outbox
        except asyncio.CancelledError:
            future.add_done_callback(self._leave_unasked)
            raise

    def _leave_unasked(self, future: "Future[int]") -> None:
        """A client that left while its session began."""
        if not future.cancelled() and future.exception() is None:
            self.close(future.result())

    def push(self, number: int, sound: NDArray[np.int16]) -> "Future[None]":
        """Let a session hear between two steps; nobody need wait for that.

        A client that is too far ahead finds BadInput in its outbox.
        """

        def hear() -> None:
            waiting = self._engine.waiting_frames(number) + num_frames(len(sound))
            try:
                if waiting > LONGEST_WAITING:
                    raise BadInput(f"more than {LONGEST_WAITING // FPS} seconds of sound wait")
                self._engine.push(number, sound)
            except OpenFloatError as error:
                if number not in self._outboxes:
                    raise
                self._outboxes[number].put(error)

        return self._submit(hear)

    async def idle(self, number: int, frames: int) -> None:
        """So many frames of silence."""
        await asyncio.wrap_future(self.push(number, np.zeros(num_samples(frames), np.int16)))

    async def interrupt(self, number: int) -> Clock | None:
        """Forget what was not sent; returns where the session goes on, none where it is over."""

        def forget() -> Clock | None:
            if number not in self._outboxes:
                return None  # all was sent already
            self._engine.interrupt(number)
            self._outboxes[number].put("interrupted")
            return self._engine.clock(number)

        return await self._call(forget)

    async def unhear(self, number: int) -> Clock:
        """Forget what was heard and is not drawn; returns where the session goes on."""

        def forget() -> Clock:
            self._engine.unhear(number)
            return self._engine.clock(number)

        return await self._call(forget)

    async def end(self, number: int) -> None:
        """No more sound will come."""
        await self._call(lambda: self._engine.flush(number))

    def close(self, number: int) -> None:
        """Free a seat, whatever its session does; from any thread, without waiting."""

        def free() -> None:
            if self._outboxes.pop(number, None) is not None:
                self._engine.close(number)

        self._submit(free)

    async def settled(self) -> None:
        """Wait until all that was asked for before is done."""
        await self._call(lambda: None)

    def _submit(self, call: Callable[[], T]) -> "Future[T]":
        """Have the engine's thread call something."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(call())
            except BaseException as error:
                future.set_exception(error)

        self._wanted.put(run)
        return future

    async def _call(self, call: Callable[[], T]) -> T:
        return await asyncio.wrap_future(self._submit(call))

    def _run(self) -> None:
        torch.set_num_threads(self.pipeline.cores)  # a job that uses one each may have begun
        drawn = 0
        while self._obey(wait=not drawn):
            try:
                self.pauses.end()
                drawn = self._engine.step()
                if not drawn:
                    self.pauses.begin()
                self._measure()
                for number in list(self._outboxes):
                    self._deliver(number)
            except Exception:
                # what one session does wrong the engine forgives; this is something else
                logger.exception("the live engine failed: all sessions end")
                drawn = 0
                self.pauses.begin()
                for number, outbox in list(self._outboxes.items()):
                    outbox.put("broken")
                    self.close(number)

    def _obey(self, *, wait: bool) -> bool:
        """Do what is asked for; with nothing else to do, wait for it. False: stop."""
        try:
            if not wait:
                wanted = self._wanted.get_nowait()
            else:
                wanted = self._wanted.get(timeout=REST_S if self._outboxes else None)
            while wanted is not None:
                wanted()
                wanted = self._wanted.get_nowait()
        except queue.Empty:
            return True
        return False

    def _deliver(self, number: int) -> None:
        """Hand over what is left of a session's frames, and say when it is over."""
        outbox = self._outboxes[number]
        try:
            self._hand_over(number)
        except OpenFloatError:
            outbox.put("broken")
        else:
            if not self._engine.finished(number):
                return
            outbox.put("end")
        del self._outboxes[number]
        self._engine.close(number)

    def _hand_over(self, number: int) -> None:
        """The frames of a session that are ready, where its client is not too slow."""
        outbox = self._outboxes[number]
        if outbox.unsent_frames <= LONGEST_UNSENT:
            for chunk in self._engine.take(number):
                outbox.put(chunk)

    def _measure(self) -> None:
        for name, summary in self.summaries.items():
            recent: deque[float] = getattr(self._engine.metrics, name)
            summary.add([recent.popleft() for _ in range(len(recent))])

"""A face on a clock: says what it is given, idles otherwise, pairs each picture with sound."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openfloat.clip import Portrait
from openfloat.config import FPS, SAMPLES_PER_FRAME
from openfloat.editing.steadying import reach_of
from openfloat.errors import OpenFloatError
from openfloat.marking.code import Payload
from openfloat.marking.watermark import Watermark
from openfloat.options import SampleOptions
from openfloat.serving.live import LONGEST_WAITING, LiveHost, Outbox
from openfloat.serving.voice import Said, Sound, Voice
from openfloat.streaming.session import Timing

SPARE_FRAMES = 12
"""Frames that drawing one step may take."""
MOST_SPARE = 2 * FPS
"""Frames to which the above grows where drawing takes longer."""
PAUSE_S = 0.1
"""Seconds that the next sound of begun speech is waited for before the face is silent."""
BEHIND_S = 0.2
"""Seconds that whoever takes the moments may be late before some are left out."""


@dataclass(frozen=True, eq=False, slots=True)
class Moment:
    """One tick of the clock.

    Attributes:
        tick: its number; its time is tick / 25 seconds. Some are left out where nobody took them.
        picture: (h, w, 3) RGB bytes.
        sound: (r / 25,) what is heard with it at the voice's rate r, none while nobody speaks.
        index: of the session's frame, none where the last picture stays because none is drawn yet.
        marks: of speech that ends with it.
    """

    tick: int
    picture: NDArray[np.uint8]
    sound: Sound | None
    index: int | None
    marks: tuple[object, ...] = ()


class Player:
    """Plays one live session; belongs to the event loop.

    Iterate over it, once, for its moments, 25 a second; `say`, `end` and `interrupt` it meanwhile.

    Args:
        host: whose session it is.
        number: of the session.
        outbox: where its frames come.
        lead: frames of sound that the session has beyond what is shown.
        rate: samples a second that are heard.
        mark: marks each frame as generated, if any.
    """

    def __init__(
        self, host: LiveHost, number: int, outbox: Outbox, *, lead: int, rate: int,
        mark: Watermark | None = None,
    ) -> None:  # fmt: skip
        self._host, self._number, self._outbox, self._mark = host, number, outbox, mark
        self._lead, self._most_lead = lead, lead + MOST_SPARE
        self._voice = Voice(rate)
        self._pictures: deque[tuple[int, NDArray[np.uint8]]] = deque()
        self._sounds: dict[int, Sound] = {}
        self._marks: dict[int, list[object]] = {}
        self._fed = self._shown = self._stale = 0
        self._speaking = False
        self._hungry, self._drawn, self._room = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._one = asyncio.Lock()
        self._last: NDArray[np.uint8] | None = None
        self._error: BaseException | None = None
        self.held = 0
        """Ticks at which no new frame was drawn yet."""

    @classmethod
    async def open(
        cls, host: LiveHost, portrait: Portrait, *,
        options: SampleOptions = SampleOptions(), timing: Timing = Timing(), rate: int,
        spare_frames: int = SPARE_FRAMES,
    ) -> "Player":  # fmt: skip
        """Take a seat of a host; raises Busy or BadInput if it cannot be had."""
        number, outbox = await host.open(portrait, options, timing)
        config = host.pipeline.config
        waits = reach_of(options.steady) if config.controls else 0
        size = config.autoencoder.size
        return cls(
            host, number, outbox,
            lead=timing.fresh_frames + timing.look_ahead_frames + waits + spare_frames,
            rate=rate,
            mark=Watermark(size, size, Payload.of(config.name, options.seed)),
        )  # fmt: skip

    def close(self) -> None:
        """Free the seat."""
        self._host.close(self._number)

    async def say(self, sound: Sound, rate: int) -> None:
        """Say sound after what is waiting; waits itself where that is two minutes."""
        while self._voice.frames > LONGEST_WAITING:
            self._room.clear()
            await self._room.wait()
        self._voice.add(sound, rate)
        self._hungry.set()

    def keep_up(self, sound: Sound, rate: int, most_frames: int) -> None:
        """Say sound as it is recorded: what is older than so many frames is left out."""
        self._speaking = True  # a microphone has no beginning worth hurrying for
        self._voice.add(sound, rate)
        while self._voice.frames > most_frames:
            self._voice.take()
        self._hungry.set()

    def end(self, mark: object | None = None) -> None:
        """The speech is over; the mark is among the marks of the moment that shows its end."""
        self._voice.end(mark)
        self._hungry.set()

    async def interrupt(self) -> None:
        """Forget all that is not shown, at once; the face goes on from where it is."""
        self._stale += 1
        self._forget()
        async with self._one:
            self._forget()
            clock = await self._host.interrupt(self._number)
            if clock is None:
                return
            self._shown, self._fed = clock
            self._speaking = False
        self._hungry.set()

    def _forget(self) -> None:
        self._voice.clear()
        self._pictures.clear()
        self._sounds.clear()
        self._marks.clear()
        self._room.set()

    async def __aiter__(self) -> AsyncGenerator[Moment, None]:
        """The moments, from the first frame on.

        Raises:
            OpenFloatError: the session has broken.
        """
        tasks = [asyncio.create_task(self._feed()), asyncio.create_task(self._read())]
        for task in tasks:
            task.add_done_callback(self._over)
        clock = asyncio.get_running_loop().time
        try:
            await self._drawn.wait()
            begun, tick = clock(), 0
            while self._error is None:
                behind = clock() - begun - tick / FPS
                if behind > BEHIND_S:
                    tick += int(behind * FPS)
                else:
                    await asyncio.sleep(max(0.0, -behind))
                yield self._moment(tick)
                tick += 1
            raise self._error
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _over(self, task: "asyncio.Task[None]") -> None:
        """A task has ended, which none does unless something is wrong."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._error = error
            self._drawn.set()

    def _moment(self, tick: int) -> Moment:
        """What is seen and heard at a tick."""
        if not self._pictures:
            self.held += 1
            self._lead = min(self._lead + 1, self._most_lead)
            self._hungry.set()
            assert self._last is not None
            return Moment(tick, self._last, None, None)
        index, picture = self._pictures.popleft()
        self._last = picture if self._mark is None else self._mark(picture, tick / FPS)
        self._shown = index + 1
        self._hungry.set()
        marks = [m for i in sorted(self._marks) if i <= index for m in self._marks.pop(i)]
        return Moment(tick, self._last, self._sounds.pop(index, None), index, tuple(marks))

    async def _read(self) -> None:
        """Take frames as they are drawn."""
        while True:
            event = await self._outbox.get()
            if event == "interrupted":
                self._stale -= 1
            elif isinstance(event, OpenFloatError):
                raise event
            elif isinstance(event, str):
                raise OpenFloatError("the session has broken")
            elif not self._stale:
                self._pictures.extend(enumerate(event.frames, event.start))
                self._drawn.set()

    async def _feed(self) -> None:
        """Let the session hear: speech where there is some, else silence, always so far ahead."""
        while True:
            self._hungry.clear()
            async with self._one:
                if not self._speaking and self._voice.frames:
                    await self._begin_to_speak()
                sound = self._next(self._shown + self._lead - self._fed)
                if sound:
                    self._host.push(self._number, np.concatenate(sound))
            self._room.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(PAUSE_S):
                    await self._hungry.wait()

    async def _begin_to_speak(self) -> None:
        """Take back the silence that is not drawn yet, so that speech does not wait behind it."""
        self._speaking = True
        if self._fed:
            before, self._fed = self._fed, (await self._host.unhear(self._number)).drawn
            for index in range(self._fed, before):
                self._marks.setdefault(self._fed - 1, []).extend(self._marks.pop(index, []))

    def _next(self, frames: int) -> list[Sound]:
        """At most so many frames for the face, noted under their index."""
        sound: list[Sound] = []
        while len(sound) < frames:
            match self._voice.take():
                case Said() as said:
                    self._sounds[self._fed] = said.heard
                    sound.append(said.face)
                case None:
                    if self._voice.begun and self._patient():
                        break
                    self._speaking &= self._voice.begun
                    sound.append(np.zeros(SAMPLES_PER_FRAME, np.int16))
                case mark:
                    self._marks.setdefault(self._fed - 1, []).append(mark)
                    continue
            self._fed += 1
        return sound

    def _patient(self) -> bool:
        """Whether begun speech may still be waited for."""
        silent_s = time.monotonic() - self._voice.last_heard
        return silent_s < PAUSE_S or self._fed - self._shown > self._lead - SPARE_FRAMES // 2

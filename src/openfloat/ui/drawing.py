"""A video drawn in a thread, told of as it grows, and given up when asked."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, Queue
from threading import Event, Thread

LOOK_EVERY_S = 0.2
"""Between two reports."""
SURE_AFTER_S = 1.0
"""Before this time nothing is said about how long it will take."""

Told = Callable[[int, int], None]


class CancelledError(Exception):
    """The visitor wants it no more."""


@dataclass(frozen=True, slots=True)
class Report:
    """How far a video is.

    Attributes:
        done: frames that are drawn.
        total: frames in all; 0 while it is not known.
        left_s: seconds that the rest may take; none while nobody can say.
    """

    done: int
    total: int
    left_s: float | None


def reports(render: Callable[[Told], object], stop: Event) -> Iterator[Report]:
    """Run something that draws, and say how far it is a few times a second until it has ended.

    Args:
        render: is given what it must call with frames done and frames in all.
        stop: ends the drawing at the next frame; set when nobody listens any more, too.

    Raises:
        CancelledError: it was stopped.
    """
    news: Queue[tuple[int, int] | BaseException | None] = Queue()

    def told(done: int, total: int) -> None:
        if stop.is_set():
            raise CancelledError
        news.put((done, total))

    def work() -> None:
        try:
            told(0, 0)
            render(told)
        except BaseException as error:
            news.put(error)
        else:
            news.put(None)

    thread = Thread(target=work, name="video", daemon=True)
    started = time.perf_counter()
    thread.start()
    try:
        yield from _paced(news, started)
    finally:
        stop.set()
        thread.join()


def _paced(news: Queue[tuple[int, int] | BaseException | None], started: float) -> Iterator[Report]:
    """The latest news every now and then; raises an error that comes along."""
    yield Report(0, 0, None)
    while True:
        item = news.get()
        seconds = time.perf_counter() - started
        with suppress(Empty):
            while isinstance(item, tuple):
                item = news.get_nowait()
        if item is None:
            return
        if isinstance(item, BaseException):
            raise item
        yield report(*item, seconds)
        time.sleep(LOOK_EVERY_S)


def report(done: int, total: int, seconds: float) -> Report:
    """How far it is after some seconds; the rest is taken to go on as quickly."""
    sure = done > 0 and seconds >= SURE_AFTER_S
    return Report(done, total, seconds / done * (total - done) if sure else None)

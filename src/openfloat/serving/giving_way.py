"""Live sessions first: what else is drawn takes the processor time that they leave."""

import os
import sys
from contextlib import suppress
from threading import Event

PATIENCE_S = 30.0
"""Seconds that other work waits at most for a pause: it crawls where sessions are late, but goes
on."""


def give_way() -> None:
    """Let this thread, and all that it starts from now on, work while no other wants to.

    The system sets them aside in the middle of a layer. Linux only, where threads are scheduled
    each by itself; elsewhere all share alike.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # a container may forbid it
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


class Pauses:
    """When no live window is drawn; other work is begun then, a piece at a time.

    What was begun goes on while the next window is drawn, in the gaps that it leaves: that costs
    the window a quarter of its speed, by what both do to each other's caches. A session that is
    late has no pauses, so that other work stops until it has caught up.
    """

    def __init__(self) -> None:
        """Nothing is drawn yet."""
        self._pause = Event()
        self._pause.set()

    def end(self) -> None:
        """A live window may be drawn now."""
        self._pause.clear()

    def begin(self) -> None:
        """There is none to be drawn."""
        self._pause.set()

    def wait(self) -> None:
        """For a thread that draws something else: until the next pause, or for `PATIENCE_S`."""
        self._pause.wait(PATIENCE_S)

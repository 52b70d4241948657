"""Who may use the machine: live windows first, everything else piece by piece in their pauses."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock

PATIENCE_S = 30.0
"""Seconds that a piece waits at most while live windows are drawn without a pause: other work
crawls where sessions are late, but goes on."""


class Turns:
    """One piece of other work at a time, each begun in a pause of the live sessions.

    Two that were begun in the same pause would make the next live window late.
    """

    def __init__(self) -> None:
        """Nothing is drawn yet."""
        self.pause = Event()
        """Set while no live window is drawn."""
        self.pause.set()
        self._taken = Lock()

    @contextmanager
    def piece(self) -> Iterator[None]:
        """For a thread that draws something else: waits, then holds the turn for one piece."""
        with self._taken:
            self.pause.wait(PATIENCE_S)
            yield

"""Write a video while its next frames are being made."""

from queue import Queue
from threading import Event, Thread
from types import TracebackType
from typing import Protocol, Self

from openfloat.vision.video_writer import RgbFrames

WAITING = 2
"""Pieces that may wait for the encoder; more would only hold memory."""


class FrameWriter(Protocol):
    """A context manager that takes frames: a `VideoWriter`, or what writes frames elsewhere."""

    def __enter__(self) -> Self:
        """Open."""

    def write(self, frames: RgbFrames) -> None:
        """Take frames (t, height, width, 3)."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Complete what was written, or leave nothing behind after an error."""


class BackgroundWriter:
    """Context manager around a `VideoWriter` whose encoding runs in a thread of its own.

    The file is the same, and appears and vanishes as the writer's own would: an error of the
    encoder ends the next `write`, or the block; when the block ends with an error or Ctrl-C, what
    waits is thrown away and nothing is left behind.

    Args:
        writer: not opened yet.
    """

    def __init__(self, writer: FrameWriter) -> None:
        self._writer = writer
        self._waiting: Queue[RgbFrames | None] = Queue(WAITING)
        self._failure: BaseException | None = None
        self._given_up = Event()
        self._thread: Thread | None = None

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def write(self, frames: RgbFrames) -> None:
        """Hand over frames (t, height, width, 3), which must not change afterwards.

        Waits where the encoder is behind. Raises what the encoder raised on earlier frames.
        """
        if self._failure is not None:
            raise self._failure
        if self._thread is None:
            # Not before the block was entered: an interrupt in between would leave it waiting.
            self._thread = Thread(target=self._encode, name="video writer", daemon=True)
            self._thread.start()
        self._waiting.put(frames)

    def _encode(self) -> None:
        while (frames := self._waiting.get()) is not None:
            if self._given_up.is_set():
                continue  # takes what waits, so that nobody waits for room
            try:
                self._writer.write(frames)
            except BaseException as error:
                self._failure = error
                self._given_up.set()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._given_up.set()
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()
        if error is None and (failure := self._failure) is not None:
            self._writer.__exit__(type(failure), failure, failure.__traceback__)
            raise failure
        self._writer.__exit__(kind, error, trace)

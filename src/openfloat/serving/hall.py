"""What the operations share."""

from asyncio import wait, wrap_future
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from anyio import CancelScope

from openfloat.errors import Busy
from openfloat.pipeline import FloatPipeline
from openfloat.serving.giving_way import Pauses, give_way
from openfloat.serving.live import LiveHost
from openfloat.serving.metrics import RequestCounter
from openfloat.serving.settings import ServeSettings
from openfloat.serving.store import Store
from openfloat.serving.uploads import Uploads
from openfloat.serving.worker import Worker

if TYPE_CHECKING:  # needs an extra of its own
    from openfloat.serving.call import Call


T = TypeVar("T")


class Places:
    """How many streams are drawn at a time; used on the event loop alone."""

    def __init__(self, most: int, pauses: Pauses) -> None:
        self.most, self.taken = most, 0
        self._pauses = pauses
        self._threads = ThreadPoolExecutor(most, "stream", give_way)

    @contextmanager
    def place(self) -> Iterator[None]:
        """One of the places for as long as the block lasts; Busy where none is free."""
        if self.taken >= self.most:
            raise Busy(f"{self.most} streams are drawn already: try again later")
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    async def call(self, work: Callable[[], T]) -> T:
        """Have a thread do a piece of a stream, begun in a pause of the live sessions.

        Who is cancelled meanwhile waits for its end.
        """

        def piece() -> T:
            self._pauses.wait()
            return work()

        future = self._threads.submit(piece)
        with CancelScope(shield=True):
            await wait([wrap_future(future)])
        return future.result()


@dataclass(eq=False, slots=True)
class Hall:
    """One server: its model, its memory and its threads."""

    settings: ServeSettings
    pipeline: FloatPipeline
    store: Store
    worker: Worker
    live: LiveHost
    uploads: Uploads
    places: Places
    requests: RequestCounter = field(default_factory=RequestCounter)
    calls: "set[Call]" = field(default_factory=set)
    """Browsers that are connected."""
    draining: bool = False
    """Whether the server is about to stop."""

"""Makes one video of a batch after the other; the same on one machine and on a cluster."""

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from openfloat.batch.ledger import Ledger, Result
from openfloat.batch.manifest import BatchRow
from openfloat.errors import OpenFloatError

logger = logging.getLogger(__name__)


class Renderer:
    """Holds one model; a row that fails fails alone.

    Args:
        folder: of the output, shared by all machines that work on it.
        model: name or folder.
        device: where it computes.
        threads: cores that this process may use.
    """

    def __init__(self, folder: Path, model: str, device: str, threads: int) -> None:
        import torch

        from openfloat.pipeline import FloatPipeline

        torch.set_num_threads(threads)
        self._ledger = Ledger(folder)
        self._pipeline = FloatPipeline.from_pretrained(model, device=device)

    def render(self, row: BatchRow, digest: str) -> Result:
        """Make one video and note what became of it."""
        started = time.perf_counter()
        video = self._ledger.video(row.name)
        try:
            frames = self._pipeline.render(
                row.portrait, row.speech, video, row.options.sample, row.options.crop,
                paste_back=row.options.paste_back,
            )  # fmt: skip
            result = Result(
                name=row.name, status="done", video=video.name, frames=frames,
                seconds=round(time.perf_counter() - started, 3), digest=digest,
            )  # fmt: skip
        except OpenFloatError as error:
            result = failed(row.name, " ".join(str(error).split()), digest)
        except Exception as error:  # a bug of ours must not end the other rows
            logger.exception("%s failed", row.name)
            result = failed(row.name, f"{type(error).__name__}: {error}", digest)
        self._ledger.note(result)
        return result


def failed(name: str, error: str, digest: str = "") -> Result:
    """A row without a video."""
    return Result(name=name, status="failed", error=error, digest=digest)


_renderer: Renderer | None = None


def open_process(make: Callable[[], Renderer]) -> None:
    """What a process of a pool does first: it loads the model, and ends when told to or alone."""
    global _renderer
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which tells us
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    _renderer = make()


def _leave_with_parent() -> None:
    """A killed parent tells nobody; without this its pool would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def render_here(*arguments: Any) -> Result:
    """`Renderer.render` by the renderer of this process."""
    assert _renderer is not None
    return _renderer.render(*arguments)

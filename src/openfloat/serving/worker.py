"""The one thread that draws the videos that are queued."""

import logging
import time
from pathlib import Path
from threading import Event, Thread

from openfloat.errors import OpenFloatError
from openfloat.options import VideoOptions
from openfloat.pipeline import FloatPipeline
from openfloat.serving.database import Away
from openfloat.serving.files import remove
from openfloat.serving.giving_way import Pauses, give_way
from openfloat.serving.metrics import Summary
from openfloat.serving.rows import Job
from openfloat.serving.schema import read_options
from openfloat.serving.sentences import sentence
from openfloat.serving.store import Store

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
"""Seconds after which the queue is looked at although nobody said that it had grown: other servers
may have added to it."""


class _SetAsideError(Exception):
    """Ends a drawing: the job was dropped, or the server stops."""


class Worker:
    """Draws one job after the other; a job that fails fails alone.

    Args:
        pipeline: the loaded model.
        store: where the jobs are.
        most_nfe: evaluations of the vector field that a job may ask for.
        pauses: when a piece of a video may be begun.
    """

    def __init__(
        self, pipeline: FloatPipeline, store: Store, most_nfe: int, pauses: Pauses
    ) -> None:
        self._pipeline, self._store, self._most_nfe = pipeline, store, most_nfe
        self._pauses = pauses
        self.seconds = Summary()
        """Of drawing finished jobs."""
        self.waits = Summary()
        """Seconds that jobs waited."""
        self._news, self._stopping, self._hurry = Event(), Event(), Event()
        self._thread = Thread(target=self._run, name="worker", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether jobs are drawn."""
        return self._thread.is_alive() and not self._stopping.is_set()

    def start(self) -> None:
        """Begin to draw."""
        self._thread.start()

    def notify(self) -> None:
        """Say that a job was queued."""
        self._news.set()

    def stop(self, within_s: float) -> None:
        """Take no more jobs; the running one gets some seconds, then it goes back to the queue."""
        self._stopping.set()
        self._news.set()
        self._thread.join(within_s)
        self._hurry.set()
        self._thread.join()

    def _run(self) -> None:
        give_way()
        while not self._stopping.is_set():
            try:
                job = self._store.claim()
                if job is not None:
                    self._finish(job)
                    continue
            except Away:
                logger.warning("the queue does not answer", exc_info=True)
            except Exception:
                logger.exception("the queue could not be worked on")
            self._news.wait(LOOK_EVERY_S)
            self._news.clear()

    def _finish(self, job: Job) -> None:
        """Draw a job and note how that went."""
        started = time.perf_counter()
        self.waits.add([time.time() - job.created])
        fields = {"event": "job", "job": job.id}
        try:
            frames = self._draw(job)
        except (_SetAsideError, Away) as error:
            self._store.requeue(job.id)
            if isinstance(error, Away):
                self._stopping.wait(LOOK_EVERY_S)
            logger.info("job set aside", extra={"fields": {**fields, "state": "queued"}})
        except OpenFloatError as error:
            said = sentence(error, self._room(job), self._store.files.path(f"jobs/{job.id}"))
            self._store.finish(job.id, said)
            logger.info("job failed", extra={"fields": {**fields, "state": "failed", "why": said}})
        except Exception:
            self._store.finish(job.id, "the video could not be drawn: an error inside the server")
            logger.exception("job failed", extra={"fields": {**fields, "state": "failed"}})
        else:
            seconds = time.perf_counter() - started
            self._store.finish(job.id)
            self.seconds.add([seconds])
            fields |= {"state": "done", "frames": str(frames), "seconds": f"{seconds:.3f}"}
            logger.info("job done", extra={"fields": fields})

    def _room(self, job: Job) -> Path:
        """Where this server draws a job."""
        return self._store.folder / "drawing" / job.id

    def _draw(self, job: Job) -> int:
        """Write the mp4; returns its frames."""
        folder, files = self._room(job), self._store.files
        options = read_options(VideoOptions, job.options, self._most_nfe)

        def progress(done: int, total: int) -> None:
            if not self._store.advance(job.id, done, total) or self._hurry.is_set():
                raise _SetAsideError
            self._pauses.wait()

        folder.mkdir()
        try:
            self._pauses.wait()
            frames = self._pipeline.render(
                files.near(f"jobs/{job.id}/portrait", folder),
                files.near(f"jobs/{job.id}/speech", folder),
                folder / "result.mp4",
                options.sample,
                options.crop,
                progress,
                paste_back=options.paste_back,
            )
            files.put(folder / "result.mp4", f"jobs/{job.id}/result.mp4")
        finally:
            remove(folder)
        return frames

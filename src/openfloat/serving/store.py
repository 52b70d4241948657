"""Jobs and uploaded portraits: rows in SQLite, files beside it; both survive a killed server."""

import fcntl
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Literal

from openfloat.drafts import SUFFIX
from openfloat.errors import BadInput, Busy, OpenFloatError

State = Literal["queued", "running", "done", "failed"]
STATES: tuple[State, ...] = ("queued", "running", "done", "failed")
MOST_ATTEMPTS = 3
"""Starts of one job, after which it counts as what stops the server."""

_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, state TEXT NOT NULL, options TEXT NOT NULL,
    key TEXT, digest TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL, started REAL, finished REAL,
    frames_done INTEGER NOT NULL DEFAULT 0, frames_total INTEGER, error TEXT,
    UNIQUE (owner, key)
);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, created);
CREATE TABLE IF NOT EXISTS portraits (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, created REAL NOT NULL
);
"""
_COLUMNS = (
    "id, owner, state, options, digest, attempts, created, started, finished, "
    "frames_done, frames_total, error"
)


@dataclass(frozen=True, slots=True)
class Job:
    """A row: one video that is wanted. Times are seconds since 1970."""

    id: str
    owner: str
    state: State
    options: str
    digest: str
    attempts: int
    created: float
    started: float | None
    finished: float | None
    frames_done: int
    frames_total: int | None
    error: str | None


class Reused(OpenFloatError):
    """An idempotency key that came before with another request."""


class Store:
    """All that a server remembers, in one folder; for several threads of one process.

    Raises:
        BadInput: the folder cannot be used, or another server uses it.
    """

    def __init__(self, folder: Path, *, most_queued: int, most_portraits: int) -> None:
        self.folder = folder.absolute()
        self._most_queued, self._most_portraits = most_queued, most_portraits
        self._guard = RLock()
        try:
            for name in ("jobs", "portraits", "incoming"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o700)  # what people upload is nobody else's business
            self._lock = (self.folder / "lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._base = sqlite3.connect(
                self.folder / "openfloat.sqlite", check_same_thread=False, isolation_level=None
            )
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.executescript(_TABLES)
        except BlockingIOError:
            self._lock.close()
            raise BadInput(f"{folder} is in use by another server") from None
        except (OSError, sqlite3.Error) as error:
            raise BadInput(f"{folder} cannot be used: {error}") from error
        self._recover()

    def close(self) -> None:
        """Let go of the folder."""
        with self._guard:
            self._base.close()
            self._lock.close()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """A transaction; it is as if it had not begun where the block fails."""
        with self._guard:
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield self._base
            except BaseException:
                self._base.execute("ROLLBACK")
                raise
            self._base.execute("COMMIT")

    def _read(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with self._guard:
            return self._base.execute(query, values).fetchall()

    def _recover(self) -> None:
        """After a kill: running jobs wait again, and files that belong to nothing go."""
        with self._write() as base:
            base.execute(
                "UPDATE jobs SET state = 'failed', finished = ?, error = ? "
                "WHERE state = 'running' AND attempts >= ?",
                (time.time(), "the server stopped each time it drew this video", MOST_ATTEMPTS),
            )
            base.execute(
                "UPDATE jobs SET state = 'queued', frames_done = 0 WHERE state = 'running'"
            )
        for name in ("jobs", "portraits"):
            known = {row[0] for row in self._read(f"SELECT id FROM {name}")}
            for path in (self.folder / name).iterdir():
                if path.name not in known:
                    remove(path)
        for path in [
            *(self.folder / "incoming").iterdir(), *(self.folder / "jobs").glob(f"*/.*{SUFFIX}")
        ]:  # fmt: skip
            remove(path)

    def job_folder(self, number: str) -> Path:
        """Where the files of a job are: portrait, speech, result.mp4."""
        return self.folder / "jobs" / number

    def add_job(
        self, number: str, files: Path, *, owner: str, options: str, key: str | None, digest: str
    ) -> tuple[Job, bool]:
        """Queue a job whose files lie ready, or find the one that the same request made before.

        Args:
            number: its id, never used before.
            files: a folder with portrait and speech, which is moved.
            owner: who may see it.
            options: as JSON.
            key: the client's idempotency key.
            digest: of all that was sent.

        Returns:
            The job, and whether it is new.

        Raises:
            Busy: too many wait.
            Reused: the key came before with something else.
        """
        with self._write() as base:
            found = key and self._jobs("owner = ? AND key = ?", owner, key)
            if found:
                if found[0].digest != digest:
                    raise Reused("this Idempotency-Key came before with another request")
                return found[0], False
            self.check_room()
            files.replace(self.job_folder(number))
            base.execute(
                "INSERT INTO jobs (id, owner, state, options, key, digest, created) "
                "VALUES (?, ?, 'queued', ?, ?, ?, ?)",
                (number, owner, options, key, digest, time.time()),
            )
        return self._jobs("id = ?", number)[0], True

    def check_room(self) -> None:
        """Raise Busy where no more jobs may wait."""
        if self.counts()["queued"] >= self._most_queued:
            raise Busy(f"{self._most_queued} jobs are waiting already: try again later")

    def _jobs(self, where: str, *values: object) -> list[Job]:
        rows = self._read(f"SELECT {_COLUMNS} FROM jobs WHERE {where}", *values)
        return [Job(*row) for row in rows]  # type: ignore[arg-type]

    def job(self, number: str, owner: str) -> Job | None:
        """A job of this owner."""
        return next(iter(self._jobs("id = ? AND owner = ?", number, owner)), None)

    def drop_job(self, number: str, owner: str) -> bool:
        """Forget a job and delete its files; False where the owner has none of that id."""
        with self._write() as base:
            gone = base.execute("DELETE FROM jobs WHERE id = ? AND owner = ?", (number, owner))
        if gone.rowcount:
            remove(self.job_folder(number))
        return bool(gone.rowcount)

    def claim(self) -> Job | None:
        """The job that waits longest, which now runs."""
        with self._write() as base:
            waiting = self._jobs("state = 'queued' ORDER BY created, rowid LIMIT 1")
            if not waiting:
                return None
            base.execute(
                "UPDATE jobs SET state = 'running', started = ?, frames_done = 0, "
                "attempts = attempts + 1 WHERE id = ?",
                (time.time(), waiting[0].id),
            )
        return waiting[0]

    def advance(self, number: str, done: int, total: int) -> bool:
        """Note progress in frames; False where the job has been dropped."""
        with self._write() as base:
            return bool(base.execute(
                "UPDATE jobs SET frames_done = ?, frames_total = ? WHERE id = ?",
                (done, total, number),
            ).rowcount)  # fmt: skip

    def finish(self, number: str, error: str | None = None) -> None:
        """A running job is done, or has failed with a sentence; only its result is kept."""
        state = "failed" if error else "done"
        self._leave(number, "state = ?, error = ?, finished = ?", state, error, time.time())
        for name in ("portrait", "speech"):
            (self.job_folder(number) / name).unlink(missing_ok=True)

    def requeue(self, number: str) -> None:
        """A running job was set aside by a server that stops, which is not the job's fault."""
        self._leave(number, "state = 'queued', frames_done = 0, attempts = attempts - 1")

    def _leave(self, number: str, changes: str, *values: object) -> None:
        """A job stops running; if it was dropped meanwhile, what it wrote since goes too."""
        with self._write() as base:
            query = f"UPDATE jobs SET {changes} WHERE id = ?"
            kept = base.execute(query, (*values, number)).rowcount
        if not kept:
            remove(self.job_folder(number))

    def counts(self) -> dict[str, int]:
        """Jobs in each state."""
        rows = self._read("SELECT state, count(*) FROM jobs GROUP BY state")
        return dict.fromkeys(STATES, 0) | dict(rows)  # type: ignore[arg-type]

    def seconds_per_job(self) -> float:
        """How long the last finished jobs took on average; 5 where there were none."""
        rows = self._read(
            "SELECT avg(finished - started) FROM (SELECT * FROM jobs WHERE state = 'done' "
            "ORDER BY finished DESC LIMIT 10)"
        )
        return float(rows[0][0] or 5)  # type: ignore[arg-type]

    def add_portrait(self, number: str, file: Path, owner: str) -> None:
        """Keep an uploaded portrait, whose file is moved; Busy where there are too many."""
        with self._write() as base:
            (count,) = base.execute("SELECT count(*) FROM portraits").fetchone()
            if count >= self._most_portraits:
                raise Busy(f"{self._most_portraits} portraits are kept already: delete one")
            file.replace(self.folder / "portraits" / number)
            base.execute("INSERT INTO portraits VALUES (?, ?, ?)", (number, owner, time.time()))

    def portrait(self, number: str, owner: str) -> Path | None:
        """The file of an uploaded portrait of this owner."""
        query = "SELECT id FROM portraits WHERE id = ? AND owner = ?"
        return self.folder / "portraits" / number if self._read(query, number, owner) else None

    def drop_portrait(self, number: str, owner: str) -> bool:
        """Delete an uploaded portrait; False where the owner has none of that id."""
        with self._write() as base:
            query = "DELETE FROM portraits WHERE id = ? AND owner = ?"
            gone = base.execute(query, (number, owner)).rowcount
        if gone:
            remove(self.folder / "portraits" / number)
        return bool(gone)

    def expire(self, before: float, most_kept: int) -> int:
        """Delete what is older than a time, and the oldest finished jobs beyond so many."""
        with self._write() as base:
            jobs = base.execute(
                "DELETE FROM jobs WHERE finished < ? OR id IN (SELECT id FROM jobs WHERE finished "
                "IS NOT NULL ORDER BY finished DESC LIMIT -1 OFFSET ?) RETURNING id",
                (before, most_kept),
            ).fetchall()
            portraits = base.execute(
                "DELETE FROM portraits WHERE created < ? RETURNING id", (before,)
            ).fetchall()
        for (number,) in jobs:
            remove(self.job_folder(number))
        for (number,) in portraits:
            remove(self.folder / "portraits" / number)
        return len(jobs) + len(portraits)


def remove(path: Path) -> None:
    """Delete a file or folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)

"""Jobs and uploaded portraits: rows in a database, files beside it; both survive killed servers."""

import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from threading import RLock

from openfloat.errors import BadInput, Busy, OpenFloatError
from openfloat.serving.database import Away, open_database
from openfloat.serving.files import KINDS, open_files
from openfloat.serving.premises import Premises
from openfloat.serving.rows import COLUMNS, STATES, TABLES, Job

MOST_ATTEMPTS = 3
"""Starts of one job, after which it counts as what stops the server."""
LEASE_S = 120.0
"""Seconds without a sign of life after which the jobs of a server are anybody's."""
UNCLAIMED_S = 3600.0
"""Seconds after which files that no row knows of are nobody's, where several servers write."""
NEWEST = 1_000_000_000
"""More rows than there are; SQLite wants a number."""


class Reused(OpenFloatError):
    """An idempotency key that came before with another request."""


class Store:
    """All that a server remembers; for several threads of one process.

    Args:
        folder: of this server alone.
        most_queued: jobs that may wait.
        most_portraits: uploaded portraits that are kept.
        database: URL of a Postgres that servers share; else SQLite in the folder.
        results: path or URL for the files of jobs and portraits; else the folder.

    Raises:
        BadInput: something of it cannot be used, or another server uses the folder.
    """

    def __init__(
        self, folder: Path, *, most_queued: int, most_portraits: int,
        database: str = "", results: str = "",
    ) -> None:  # fmt: skip
        if database and not results:
            raise BadInput("a shared store needs results that all servers reach: give --results")
        self._premises = Premises(folder)
        self.folder, self._me = self._premises.folder, self._premises.name
        self._most_queued, self._most_portraits = most_queued, most_portraits
        self._shared, self._apart = bool(database), bool(results)
        self._claiming, self._drawing = RLock(), ""
        try:
            self.files = open_files(results, self.folder)
            self._base = open_database(database, self.folder)
            with self._base.alone():
                for table in TABLES:
                    self._base.run(table)
            self._recover()
            self._tidy()
        except (OSError, sqlite3.Error) as error:
            self._premises.leave()
            raise BadInput(f"{folder} cannot be used: {error}") from error
        except BaseException:
            self._premises.leave()
            raise

    def close(self) -> None:
        """Let go of everything."""
        self._base.close()
        self._premises.leave()

    def _recover(self) -> None:
        """Jobs of killed servers wait again: of this one at once, of others after a while."""
        lost = "state = 'running' AND ((server = ? AND id <> ?) OR seen < ? OR seen IS NULL)"
        before = time.time() - LEASE_S if self._shared else float("inf")
        values = (self._me, self._drawing, before)
        with self._base.alone():
            self._base.run(
                f"UPDATE jobs SET state = 'failed', finished = ?, error = ? "
                f"WHERE attempts >= ? AND {lost}",
                time.time(), "the server stopped each time it drew this video", MOST_ATTEMPTS,
                *values,
            )  # fmt: skip
            self._base.run(
                f"UPDATE jobs SET state = 'queued', frames_done = 0 WHERE {lost}", *values
            )

    def _tidy(self) -> None:
        """Files that belong to nothing go."""
        if self._apart and not self._shared:
            return  # others may keep theirs in the same place
        before = time.time() - UNCLAIMED_S if self._shared else float("inf")
        for kind in KINDS:
            found = [number for number, newest in self.files.ids(kind) if newest < before]
            known = {row[0] for row in self._base.run(f"SELECT id FROM {kind}")}
            for number in set(found) - known:
                self.files.remove(f"{kind}/{number}")

    def beat(self) -> None:
        """Show that this server lives, and take care of jobs whose server does not."""
        if self._shared:
            with self._claiming:
                self._base.run("UPDATE jobs SET seen = ? WHERE id = ?", time.time(), self._drawing)
                self._recover()

    def add_job(
        self, number: str, files: Path, *, owner: str, options: str, key: str | None, digest: str
    ) -> tuple[Job, bool]:
        """Queue a job whose files lie ready, or find the one that the same request made before.

        Args:
            number: its id, never used before.
            files: a folder with portrait and speech, which are moved.
            owner: who may see it.
            options: as JSON.
            key: the client's idempotency key.
            digest: of all that was sent.

        Returns:
            The job, and whether it is new.

        Raises:
            Busy: too many wait.
            Reused: the key came before with something else.
            Away: nobody knows whether it was taken; with a key one can ask again.
        """
        if found := self._same(owner, key, digest):
            return found, False
        self.check_room()
        try:
            for name in ("portrait", "speech"):
                self.files.put(files / name, f"jobs/{number}/{name}")
            with self._base.alone():
                found = self._same(owner, key, digest)
                if not found:
                    self.check_room()
                    self._base.run(
                        "INSERT INTO jobs (id, owner, state, options, key, digest, created) "
                        "VALUES (?, ?, 'queued', ?, ?, ?, ?)",
                        number, owner, options, key, digest, time.time(),
                    )  # fmt: skip
        except Away:
            raise  # it may be in the queue
        except BaseException:
            self.files.remove(f"jobs/{number}")
            raise
        if found:
            self.files.remove(f"jobs/{number}")
            return found, False
        return self._jobs("id = ?", number)[0], True

    def _same(self, owner: str, key: str | None, digest: str) -> Job | None:
        """The job that a request with this key made; Reused where that was another request."""
        found = self._jobs("owner = ? AND key = ?", owner, key) if key else []
        if found and found[0].digest != digest:
            raise Reused("this Idempotency-Key came before with another request")
        return found[0] if found else None

    def check_room(self) -> None:
        """Raise Busy where no more jobs may wait."""
        if self.counts()["queued"] >= self._most_queued:
            raise Busy(f"{self._most_queued} jobs are waiting already: try again later")

    def _jobs(self, where: str, *values: object) -> list[Job]:
        rows = self._base.run(f"SELECT {COLUMNS} FROM jobs WHERE {where}", *values)
        return [Job(*row) for row in rows]

    def job(self, number: str, owner: str) -> Job | None:
        """A job of this owner."""
        return next(iter(self._jobs("id = ? AND owner = ?", number, owner)), None)

    def drop_job(self, number: str, owner: str) -> bool:
        """Forget a job and delete its files; False where the owner has none of that id."""
        query = "DELETE FROM jobs WHERE id = ? AND owner = ? RETURNING id"
        gone = self._base.run(query, number, owner)
        if gone:
            self.files.remove(f"jobs/{number}")
        return bool(gone)

    def claim(self) -> Job | None:
        """The job that waits longest, which now runs."""
        now = time.time()
        with self._claiming, self._base.alone():
            rows = self._base.run(
                "UPDATE jobs SET state = 'running', started = ?, seen = ?, server = ?, "
                "frames_done = 0, attempts = attempts + 1 WHERE id = (SELECT id FROM jobs "
                f"WHERE state = 'queued' ORDER BY created, id LIMIT 1) RETURNING {COLUMNS}",
                now, now, self._me,
            )  # fmt: skip
            self._drawing = rows[0][0] if rows else ""
        return Job(*rows[0]) if rows else None

    def advance(self, number: str, done: int, total: int) -> bool:
        """Note progress in frames; False where the job is no longer this server's."""
        return bool(self._base.run(
            "UPDATE jobs SET frames_done = ?, frames_total = ?, seen = ? "
            "WHERE id = ? AND state = 'running' AND server = ? RETURNING id",
            done, total, time.time(), number, self._me,
        ))  # fmt: skip

    def finish(self, number: str, error: str | None = None) -> None:
        """A running job is done, or has failed with a sentence; only its result is kept."""
        state = "failed" if error else "done"
        if self._leave(number, "state = ?, error = ?, finished = ?", state, error, time.time()):
            for name in ("portrait", "speech"):
                self.files.remove(f"jobs/{number}/{name}")

    def requeue(self, number: str) -> None:
        """A running job was set aside by a server that stops, which is not the job's fault."""
        self._leave(number, "state = 'queued', frames_done = 0, attempts = attempts - 1")

    def _leave(self, number: str, changes: str, *values: object) -> bool:
        """A job stops running; if it was dropped meanwhile, what it wrote since goes too."""
        query = f"UPDATE jobs SET {changes} WHERE id = ? AND state = 'running' AND server = ?"
        with self._claiming:
            try:
                left = self._base.run(f"{query} RETURNING id", *values, number, self._me)
            finally:
                self._drawing = ""
        if not left and not self._jobs("id = ?", number):
            self.files.remove(f"jobs/{number}")
        return bool(left)

    def counts(self) -> dict[str, int]:
        """Jobs in each state."""
        rows = self._base.run("SELECT state, count(*) FROM jobs GROUP BY state")
        return dict.fromkeys(STATES, 0) | {str(state): int(count) for state, count in rows}

    def seconds_per_job(self) -> float:
        """How long the last finished jobs took on average; 5 where there were none."""
        rows = self._base.run(
            "SELECT avg(finished - started) FROM (SELECT * FROM jobs WHERE state = 'done' "
            "ORDER BY finished DESC LIMIT 10) AS last"
        )
        return float(rows[0][0] or 5)

    def add_portrait(self, number: str, file: Path, owner: str) -> None:
        """Keep an uploaded portrait, whose file is moved; Busy where there are too many."""
        self.files.put(file, f"portraits/{number}")
        try:
            with self._base.alone():
                ((count,),) = self._base.run("SELECT count(*) FROM portraits")
                if count >= self._most_portraits:
                    raise Busy(f"{self._most_portraits} portraits are kept already: delete one")
                query = "INSERT INTO portraits (id, owner, created) VALUES (?, ?, ?)"
                self._base.run(query, number, owner, time.time())
        except BaseException:
            with suppress(Away):
                self.files.remove(f"portraits/{number}")
            raise

    def portrait(self, number: str, owner: str, folder: Path) -> Path | None:
        """An uploaded portrait of this owner as a file, in a folder where it has to be copied."""
        query = "SELECT id FROM portraits WHERE id = ? AND owner = ?"
        if not self._base.run(query, number, owner):
            return None
        return self.files.near(f"portraits/{number}", folder)

    def drop_portrait(self, number: str, owner: str) -> bool:
        """Delete an uploaded portrait; False where the owner has none of that id."""
        query = "DELETE FROM portraits WHERE id = ? AND owner = ? RETURNING id"
        gone = self._base.run(query, number, owner)
        if gone:
            self.files.remove(f"portraits/{number}")
        return bool(gone)

    def expire(self, before: float, most_kept: int) -> int:
        """Delete what is older than a time, and the oldest finished jobs beyond so many."""
        jobs = self._base.run(
            "DELETE FROM jobs WHERE finished < ? OR id IN (SELECT id FROM jobs WHERE finished "
            f"IS NOT NULL ORDER BY finished DESC LIMIT {NEWEST} OFFSET ?) RETURNING id",
            before, most_kept,
        )  # fmt: skip
        query = "DELETE FROM portraits WHERE created < ? RETURNING id"
        portraits = self._base.run(query, before)
        for kind, gone in (("jobs", jobs), ("portraits", portraits)):
            for (number,) in gone:
                self.files.remove(f"{kind}/{number}")
        return len(jobs) + len(portraits)

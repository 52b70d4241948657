"""What a server keeps of jobs and portraits: the tables, and a job as a value."""

from dataclasses import dataclass
from typing import Literal

State = Literal["queued", "running", "done", "failed"]
STATES: tuple[State, ...] = ("queued", "running", "done", "failed")

TABLES = (
    """CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, state TEXT NOT NULL, options TEXT NOT NULL,
    key TEXT, digest TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    created DOUBLE PRECISION NOT NULL, started DOUBLE PRECISION, finished DOUBLE PRECISION,
    frames_done INTEGER NOT NULL DEFAULT 0, frames_total INTEGER, error TEXT,
    server TEXT, seen DOUBLE PRECISION, UNIQUE (owner, key))""",
    "CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, created)",
    """CREATE TABLE IF NOT EXISTS portraits (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, created DOUBLE PRECISION NOT NULL)""",
)
COLUMNS = (
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

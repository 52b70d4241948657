"""Where the rows of a server are: SQLite in its folder, or a Postgres that several servers share.

Both are spoken to in one SQL; what differs is here.
"""

import importlib
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from types import ModuleType
from typing import Any, Protocol

from openfloat.errors import BadInput, OpenFloatError

logger = logging.getLogger(__name__)

Row = tuple[Any, ...]
SCHEMES = ("postgresql://", "postgres://")
OUR_LOCK = 0x6F70656E
"""Number of the lock under which servers write one after the other."""
CONNECT_S = 10


class Away(OpenFloatError):
    """The database or the storage does not answer; later it may."""


class Database(Protocol):
    """Rows by queries with `?` for values; for several threads."""

    def run(self, query: str, *values: object) -> list[Row]:
        """The rows that one query gives, none where it gives none; Away if it cannot be asked."""

    def alone(self) -> Any:
        """A block whose queries all count or none do, and that nobody else's writing divides."""

    def close(self) -> None:
        """Let go of it."""


class Sqlite:
    """A file that one server has for itself.

    Raises:
        sqlite3.Error, OSError: it cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._guard = RLock()
        self._base = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._base.execute("PRAGMA journal_mode = WAL")

    def run(self, query: str, *values: object) -> list[Row]:
        """See `Database`."""
        with self._guard:
            return self._base.execute(query, values).fetchall()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """See `Database`."""
        with self._guard:
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._base.execute("ROLLBACK")
                raise
            self._base.execute("COMMIT")

    def close(self) -> None:
        """See `Database`."""
        with self._guard:
            self._base.close()


class Postgres:
    """A database that several servers share; a lost connection is made again.

    Args:
        url: as libpq takes it; a password may come from PGPASSWORD or ~/.pgpass instead.

    Raises:
        BadInput: psycopg is not installed, or the database cannot be used.
    """

    def __init__(self, url: str) -> None:
        self._url, self._guard, self._within = url, RLock(), False
        try:
            self._psycopg: ModuleType = importlib.import_module("psycopg")
        except ImportError as error:
            raise BadInput("Postgres needs psycopg: pip install 'openfloat[storage]'") from error
        self._base: Any = None
        try:
            self._connect()
        except Away as error:
            raise BadInput(f"the database cannot be used: {error.__cause__}".strip()) from error

    def _connect(self) -> None:
        try:
            self._base = self._psycopg.connect(
                self._url, autocommit=True, connect_timeout=CONNECT_S,
                application_name="openfloat", prepare_threshold=None,
            )  # fmt: skip
        except self._psycopg.Error as error:
            raise Away("the database does not answer: try again later") from error

    def run(self, query: str, *values: object) -> list[Row]:
        """See `Database`."""
        text = query.replace("?", "%s")
        with self._guard:
            for last in (self._within, True):  # a block whose connection is lost does not go on
                if self._base.closed and not self._within:
                    self._connect()
                try:
                    cursor = self._base.execute(text, values or None)
                    return cursor.fetchall() if cursor.description else []
                except self._psycopg.OperationalError as error:
                    self._base.close()
                    if last:
                        raise Away("the database does not answer: try again later") from error
                    logger.warning("the connection to the database was lost")
        raise AssertionError

    @contextmanager
    def alone(self) -> Iterator[None]:
        """See `Database`."""
        with self._guard:
            self.run("BEGIN")
            self._within = True
            try:
                self.run("SELECT pg_advisory_xact_lock(?)", OUR_LOCK)
                yield
                self.run("COMMIT")
            except BaseException:
                with suppress(self._psycopg.Error):
                    self._base.execute("ROLLBACK")
                raise
            finally:
                self._within = False

    def close(self) -> None:
        """See `Database`."""
        with self._guard:
            self._base.close()


def open_database(url: str, folder: Path) -> Database:
    """A Postgres by its URL, or without one SQLite in a folder; BadInput where it cannot be."""
    if not url:
        try:
            return Sqlite(folder / "openfloat.sqlite")
        except sqlite3.Error as error:
            raise BadInput(f"{folder} cannot be used: {error}") from error
    if not url.startswith(SCHEMES):
        raise BadInput(f"store is no URL that begins with {SCHEMES[0]}")
    return Postgres(url)

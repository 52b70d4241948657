"""Where files of jobs and portraits are: a folder, or what fsspec speaks to, such as S3."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from openfloat.drafts import drafted, not_written
from openfloat.errors import BadInput
from openfloat.serving.database import Away

BLOCK = 1 << 20
"""Bytes that are read at a time."""
KINDS = ("jobs", "portraits")
"""The first part of every name; the second is an id."""
PROBE = "openfloat"
"""An empty file at the top of a storage, written to see whether it can be."""


class Files(Protocol):
    """Files by names such as `jobs/ID/result.mp4`; for several threads."""

    def put(self, source: Path, name: str) -> None:
        """Move a file here; it appears whole. NotWritten or Away if it cannot be."""

    def path(self, name: str) -> Path | None:
        """Where a file lies, if it lies on a disk of this machine."""

    def near(self, name: str, folder: Path) -> Path:
        """A path of a file's content, in a folder of the caller where it has to be copied."""

    def read(self, name: str) -> tuple[int, Iterator[bytes]]:
        """How many bytes a file has, and these."""

    def remove(self, name: str) -> None:
        """Delete a file, or all files of an id, where there are any."""

    def ids(self, kind: str) -> Iterator[tuple[str, float]]:
        """The ids that files are here of, and when the newest of them came, seconds since 1970."""


class Folder:
    """Files on a disk.

    Raises:
        OSError: the folder cannot be made.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        for kind in KINDS:
            (self.root / kind).mkdir(parents=True, exist_ok=True)

    def put(self, source: Path, name: str) -> None:
        """See `Files`."""
        target = self.root / name
        try:
            target.parent.mkdir(exist_ok=True)
            if source.stat().st_dev == target.parent.stat().st_dev:
                source.replace(target)
                return
            with drafted(target) as draft:
                shutil.copyfile(source, draft)
            source.unlink()
        except OSError as error:
            raise not_written(Path(target.name), error) from error

    def path(self, name: str) -> Path | None:
        """See `Files`."""
        return self.root / name

    def near(self, name: str, folder: Path) -> Path:  # noqa: ARG002
        """See `Files`."""
        return self.root / name

    def read(self, name: str) -> tuple[int, Iterator[bytes]]:
        """See `Files`."""
        path = self.root / name
        return path.stat().st_size, iter(_blocks(path.open("rb")))

    def remove(self, name: str) -> None:
        """See `Files`."""
        remove(self.root / name)

    def ids(self, kind: str) -> Iterator[tuple[str, float]]:
        """See `Files`."""
        for path in (self.root / kind).iterdir():
            with suppress(FileNotFoundError):
                yield path.name, path.stat().st_mtime


class Bucket:
    """Files in a storage that fsspec speaks to.

    Args:
        url: such as `s3://bucket/prefix`; keys and endpoint come from the environment.

    Raises:
        BadInput: the storage is unknown or does not answer.
    """

    def __init__(self, url: str) -> None:
        import fsspec

        try:
            self._system, self._root = fsspec.core.url_to_fs(url)
            self._system.pipe_file(self._at(PROBE), b"")  # whether it may be written to
        except ImportError as error:
            raise BadInput(f"{url}: {error}: pip install 'openfloat[storage]'") from error
        except Exception as error:  # each storage has its own kinds
            reason = " ".join(str(error).split())
            raise BadInput(f"{url} cannot be used: {reason}") from error

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """Whatever a storage raises becomes Away, but for a file that is not there."""
        try:
            yield
        except FileNotFoundError:
            raise
        except Exception as error:
            raise Away("the storage does not answer: try again later") from error

    def put(self, source: Path, name: str) -> None:
        """See `Files`."""
        with self._asked():
            self._system.put_file(str(source), self._at(name))
        source.unlink()

    def path(self, name: str) -> Path | None:  # noqa: ARG002
        """See `Files`."""
        return None

    def near(self, name: str, folder: Path) -> Path:
        """See `Files`."""
        path = folder / PurePosixPath(name).name
        with self._asked():
            self._system.get_file(self._at(name), str(path))
        return path

    def read(self, name: str) -> tuple[int, Iterator[bytes]]:
        """See `Files`."""
        with self._asked():
            file = self._system.open(self._at(name), "rb", block_size=BLOCK)
        return file.size, iter(_blocks(file))

    def remove(self, name: str) -> None:
        """See `Files`."""
        with suppress(FileNotFoundError), self._asked():
            self._system.rm(self._at(name), recursive=True)

    def ids(self, kind: str) -> Iterator[tuple[str, float]]:
        """See `Files`."""
        with self._asked():
            self._system.invalidate_cache()
            found = self._system.find(self._at(kind), detail=True)
        newest: dict[str, float] = {}
        for path, details in found.items():
            number = path.removeprefix(self._at(kind) + "/").split("/")[0]
            at = details.get("LastModified") or details.get("created") or time.time()
            seconds = at if isinstance(at, int | float) else at.timestamp()
            newest[number] = max(newest.get(number, 0.0), seconds)
        yield from newest.items()


def open_files(place: str, folder: Path) -> Files:
    """Files at a path or URL, or without one in a folder; BadInput where they cannot be.

    Args:
        place: a path, or a URL with a scheme that fsspec knows.
        folder: the server's own.
    """
    if "://" in place:
        return Bucket(place.rstrip("/"))
    root = Path(place) if place else folder
    try:
        return Folder(root)
    except OSError as error:
        raise BadInput(f"{root} cannot be used: {error}") from error


def _blocks(file: Any) -> Iterator[bytes]:
    with file:
        while block := file.read(BLOCK):
            yield block


def remove(path: Path) -> None:
    """Delete a file or folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)

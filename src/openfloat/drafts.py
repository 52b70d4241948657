"""Files that appear under their name complete or not at all, whatever becomes of their writer.

A draft is made in a hidden folder beside the file, brought to the disk, and then renamed. A killed
writer leaves that folder; whoever writes the same file next takes it away, or whoever goes on with
the folder that it is in.
"""

import errno
import importlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

from safetensors import SafetensorError

from openfloat.errors import NotWritten

LOCKS: ModuleType | None
"""Windows has none; there what a killed writer leaves stays."""
try:
    LOCKS = importlib.import_module("fcntl")
except ImportError:
    LOCKS = None

SUFFIX = ".partial"
LONGEST_PREFIX = 40
"""Letters of a file's name in its draft's: the longest allowed name must not become too long."""
ATTEMPTS = 5


class Draft:
    """A file that is being made; `drafted` is the shorter way where one block makes it.

    Attributes:
        path: where to write; empty at first.

    Args:
        final: the file's name once it is complete; replaced if it exists.

    Raises:
        NotWritten: nothing can be written there.
    """

    def __init__(self, final: Path) -> None:
        self._final, self._lock = final, -1
        if final.is_dir():
            raise NotWritten(f"{final} is a folder")
        try:
            if not final.parent.is_dir():
                raise NotWritten(
                    f"{final.parent}: there is no such folder to write {final.name} to"
                )
            remove_abandoned(final.parent, _prefix(final))
            self._open()
        except (OSError, ValueError) as error:
            raise not_written(final, error) from error

    def _open(self) -> None:
        """A folder of its own, locked so that others see that it is in use."""
        for _ in range(ATTEMPTS):
            room = tempfile.mkdtemp(dir=self._final.parent, prefix=_prefix(self._final),
                                    suffix=SUFFIX)  # fmt: skip
            self.path = Path(room, self._final.name)
            try:
                self._lock = _locked(Path(room))
                self.path.touch()
            except FileNotFoundError:  # taken for abandoned before it was locked
                self.drop()
            except OSError:
                self.drop()
                raise
            else:
                self._mode = self.path.stat().st_mode & 0o777
                return
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    def keep(self) -> None:
        """The file is complete: to the disk with it, then it gets its name.

        Raises:
            NotWritten: the disk is full or gone.
        """
        try:
            self.path.chmod(self._mode)  # some writers write for the owner's eyes only
            sync(self.path)
            self.path.replace(self._final)
            sync(self._final.parent)
        except OSError as error:
            raise not_written(self._final, error) from error
        finally:
            self.drop()

    def drop(self) -> None:
        """Nothing is left; harmless after `keep`."""
        shutil.rmtree(self.path.parent, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


@contextmanager
def drafted(final: Path) -> Iterator[Path]:
    """Where to write a file, which gets its name when the block ends well.

    Raises:
        NotWritten: it cannot be written, there or at all.
    """
    draft = Draft(final)
    try:
        yield draft.path
        draft.keep()
    except (OSError, SafetensorError) as error:
        raise not_written(final, error) from error
    finally:
        draft.drop()


def write_text(final: Path, text: str) -> None:
    """Write a small text file, UTF-8; NotWritten where that cannot be."""
    with drafted(final) as path:
        path.write_text(text, encoding="utf-8")


def remove_abandoned(folder: Path, prefix: str = ".") -> None:
    """Take away drafts in a folder, those with some prefix, whose writers were killed."""
    if LOCKS is None:
        return
    for entry in list(os.scandir(folder)):
        if not (entry.name.startswith(prefix) and entry.name.endswith(SUFFIX)):
            continue
        with suppress(OSError):  # in use, or gone already
            lock = _locked(Path(entry.path))
            shutil.rmtree(entry.path, ignore_errors=True)
            os.close(lock)


def sync(path: Path) -> None:
    """Bring a file, or the list of a folder's files, to the disk."""
    if path.is_dir() and os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Bring a folder and the files in it to the disk."""
    for path in folder.iterdir():
        sync(path)
    sync(folder)


def not_written(final: Path, error: BaseException) -> NotWritten:
    """What to raise for a file that cannot be written."""
    why = getattr(error, "strerror", None) or " ".join(str(error).split())
    return NotWritten(f"{final} cannot be written: {why}")


def _prefix(final: Path) -> str:
    return f".{final.name[:LONGEST_PREFIX]}."


def _locked(room: Path) -> int:
    """A handle that keeps a folder locked; OSError where somebody else's does."""
    if LOCKS is None:
        return -1
    handle = os.open(room, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        LOCKS.flock(handle, LOCKS.LOCK_EX | LOCKS.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle

"""Sound and video files opened so that FFmpeg reads them and nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer

from openfloat.errors import BadMedia

MOST_TO_OPEN = 2**26
"""Bytes that may be read before it is known what a file holds; FFmpeg would read all of it."""
_NOTHING_ELSE = {"protocol_whitelist": "none"}
"""With a file that is open already, keeps playlists from opening what they name."""


class _Bounded:
    """A file that ends early while it is being opened."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self.name = file, name
        self.left: int | None = MOST_TO_OPEN

    def read(self, size: int) -> bytes:
        if self.left is not None:
            size = min(size, self.left)
            self.left -= size
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


@contextmanager
def open_container(path: Path) -> Iterator[InputContainer]:
    """Open a local sound or video file; what it points to is not followed.

    Raises:
        BadMedia: no such file, none that can be read, or one that does not say soon what it holds.
    """
    if not path.is_file():
        raise BadMedia(f"{path}: there is no such file")
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadMedia(f"{path} cannot be read: {error.strerror}") from error
    with file:
        source = _Bounded(file, path.name)
        try:
            container = av.open(source, "r", metadata_errors="ignore", options=_NOTHING_ELSE)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise BadMedia(f"{path}: not a sound or video file that can be read") from error
        with container:
            if source.left == 0:
                raise BadMedia(f"{path}: nothing in its first {MOST_TO_OPEN // 2**20} MiB")
            source.left = None
            yield container

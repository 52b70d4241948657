"""What clients are told of errors: one sentence without paths of the server."""

from pathlib import Path

from openfloat.errors import Busy, OpenFloatError


class TooLarge(OpenFloatError):
    """More bytes than are allowed."""


class NotFound(OpenFloatError):
    """No such job or portrait, or one of somebody else."""


class NotReady(OpenFloatError):
    """A result of a job that has none (yet)."""


class Draining(Busy):
    """The server is about to stop."""


def sentence(error: OpenFloatError, *folders: Path | None) -> str:
    """The text of an error; of files in folders of the server only their names are told."""
    text = " ".join(str(error).split())
    for folder in filter(None, folders):
        text = text.replace(f"{folder}/", "").replace(str(folder), "it")
    return text

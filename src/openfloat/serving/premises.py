"""The folder that a server has for itself."""

import fcntl
import secrets
from pathlib import Path

from openfloat.errors import BadInput
from openfloat.serving.files import remove

ROOMS = ("incoming", "drawing")
"""For what has come and is not taken yet, and for what is being drawn."""


class Premises:
    """A folder that no other server uses as long as this one lives.

    Attributes:
        folder: absolute.
        name: of this server among others, the same whenever it starts on the folder.

    Args:
        folder: made if it is missing; readable by its owner alone.

    Raises:
        BadInput: it cannot be used, or another server uses it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        try:
            for room in ROOMS:
                (self.folder / room).mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o700)  # what people upload is nobody else's business
            self._lock = (self.folder / "lock").open("a+")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for room in ROOMS:
                for path in (self.folder / room).iterdir():
                    remove(path)
            self.name = self._named()
        except BlockingIOError:
            self._lock.close()
            raise BadInput(f"{folder} is in use by another server") from None
        except OSError as error:
            raise BadInput(f"{folder} cannot be used: {error}") from error

    def _named(self) -> str:
        self._lock.seek(0)
        name = self._lock.read().strip()
        if not name:
            name = secrets.token_hex(8)
            self._lock.write(name)
            self._lock.flush()
        return name

    def leave(self) -> None:
        """Let another server in."""
        self._lock.close()

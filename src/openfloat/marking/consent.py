"""A file in which somebody agrees to be shown, bound to the videos that show them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from openfloat.errors import BadInput

MOST_BYTES = 65_536
MOST_LETTERS = 1000
"""Of the statement; the hash is of the whole file."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What goes into a video.

    Attributes:
        statement: the file's text, white space made single, cut to a thousand letters.
        sha256: of the file's bytes, as hexadecimal digits.
    """

    statement: str
    sha256: str


def read_consent(path: Path) -> Consent:
    """Read a consent file: UTF-8 text of any form, such as who agrees to what, when, and to whom.

    Raises:
        BadInput: it is missing, empty, too large, or no text.
    """
    try:
        if not path.is_file():
            raise BadInput(f"{path}: there is no such file")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        text = content.decode("utf-8")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise BadInput(f"{path}: a consent file is UTF-8 text") from None
    if len(content) > MOST_BYTES:
        raise BadInput(f"{path}: a consent file has at most {MOST_BYTES} bytes")
    statement = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if not statement:
        raise BadInput(f"{path}: the consent file is empty")
    return Consent(statement[:MOST_LETTERS], hashlib.sha256(content).hexdigest())

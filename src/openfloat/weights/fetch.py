"""Files from the Hugging Face hub: resumed, checked, and not without their licence.

`HF_ENDPOINT`, `HF_HOME`, `HF_TOKEN` and `HF_HUB_OFFLINE` mean what they always mean.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from openfloat.errors import BadCheckpoint, BadInput, ModelNotFound
from openfloat.weights.store import CONFIG, WEIGHTS

CARD = "README.md"
FREE = ("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "unlicense")
"""Licences that nobody has to be asked about."""
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def is_repository(name: str) -> bool:
    """Whether a name can be owner/name on the hub, and is not meant as a place on this disk."""
    return _REPOSITORY.fullmatch(name) is not None and not Path(name).parent.is_dir()


def fetch_model(
    repository: str, *, revision: str | None = None, accept_licence: bool = False
) -> Path:
    """A model folder of ours from the hub; what is here already is not fetched again.

    Args:
        repository: owner/name.
        revision: branch, tag or commit; none: the main branch.
        accept_licence: fetch it although its licence is not one of `FREE`.

    Raises:
        ModelNotFound: there is no such model, or it is not here and the hub cannot be reached.
        BadInput: the licence must be accepted first.
        BadCheckpoint: a file is damaged.
    """
    licence = licence_of(repository, revision)
    if licence not in FREE and not accept_licence:
        raise BadInput(
            f"{repository} has the licence {licence or 'that it does not name'}: read it at "
            f"{page_of(repository)} and, if you agree, say --accept-licence "
            "(accept_licence=True in Python)"
        )
    return fetch_files(repository, (CONFIG, WEIGHTS, CARD, "LICENSE*"), revision)


def licence_of(repository: str, revision: str | None = None) -> str:
    """The licence that a repository's card names; empty where it names none."""
    folder = fetch_files(repository, (CARD,), revision)
    card = folder / CARD
    if not card.is_file():
        return ""
    head = re.match(r"---\r?\n(.*?)\r?\n---", card.read_text(encoding="utf-8"), re.DOTALL)
    found = re.search(r"^license:\s*[\"']?([\w.-]+)", head[1], re.MULTILINE) if head else None
    return found[1].lower() if found else ""


def fetch_files(repository: str, patterns: Sequence[str], revision: str | None = None) -> Path:
    """Files of a repository by patterns, as a folder; those that were cut off go on.

    Raises:
        ModelNotFound: there is no such repository or revision, or it cannot be reached.
        BadCheckpoint: a file's SHA-256 is not the one that the hub says.
    """
    import httpx
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        folder = Path(
            snapshot_download(repository, revision=revision, allow_patterns=list(patterns))
        )
    except GatedRepoError as error:
        raise ModelNotFound(
            f"{repository}: ask for access at {page_of(repository)} first"
        ) from error
    except RevisionNotFoundError as error:
        raise ModelNotFound(f"{repository} has no revision {revision!r}") from error
    except RepositoryNotFoundError as error:
        raise ModelNotFound(
            f"{repository}: there is no such model on the hub, nor a folder of that name"
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, httpx.HTTPError, OSError) as error:
        raise ModelNotFound(
            f"{repository}: it is not on this disk, and the hub cannot be reached or gives up"
        ) from error
    for file in folder.rglob("*"):
        _check(file)
    return folder


def page_of(repository: str) -> str:
    """Where a repository can be read about."""
    from huggingface_hub.constants import ENDPOINT

    return f"{ENDPOINT}/{repository}"


def _check(file: Path) -> None:
    """Compare a large file with the SHA-256 under which the hub's cache keeps it."""
    stored = file.resolve()
    if not stored.is_file() or _SHA256.fullmatch(stored.name) is None:
        return
    with stored.open("rb") as data:
        found = hashlib.file_digest(data, "sha256").hexdigest()
    if found != stored.name:
        stored.unlink()
        raise BadCheckpoint(f"{file.name} came damaged from the hub and was deleted: try again")

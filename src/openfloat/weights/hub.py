"""From a model's name or folder to its folder; models of a hub are fetched once."""

from pathlib import Path

from openfloat.errors import ModelNotFound
from openfloat.weights.fetch import fetch_model, is_repository
from openfloat.weights.store import CONFIG, WEIGHTS

ASSETS = Path(__file__).parent.parent / "assets"


def embedded_models() -> dict[str, Path]:
    """Models that come with the package: name -> folder, by name."""
    if not ASSETS.is_dir():
        return {}
    return {
        folder.name: folder
        for folder in sorted(ASSETS.iterdir())
        if (folder / CONFIG).is_file() and (folder / WEIGHTS).is_file()
    }


def resolve_model(
    name_or_folder: str | Path, *, revision: str | None = None, accept_licence: bool = False
) -> Path:
    """The folder of a model.

    Args:
        name_or_folder: a folder that holds a `config.json`, the name of an embedded model, or
            owner/name of a model on the Hugging Face hub. A folder wins over a name.
        revision: branch, tag or commit on the hub; none: its main branch.
        accept_licence: the hub's model may be used although its licence is not a free one.

    Raises:
        ModelNotFound: it is none of them; the text says which models exist.
        BadInput: the hub's model has a licence that must be accepted first.
        BadCheckpoint: what came from the hub is not what the hub says it is.
    """
    folder, embedded = Path(name_or_folder), embedded_models()
    try:
        if (folder / CONFIG).is_file():
            return folder
    except OSError as error:
        raise ModelNotFound(f"{str(folder)[:80]}: {error.strerror}") from error
    if str(name_or_folder) in embedded:
        return embedded[str(name_or_folder)]
    known = ", ".join(embedded) or "none"
    if folder.is_dir():
        raise ModelNotFound(f"{folder}: the folder holds no {CONFIG} (embedded models: {known})")
    if isinstance(name_or_folder, str) and is_repository(name_or_folder):
        return fetch_model(name_or_folder, revision=revision, accept_licence=accept_licence)
    raise ModelNotFound(
        f"{name_or_folder}: neither a model folder nor an embedded model (embedded models: {known})"
    )

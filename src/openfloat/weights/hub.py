"""From a model's name or folder to its folder."""

from pathlib import Path

from openfloat.errors import ModelNotFound
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


def resolve_model(name_or_folder: str | Path) -> Path:
    """The folder of a model.

    Args:
        name_or_folder: a folder that holds a `config.json`, or the name of an embedded model. A
            folder wins over a name.

    Raises:
        ModelNotFound: it is neither; the text says which models exist.
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
    raise ModelNotFound(
        f"{name_or_folder}: neither a model folder nor an embedded model (embedded models: {known})"
    )

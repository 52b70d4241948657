"""Where the released FLOAT weights are publicly kept, and their way to a model folder of ours."""

from dataclasses import dataclass
from pathlib import Path

from openfloat.errors import BadCheckpoint, BadInput
from openfloat.weights.fetch import fetch_files, licence_of, page_of

FLOAT_512 = "float-512"


@dataclass(frozen=True, slots=True)
class Place:
    """One repository, and what of it is needed."""

    repository: str
    patterns: tuple[str, ...]


PLACES = (
    Place("set-soft/float", ("*.safetensors",)),
    Place("facebook/wav2vec2-base-960h", ("config.json", "model.safetensors")),
    Place(
        "r-f/wav2vec-english-speech-emotion-recognition",
        ("config.json", "model.safetensors", "pytorch_model.bin"),
    ),
)
"""Weights of FLOAT, of its speech network and of its emotion network."""


def licences() -> str:
    """Where the parts are kept and the licences that their cards name, a line each."""
    named = ((place.repository, licence_of(place.repository)) for place in PLACES)
    return "\n".join(f"{page_of(where)}: {licence or 'see its page'}" for where, licence in named)


def download_float_512(output: Path, *, accept_licence: bool) -> int:
    """Fetch the released weights and write them as a model folder.

    Args:
        output: folder to write.
        accept_licence: the caller has read the licences and agrees.

    Returns:
        Number of parameters.

    Raises:
        BadInput: the licences were not accepted.
        ModelNotFound: a repository cannot be reached.
        BadCheckpoint: what came does not fit.
    """
    if not accept_licence:
        raise BadInput(
            f"the weights of {FLOAT_512} are for non-commercial use: read "
            f"{page_of(PLACES[0].repository)} and, if you agree, say --accept-licence"
        )
    from openfloat.weights.official import convert_release

    weights, wav2vec2, emotion = (fetch_files(p.repository, p.patterns) for p in PLACES)
    return convert_release(_largest(weights), wav2vec2, emotion, output)


def _largest(folder: Path) -> Path:
    """The largest safetensors file of a folder: the one with the networks."""
    files = sorted(folder.rglob("*.safetensors"), key=lambda file: file.stat().st_size)
    if not files:
        raise BadCheckpoint(f"{PLACES[0].repository} holds no safetensors file")
    return files[-1]

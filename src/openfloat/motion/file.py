"""Motion files: safetensors with `coefficients`, perhaps `reference`, and words on both."""

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from openfloat import __version__
from openfloat.config import FPS
from openfloat.drafts import drafted
from openfloat.errors import BadInput
from openfloat.motion.value import MOST_CONTROLS, MOST_FRAMES, Motion

SUFFIX = ".safetensors"
FORMAT = "openfloat-motion-1"
COEFFICIENTS, REFERENCE = "coefficients", "reference"
MEASURED, TOLD = "measured", "told"
MOST_BYTES = 2**28
"""Of a file; an hour of twenty controls has 2**23."""
MOST_WORDS = 2**16
"""Letters of all metadata together."""


def check_name(path: str | Path) -> Path:
    """The path of a motion file to be written.

    Raises:
        BadInput: the name does not end in .safetensors, or the folder does not exist.
    """
    path = Path(path)
    if path.suffix.lower() != SUFFIX:
        raise BadInput(f"{path}: the name of a motion file must end in {SUFFIX}")
    if path.is_dir():
        raise BadInput(f"{path} is a folder")
    if not path.parent.is_dir():
        raise BadInput(f"{path.parent}: there is no such folder to write {path.name} to")
    return path


def save_motion(path: str | Path, motion: Motion) -> Path:
    """Write a motion file; it appears complete or not at all.

    Raises:
        BadInput: the name does not end in .safetensors.
        NotWritten: it cannot be written there.
    """
    path = check_name(path)
    tensors = {COEFFICIENTS: motion.coefficients.contiguous()}
    if motion.reference is not None:
        tensors[REFERENCE] = motion.reference.contiguous()
    words = {
        "format": FORMAT,
        "fps": str(FPS),
        "controls": json.dumps(motion.controls),
        "model": motion.model,
        "source": motion.source,
        "lips": MEASURED if motion.measured else TOLD,
        "openfloat": __version__,
    }
    with drafted(path) as draft:
        save_file(tensors, draft, metadata=words)
    return path


def load_motion(path: str | Path) -> Motion:
    """Read a motion file; sizes and types are looked at before numbers are.

    Raises:
        BadInput: it is missing, no motion file, of another format or frame rate, too large, or
            holds numbers or words that no motion has.
    """
    path = Path(path)
    if not path.is_file():
        raise BadInput(f"{path}: there is no such file")
    if path.stat().st_size > MOST_BYTES:
        raise BadInput(f"{path}: more than {MOST_BYTES // 2**20} MiB are no motion file")
    try:
        with safe_open(path, framework="pt") as file:
            words = dict(file.metadata() or {})
            controls = _controls(words)
            names = set(file.keys())
            if COEFFICIENTS not in names or names - {COEFFICIENTS, REFERENCE}:
                raise BadInput("it does not hold coefficients, perhaps a reference, and no more")
            for name in names:
                _check(name, file.get_slice(name).get_dtype(), file.get_slice(name).get_shape())
            return Motion(
                coefficients=file.get_tensor(COEFFICIENTS),
                reference=file.get_tensor(REFERENCE) if REFERENCE in names else None,
                controls=controls,
                model=words.get("model", ""),
                source=words.get("source", ""),
                measured=words.get("lips", TOLD) == MEASURED,
            )
    except BadInput as error:
        raise BadInput(f"{path} is no motion file: {error}") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise BadInput(f"{path} is no motion file: it is not complete safetensors") from error


def _controls(words: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the coefficients; refuses words that no motion file has."""
    if sum(map(len, words.values())) > MOST_WORDS:
        raise BadInput(f"its metadata has more than {MOST_WORDS} letters")
    if words.get("format") != FORMAT:
        raise BadInput(f"its format is not {FORMAT}")
    if words.get("fps") != str(FPS):
        raise BadInput(f"it is not at {FPS} frames per second")
    try:
        names = json.loads(words.get("controls", ""))
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadInput("the names of its controls are not a list of words")
    return tuple(names)


def _check(name: str, dtype: str, shape: list[int]) -> None:
    """Refuse what would not fit a `Motion` before it is read."""
    most = [MOST_FRAMES, MOST_CONTROLS] if name == COEFFICIENTS else [MOST_CONTROLS]
    allowed = len(shape) == len(most) and all(1 <= n <= m for n, m in zip(shape, most, strict=True))
    if dtype != "F32" or not allowed:
        raise BadInput(f"its {name} are {dtype} of shape {shape}")

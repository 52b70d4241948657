"""What is known of a made clip, in a file beside it.

`clip-00000.safetensors` holds `controls`, `coefficients`, `lip_aperture`, `lid_aperture` (a row for
each frame) and `phone_times` (start and end in seconds); its metadata's one entry `clip` is JSON
with the phones' names, emotion, portrait, person, voice, licence and origin.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from openfloat.data.controls import to_coefficients
from openfloat.data.voices import Phone
from openfloat.drafts import drafted
from openfloat.errors import BadInput


class ClipTruth(NamedTuple):
    """Everything that a clip was made from."""

    controls: NDArray[np.float32]
    """(t, 20) physical values in the table's order."""
    lip_aperture: NDArray[np.float32]
    """(t,) gap of the inner lips as `openfloat.vision.measure.mouth_aperture` defines it."""
    lid_aperture: NDArray[np.float32]
    """(t,) gap of the lids as `openfloat.vision.measure.eye_aperture` defines it."""
    phones: tuple[Phone, ...]
    """In order and without gaps, from 0 to the end of the sound."""
    emotion: str
    portrait: str
    """File name in the data pack that it was made from."""
    person: str
    voice: str
    """Program and voice."""
    licence: str
    origin: str

    @property
    def coefficients(self) -> NDArray[np.float32]:
        """(t, 20) controls of roughly unit spread."""
        return to_coefficients(self.controls)


_TEXTS = ("emotion", "portrait", "person", "voice", "licence", "origin")


def write_truth(path: Path, truth: ClipTruth) -> None:
    """Write one file; a reader never sees half of it."""
    times = np.array([[phone.start_s, phone.end_s] for phone in truth.phones], dtype=np.float32)
    tensors = {
        "controls": truth.controls,
        "coefficients": truth.coefficients,
        "lip_aperture": truth.lip_aperture,
        "lid_aperture": truth.lid_aperture,
        "phone_times": times.reshape(-1, 2),
    }
    about: dict[str, object] = {name: getattr(truth, name) for name in _TEXTS}
    about["phones"] = [phone.name for phone in truth.phones]
    contiguous = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    with drafted(path) as draft:
        save_file(contiguous, draft, metadata={"clip": json.dumps(about)})


def read_truth(path: Path) -> ClipTruth:
    """Read what `write_truth` wrote.

    Raises:
        BadInput: the file is missing, damaged or none of these.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            about = json.loads(file.metadata()["clip"])
            times = file.get_tensor("phone_times").tolist()
            return ClipTruth(
                controls=file.get_tensor("controls"),
                lip_aperture=file.get_tensor("lip_aperture"),
                lid_aperture=file.get_tensor("lid_aperture"),
                phones=tuple(
                    Phone(name, *span) for name, span in zip(about["phones"], times, strict=True)
                ),
                **{name: about[name] for name in _TEXTS},
            )
    except (FileNotFoundError, SafetensorError, KeyError, TypeError, ValueError) as problem:
        raise BadInput(f"{path} is not a readable truth of a made clip: {problem}") from problem

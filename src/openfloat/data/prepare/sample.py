"""One prepared clip as the files of a WebDataset sample, and shards of them: plain tar.

A sample KEY is `KEY.mp4` (the crop, H.264, 25 frames per second, no sound), `KEY.wav` (16 kHz,
mono, 16 bit; missing where there is no voice), `KEY.safetensors` (`landmarks` (t 478 2) as shares
of the crop; `masks` (t 2 512) bytes, the bits of mouth and eyes at 64x64, row by row; perhaps
`emotion` (7) and `speech` (t a)) and `KEY.json` (`ClipAbout`).
"""

import io
import json
import tarfile
import wave
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from openfloat.config import SAMPLE_RATE
from openfloat.data.manifest import Split
from openfloat.drafts import drafted

VIDEO, SOUND, NUMBERS, ABOUT = "mp4", "wav", "safetensors", "json"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipAbout:
    """What is known of a clip."""

    key: str
    source: str
    """Raw file, inside the raw folder."""
    corpus: str
    person: str
    split: Split
    licence: str
    origin: str
    emotion: str | None
    """The actor's task, where the file's name says it."""
    start_s: float
    """Where the clip begins in the raw video."""
    num_frames: int
    size: int
    face_px: float
    """Longer side of the face in the raw video."""
    box: tuple[int, int, int, int]
    """The crop in pixels of the raw video: left, top, right, bottom."""
    voice: bool
    lip_voice_r: float | None
    """Correlation of lip gap and voice level at that lag; none without sound."""
    lip_voice_lag: int | None
    """Frames by which the lips of the whole raw video are late, if it is long enough to tell."""


def pack_masks(masks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Masks (t, 2, 64, 64) as bits (t, 2, 512)."""
    return np.packbits(masks.reshape(*masks.shape[:2], -1), axis=-1)


def unpack_masks(bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The inverse of `pack_masks`."""
    side = round((bits.shape[-1] * 8) ** 0.5)
    return np.unpackbits(bits, axis=-1).reshape(*bits.shape[:2], side, side)


def sample_files(
    about: ClipAbout,
    video: bytes,
    waveform: NDArray[np.float32] | None,
    numbers: Mapping[str, NDArray[Any]],
) -> dict[str, bytes]:
    """The files of a sample by extension."""
    files = {VIDEO: video}
    if waveform is not None:
        files[SOUND] = wave_bytes(waveform)
    files[NUMBERS] = save({name: np.ascontiguousarray(array) for name, array in numbers.items()})
    files[ABOUT] = json.dumps(asdict(about), indent=1).encode()
    return files


def wave_bytes(waveform: NDArray[np.float32]) -> bytes:
    """Samples at 16 kHz as a 16-bit WAV file."""
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes((waveform.clip(-1, 1) * 32767).round().astype("<i2").tobytes())
    return data.getvalue()


def write_tar(path: Path, samples: Iterable[tuple[str, Mapping[str, bytes]]]) -> None:
    """Write samples one after the other; the file gets its name when it is complete."""
    with drafted(path) as draft, tarfile.open(draft, "w", format=tarfile.USTAR_FORMAT) as tar:
        for key, files in samples:
            for extension, data in files.items():
                entry = tarfile.TarInfo(f"{key}.{extension}")
                entry.size, entry.mode = len(data), 0o644
                tar.addfile(entry, io.BytesIO(data))

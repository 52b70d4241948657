"""A voice as the user gives it: a file, or samples; samples as a file where that is needed."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from openfloat.audio.io import Samples, write_wave

SoundLike = str | Path | Samples


@contextmanager
def as_file(sound: SoundLike) -> Iterator[Path]:
    """The file that holds a sound; samples get a WAV file for as long as it is needed."""
    if not isinstance(sound, np.ndarray):
        yield Path(sound)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.wav"
        write_wave(path, sound)
        yield path

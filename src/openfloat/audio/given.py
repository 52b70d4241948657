"""A voice as the user gives it: a file, or samples; each as the other where that is needed."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from openfloat.audio.io import Samples, load_audio, write_wave
from openfloat.errors import BadInput

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


def as_samples(sound: SoundLike) -> Samples:
    """The mono samples (s,) at 16 kHz of a sound.

    Raises:
        BadInput: samples of more than one dimension, or none.
        BadMedia: a file that cannot be used.
    """
    if isinstance(sound, np.ndarray):
        if sound.ndim != 1 or not len(sound):
            raise BadInput(f"samples of shape {sound.shape} are not one channel of sound")
        return sound.astype(np.float32, copy=False)
    return load_audio(Path(sound))

"""Acted emotional speech of the data pack (EmoDB)."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openfloat.config import EMOTIONS
from openfloat.data.clips import clip_sound
from openfloat.data.manifest import Split, read_manifest


class EmotionalClip(NamedTuple):
    """One recording."""

    waveform: NDArray[np.float32]
    """(s,) mono 16 kHz, in [-1, 1]."""
    emotion: int
    """Index into `openfloat.config.EMOTIONS`."""
    speaker: str


def read_emotional_speech(data_dir: Path, *, split: Split) -> list[EmotionalClip]:
    """Recordings with a label among our emotions; boredom is none of them and is left out.

    Args:
        data_dir: the data pack.
        split: by speaker.

    Raises:
        BadInput: the folder holds no data pack.
        BadMedia: a recording cannot be read.
    """
    return [
        EmotionalClip(clip_sound(data_dir / row.file), EMOTIONS.index(row.emotion), row.speaker)
        for row in read_manifest(data_dir).speech
        if row.split == split and row.emotion in EMOTIONS
    ]

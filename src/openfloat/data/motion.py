"""Clips as phase 2 sees them: a voice and the motion coefficients that go with it, no pictures."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class MotionClip(NamedTuple):
    """One utterance."""

    waveform: NDArray[np.float32]
    """(s,) mono 16 kHz, in [-1, 1]."""
    motion: NDArray[np.float32]
    """(t, m) coefficients at 25 frames per second, t = ceil(s / 640)."""
    emotion: int
    """Index into `openfloat.config.EMOTIONS`, or -1 where it is not known."""
    source: str
    """Where it came from, for logs and splits."""

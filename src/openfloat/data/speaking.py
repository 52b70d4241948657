"""Where somebody speaks in a recording, and how far lips may leave their rest there."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from openfloat.audio.frames import num_frames
from openfloat.config import FPS
from openfloat.data.voices import SILENCE, Phone
from openfloat.data.voices_acoustics import loudness

Curve = NDArray[np.float64]

AUDIBLE = 0.35
"""Loudness (of 1, over 30 dB) from which a sound counts as speech where words have no times."""
SHORTEST_PAUSE_S = 0.3
"""Lips stay where they are in shorter ones."""
AROUND_S = 0.16
"""Lips move so long before the first sound and after the last."""
RAMP_S = 0.06
"""Standard deviation of their way out of rest and back."""


def heard_speech(waveform: NDArray[np.float32]) -> Curve:
    """(t,) 1 where a voice is heard in a frame, 0 in silence, by loudness alone."""
    return (loudness(waveform, num_frames(len(waveform)), FPS) > AUDIBLE).astype(np.float64)


def spoken(phones: Sequence[Phone], frames: int) -> Curve:
    """(t,) 1 where a phone is heard in the middle of a frame, 0 in silence."""
    centres = (np.arange(frames) + 0.5) / FPS
    speaking = np.zeros(frames)
    for name, start, end in phones:
        if name != SILENCE:
            speaking[(centres >= start) & (centres < end)] = 1
    return speaking


def freedom(speaking: Curve) -> Curve:
    """How far lips may leave their rest: 0 in pauses to 1 in speech, and around it.

    Args:
        speaking: (t,) 1 where speech is heard.
    """
    reach = round(AROUND_S * FPS)
    bridged = ndimage.binary_closing(
        np.pad(speaking > 0, 2 * FPS), structure=np.ones(round(SHORTEST_PAUSE_S * FPS) + 1)
    )[2 * FPS : -2 * FPS]
    near = ndimage.binary_dilation(bridged, iterations=reach)
    return ndimage.gaussian_filter1d(near.astype(np.float64), RAMP_S * FPS, mode="nearest")

"""Do heads move on the beat of the voice?"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

from openfloat.config import FPS, SAMPLES_PER_FRAME

Curve = NDArray[np.float64]
SPREAD_FRAMES = 3.0
"""Standard deviation of the forgiveness."""
SMOOTHING = 1.0
"""Frames over which speeds and loudness are smoothed."""
APART = 0.2
"""Seconds between two beats at least."""


def motion_beats(pose: NDArray[np.float64]) -> NDArray[np.int64]:
    """Frames at which a head comes to rest: local minima of its angular speed.

    Args:
        pose: (t, 3) degrees.
    """
    speed = np.linalg.norm(np.gradient(pose, axis=0), axis=1)
    slow = -ndimage.gaussian_filter1d(speed, SMOOTHING)
    return np.asarray(signal.find_peaks(slow, distance=max(1, int(APART * FPS)))[0])


def voice_beats(waveform: NDArray[np.float32]) -> NDArray[np.int64]:
    """Frames at which the voice sets in: peaks of the rise of its loudness (dB per frame)."""
    count = len(waveform) // SAMPLES_PER_FRAME
    frames = waveform[: count * SAMPLES_PER_FRAME].reshape(count, SAMPLES_PER_FRAME)
    loud = 10 * np.log10(np.mean(np.square(frames, dtype=np.float64), axis=1) + 1e-7)
    rise = np.gradient(ndimage.gaussian_filter1d(loud, SMOOTHING)).clip(0)
    found = signal.find_peaks(rise, height=1.0, distance=max(1, int(APART * FPS)))[0]
    return np.asarray(found)


def beat_alignment(motion: NDArray[np.int64], voice: NDArray[np.int64]) -> float:
    """Mean of exp(-d^2 / (2 * 3^2)), d frames from each motion beat to the nearest of the voice.

    The beat alignment score of dance (Li et al. 2021, with beats as above), as SadTalker uses it
    for heads. 1: all of them coincide; NaN where either has none.
    """
    if not len(motion) or not len(voice):
        return float("nan")
    nearest = np.abs(motion[:, None] - voice[None]).min(axis=1)
    return float(np.exp(-(nearest**2) / (2 * SPREAD_FRAMES**2)).mean())

"""Whether lips and voice belong together: how well the gap of the lips follows the voice's level.

A coarse test that needs no network. Both rise and fall with the syllables, so that a few seconds
say little: three seconds leave most lags open, half a minute finds sound that is off by half a
second. It is not a measure of how good lips are.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from openfloat.audio.frames import num_samples

SEARCHED = 15
"""Frames to either side that lags are looked for in."""
CONFIDENCE = 0.5
"""Gap of two correlations, times the square root of how many syllables were seen, that counts."""
FRAMES_PER_SYLLABLE = 8
FLOOR = 1e-4
"""Loudness that counts as silence."""
SHUT = 0.02
"""Added to the gap between the lips, a share of the eyes' distance, before its logarithm."""

Curve = NDArray[np.float64]
"""(31,) correlations of lips and voice for lips that are -15 ... 15 frames late."""


class Agreement(NamedTuple):
    """How lips and voice of a video go together."""

    r: float
    """Correlation at the best lag."""
    lag: int
    """Frames that the lips are late there."""
    is_off: bool
    """Whether that is surely better than every allowed lag."""


def voice_level(waveform: NDArray[np.float32], frames: int) -> NDArray[np.float64]:
    """Loudness of every frame in decades, (frames,); silence where the sound has ended."""
    sound = np.zeros(num_samples(frames), np.float64)
    sound[: len(waveform)] = waveform[: len(sound)]
    power = np.square(sound.reshape(frames, -1)).mean(axis=1)
    return np.log10(np.sqrt(power) + FLOOR)


def lag_curve(opening: NDArray[np.float64], waveform: NDArray[np.float32]) -> Curve:
    """Pearson's correlation of lips and voice at every lag; -1 where too little is left of a clip.

    Args:
        opening: (t,) gap between the lips, as `vision.measure.mouth_aperture`.
        waveform: (s,) the clip's sound at 16 kHz.
    """
    lips = ndimage.gaussian_filter1d(np.log(opening + SHUT), 1.0)
    voice = ndimage.gaussian_filter1d(voice_level(waveform, len(opening)), 1.0)
    most = min(SEARCHED, len(opening) // 3)
    curve = np.full(2 * SEARCHED + 1, -1.0)
    for lag in range(-most, most + 1):
        curve[SEARCHED + lag] = _correlation(lips, voice, lag)
    return curve


def agreement(curves: Sequence[Curve], frames: Sequence[int], most_offset: int) -> Agreement:
    """What all clips of a video say together.

    Args:
        curves: of its clips.
        frames: their lengths.
        most_offset: frames that lips may be late or early.
    """
    pooled = np.average(np.stack(curves), axis=0, weights=frames)
    best = int(pooled.argmax())
    allowed = pooled[SEARCHED - most_offset : SEARCHED + most_offset + 1].max()
    needed = CONFIDENCE / np.sqrt(sum(frames) / FRAMES_PER_SYLLABLE)
    return Agreement(float(pooled[best]), best - SEARCHED, bool(pooled[best] - allowed > needed))


def _correlation(lips: NDArray[np.float64], voice: NDArray[np.float64], lag: int) -> float:
    end = len(lips) - abs(lag)
    a, b = lips[max(0, lag) :][:end], voice[max(0, -lag) :][:end]
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])

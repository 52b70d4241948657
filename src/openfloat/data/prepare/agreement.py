"""Whether lips and voice belong together: how well the gap of the lips follows the voice's level.

A coarse test that needs no network. It finds sound that is off by tenths of a second, and dubbed
or off-screen voices of long clips; it is not a measure of how good lips are.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from openfloat.audio.frames import num_samples

SEARCHED = 15
"""Frames to either side that lags are looked for in."""
SURE = 0.35
"""Correlation from which on a lag says something."""
FLOOR = 1e-4
"""Loudness that counts as silence."""


class Agreement(NamedTuple):
    """How lips and voice of a clip go together."""

    r: float
    """Pearson's correlation of lip gap and voice level at the best lag."""
    lag: int
    """Frames that the lips are late."""

    @property
    def is_sure(self) -> bool:
        """Whether the lag says something."""
        return self.r >= SURE


def voice_level(waveform: NDArray[np.float32], frames: int) -> NDArray[np.float64]:
    """Loudness of every frame in decades, (frames,); silence where the sound has ended."""
    sound = np.zeros(num_samples(frames), np.float64)
    sound[: len(waveform)] = waveform[: len(sound)]
    power = np.square(sound.reshape(frames, -1)).mean(axis=1)
    return np.log10(np.sqrt(power) + FLOOR)


def lip_voice_agreement(opening: NDArray[np.float64], waveform: NDArray[np.float32]) -> Agreement:
    """The lag at which the opening of the lips follows the voice best.

    Args:
        opening: (t,) gap between the lips; at least two seconds for a lag that means much.
        waveform: (s,) the clip's sound at 16 kHz.
    """
    level = voice_level(waveform, len(opening))
    lips = ndimage.gaussian_filter1d(opening, 1.0)
    voice = ndimage.gaussian_filter1d(level, 1.0)
    most = min(SEARCHED, len(opening) // 3)
    lags = sorted(range(-most, most + 1), key=abs)
    found = [Agreement(_correlation(lips, voice, lag), lag) for lag in lags]
    return max(found, key=lambda agreement: agreement.r)


def _correlation(lips: NDArray[np.float64], voice: NDArray[np.float64], lag: int) -> float:
    end = len(lips) - abs(lag)
    a, b = lips[max(0, lag) :][:end], voice[max(0, -lag) :][:end]
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])

"""What is felt in each frame, as a mood says."""

import numpy as np
from numpy.typing import NDArray

from openfloat.config import EMOTIONS, FPS
from openfloat.mood import AUTO, Mood, Span

BLEND_S = 0.5
"""Seconds over which one emotion gives way to the next."""


def mood_weights(
    mood: Mood, first: int, count: int, voice: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(count, 7) weights of the emotions from frame `first` on.

    Args:
        mood: what is asked for.
        first: frame.
        count: frames.
        voice: (7,) what the voice sounds like, for `auto`.
    """
    time_s = (first + np.arange(count) + 0.5) / FPS
    total, covered = np.zeros((count, len(EMOTIONS))), np.zeros(count)
    for span in mood.spans:
        presence = _risen(time_s, span.start_s) - _risen(time_s, span.end_s)
        covered += presence
        total += presence[:, None] * _vector(span, voice)
    return (total + (1 - covered)[:, None] * voice).astype(np.float32)


def _risen(time_s: NDArray[np.float64], moment_s: float) -> NDArray[np.float64]:
    """0 before a moment, 1 after it, smooth around it; the clip's beginning is no moment."""
    if moment_s <= 0:
        return np.ones_like(time_s)
    if moment_s == np.inf:
        return np.zeros_like(time_s)
    share = np.clip((time_s - moment_s) / BLEND_S + 0.5, 0, 1)
    return np.asarray(share**2 * (3 - 2 * share))


def _vector(span: Span, voice: NDArray[np.float32]) -> NDArray[np.float64]:
    """(7,) weights within a span."""
    vector = np.zeros(len(EMOTIONS))
    for name, weight in span.shares:
        if name == AUTO:
            vector += weight * voice
        else:
            vector[EMOTIONS.index(name)] += weight
    return vector

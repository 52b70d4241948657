"""What is felt in each frame, as a mood says."""

import numpy as np
from jaxtyping import Float32
from numpy import ndarray
from numpy.typing import NDArray

from openfloat.config import EMOTIONS, FPS
from openfloat.mood import AUTO, PHOTO, Mood, Span

BLEND_S = 0.5
"""Seconds over which one emotion gives way to the next."""


def mood_weights(
    mood: Mood,
    first: int,
    count: int,
    voice: Float32[ndarray, "v 7"],
    photo: Float32[ndarray, " 7"] | None = None,
) -> Float32[ndarray, "n 7"]:
    """(count, 7) weights of the emotions from frame `first` on.

    Args:
        mood: what is asked for.
        first: frame.
        count: frames.
        voice: what the voice sounds like in each of the frames, or in all of them, for `auto`.
        photo: what the photo looks like, for `photo`.
    """
    time_s = (first + np.arange(count) + 0.5) / FPS
    total, covered = np.zeros((count, len(EMOTIONS))), np.zeros(count)
    for span in mood.spans:
        presence = _risen(time_s, span.start_s) - _risen(time_s, span.end_s)
        covered += presence
        total += presence[:, None] * _vectors(span, voice, photo)
    return (total + (1 - covered)[:, None] * voice).astype(np.float32)


def _risen(time_s: NDArray[np.float64], moment_s: float) -> NDArray[np.float64]:
    """0 before a moment, 1 after it, smooth around it; the clip's beginning is no moment."""
    if moment_s <= 0:
        return np.ones_like(time_s)
    if moment_s == np.inf:
        return np.zeros_like(time_s)
    share = np.clip((time_s - moment_s) / BLEND_S + 0.5, 0, 1)
    return np.asarray(share**2 * (3 - 2 * share))


def _vectors(
    span: Span, voice: Float32[ndarray, "v 7"], photo: Float32[ndarray, " 7"] | None
) -> NDArray[np.float64]:
    """(v, 7) weights within a span."""
    vectors = np.zeros(voice.shape)
    for name, weight in span.shares:
        if name == AUTO:
            vectors += weight * voice
        elif name == PHOTO:
            assert photo is not None
            vectors += weight * photo
        else:
            vectors[:, EMOTIONS.index(name)] += weight
    return vectors

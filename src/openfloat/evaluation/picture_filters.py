"""How much of each named control a picture shows, read off its colours by linear filters.

The landmark detector is nearly blind to brows, gaze, lids and the nodding of a head. The data
engine shows what each control does to a portrait's pixels; the filters are the dual basis of those
changes: each answers to one control with 1 for each unit and to the others, as far as pixels are
linear in them, with 0.
"""

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from openfloat.data.dataset import to_image
from openfloat.evaluation.tracking import Frames

SEEN_SIZE = 64
"""Pixels a side: coarse, so that colours change about linearly with small motions."""
RIDGE = 1e-2
"""Share of a change's energy that keeps the filters of similar changes small."""


def features(frames: Frames) -> Float64[ndarray, "n p"]:
    """Pictures (n, h, w, 3) as rows of coarse colours in [-1, 1]."""
    return np.asarray(to_image(frames, SEEN_SIZE).double().flatten(1).numpy())


def change(amounts: Float64[ndarray, " n"], seen: Float64[ndarray, "n p"]) -> ndarray:
    """(p,) what one unit does to every value, by least squares."""
    centred = amounts - amounts.mean()
    return np.asarray(centred @ seen / (centred @ centred))


def dual_filters(changes: Float64[ndarray, "k p"]) -> Float64[ndarray, "p k"]:
    """Filters of which number j answers change i with 1 where i = j and 0 elsewhere (almost).

    Args:
        changes: one for each control; all zero for those that cannot be seen.
    """
    sizes = np.linalg.norm(changes, axis=1, keepdims=True)
    unit = changes / np.maximum(sizes, 1e-12)
    inverse = np.linalg.inv(unit @ unit.T + RIDGE * np.eye(len(unit)))
    return np.asarray(unit.T @ inverse / np.maximum(sizes.T, 1e-12))

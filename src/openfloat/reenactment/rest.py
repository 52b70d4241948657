"""What counts as rest, in a driving video and in a portrait, for controls that have names.

The model's reader, taught on made pictures, sees real lips move less than they do, each person's
another amount less, and reads closed mouths of some people as a little open. The gap between the
lips in a picture's landmarks has neither fault, so that the jaw is taken from it. The decoder in
turn opens the lips of each portrait only from another jaw on, which is found by trying.
"""

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from openfloat.data.controls import INDEX, SCALES
from openfloat.data.face_rig_fields import JAW_DROP
from openfloat.data.observed import LIPS, REST
from openfloat.editing.lids import BLINK

JAW = INDEX["jaw_open"]
RESTING = (*LIPS, BLINK)
"""Columns that are zero where nothing is said and the eyes are open."""
JAW_PER_GAP = 1 / (JAW_DROP * float(SCALES[JAW]))
"""Coefficient that opens the lips by one eye distance, as the controls define it."""
LARGEST_FLOOR = 0.06
"""Gap in eye distances that landmarks still show between closed lips of some people."""
SWEEP = np.arange(0, 3.3, 0.25, dtype=np.float32)
"""Jaw coefficients that a portrait is tried with."""
LEAST_RISE = 0.08
"""Gap in eye distances by which lips must open over the sweep for their answer to be believed."""
OPENED = 0.015
"""Gap in eye distances, beyond the smallest, from which on lips count as opened."""


def from_rest(
    found: Float32[ndarray, "t 20"], gaps: Float32[ndarray, " t"]
) -> Float32[ndarray, "t 20"]:
    """Coefficients whose lips and lids rest at zero, and whose jaw opens as far as was measured.

    Args:
        found: what the reader saw; its calmest frames stand for rest.
        gaps: between the lips, in eye distances.
    """
    out = found.copy()
    columns = list(RESTING)
    rest = np.percentile(found[:, columns], REST, axis=0)
    out[:, columns] = (found[:, columns] - rest).clip(0)
    floor = min(float(np.percentile(gaps, REST)), LARGEST_FLOOR)
    out[:, JAW] = JAW_PER_GAP * (gaps - floor).clip(0)
    return out


def opening_point(gaps: Float32[ndarray, " n"], jaws: Float32[ndarray, " n"] = SWEEP) -> float:
    """The jaw coefficient at which lips begin to open; the first one where they never do.

    Args:
        gaps: between the lips, in eye distances, for each jaw coefficient.
        jaws: rising.
    """
    risen = np.maximum.accumulate(gaps) - gaps[0]
    if risen[-1] <= OPENED:
        return float(jaws[0])
    after = int(np.argmax(risen > OPENED))
    share = (OPENED - risen[after - 1]) / (risen[after] - risen[after - 1])
    return float(jaws[after - 1] + share * (jaws[after] - jaws[after - 1]))


def jaws_for(
    wanted: Float32[ndarray, " t"],
    gaps: Float32[ndarray, " n"],
    jaws: Float32[ndarray, " n"] = SWEEP,
) -> Float32[ndarray, " t"]:
    """Jaw coefficients, counted from where lips begin to open, that open a portrait's lips so far.

    Portraits answer unevenly: little at first, and less again when wide open.

    Args:
        wanted: coefficients that would open the lips of a face that answers evenly.
        gaps: between the portrait's lips, in eye distances, for each jaw coefficient.
        jaws: rising.
    """
    start = opening_point(gaps, jaws)
    risen = np.maximum.accumulate(gaps) - gaps[0]
    if risen[-1] <= LEAST_RISE:
        return wanted
    after = jaws > start
    opened = np.concatenate([[0.0], risen[after]])
    told = np.concatenate([[0.0], jaws[after] - start])
    # strictly rising, so that it can be read the other way round
    opened = np.maximum.accumulate(opened + 1e-4 * np.arange(len(opened)))
    beyond = np.maximum(wanted / JAW_PER_GAP - opened[-1], 0) * JAW_PER_GAP
    found = np.interp(wanted / JAW_PER_GAP, opened, told) + beyond
    return np.minimum(found, max(float(jaws[-1]) - start, 0.0)).astype(np.float32)

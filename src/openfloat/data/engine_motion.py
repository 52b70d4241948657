"""Control curves of any speaker made to fit one portrait."""

import numpy as np
from numpy.typing import NDArray

from openfloat.data.controls import INDEX
from openfloat.data.engine_controls import HIGH, LOW, POSE_SPREAD, most_turn
from openfloat.data.manner import fixation

NUM_POSE = 6
"""Yaw, pitch, roll, x, y, scale."""
TO_FRONT, START_SPREAD = 0.15, 0.3
"""Share of a photo's turn that clips take back on average, and their spread about that, in units of
`POSE_SPREAD`."""


def fit_to_portrait(
    values: NDArray[np.float32], base: NDArray[np.float32], generator: np.random.Generator
) -> NDArray[np.float32]:
    """Curves that a portrait can show, in absolute physical values.

    The head moves about the portrait's own pose, never further than its photo may be turned; the
    eyes keep to the camera meanwhile. Eyes that are narrow in the photo are never wider. Mouth and
    brows stay what the curves say.

    Args:
        values: (t, 20) physical values.
        base: (20,) what the portrait itself shows.
        generator: decides about which pose the head moves.

    Returns:
        (t, 20) within the table's ranges, or the portrait's own value where that is outside.
    """
    fitted = values.copy()
    pose = values[:, :NUM_POSE]
    change = pose - np.median(pose, axis=0)
    for name, spread in POSE_SPREAD.items():
        own, column = float(base[INDEX[name]]), INDEX[name]
        start = float(generator.normal(-TO_FRONT * own, START_SPREAD * spread))
        most = most_turn(name, own)
        change[:, column] = most * np.tanh((change[:, column] + start) / most)
    fitted[:, :NUM_POSE] = base[:NUM_POSE] + change
    further = {
        name: (change - pose)[:, INDEX[name]].astype(np.float64) for name in ("yaw", "pitch")
    }
    for name, held in zip(("gaze_x", "gaze_y"), fixation(further), strict=True):
        fitted[:, INDEX[name]] += base[INDEX[name]] + held
    blink = INDEX["blink"]
    fitted[:, blink] = base[blink] + (1 - base[blink]) * values[:, blink]
    return fitted.clip(np.minimum(LOW, base), np.maximum(HIGH, base))

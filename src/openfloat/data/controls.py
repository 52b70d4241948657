"""The twenty named controls: their physical meaning and the scale that makes them coefficients.

A control has a physical value (degrees, shares of the crop, or 0 = relaxed ... 1 = full). Divided
by its scale it becomes a motion coefficient of roughly unit spread; zero stays zero. The twenty
directions of a basis taught by the data engine carry these coefficients in this order.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openfloat.config import CONTROLS


@dataclass(frozen=True, slots=True)
class Control:
    """One named motion."""

    name: str
    unit: str
    """Of the physical value."""
    scale: float
    """Physical amount that one unit of coefficient stands for."""
    low: float
    high: float
    """Range of physical values that the engine draws."""


TABLE = (
    Control("yaw", "degrees, positive towards the right of the picture", 8, -22, 22),
    Control("pitch", "degrees, positive looks up", 6, -16, 16),
    Control("roll", "degrees, positive turns clockwise in the picture", 5, -14, 14),
    Control("x", "share of the crop width, positive right", 0.03, -0.08, 0.08),
    Control("y", "share of the crop height, positive down", 0.03, -0.08, 0.08),
    Control("scale", "natural logarithm of the size", 0.05, -0.12, 0.12),
    Control("jaw_open", "0 closed, 1 wide open", 0.3, 0, 1),
    Control("lips_round", "0 relaxed, 1 pursed as in 'oo'", 0.3, 0, 1),
    Control("lips_wide", "0 relaxed, 1 stretched as in 'ee'", 0.3, 0, 1),
    Control("upper_lip_up", "0 relaxed, 1 raised", 0.3, 0, 1),
    Control("lower_lip_down", "0 relaxed, 1 lowered", 0.3, 0, 1),
    Control("lips_pressed", "0 relaxed, 1 rolled in and closed as in 'm'", 0.3, 0, 1),
    Control("smile", "0 relaxed, 1 broad", 0.3, 0, 1),
    Control("mouth_down", "0 relaxed, 1 corners fully down", 0.3, 0, 1),
    Control("brows_up", "0 relaxed, 1 raised", 0.3, 0, 1),
    Control("brows_down", "0 relaxed, 1 frowning", 0.3, 0, 1),
    Control("blink", "0 open, 1 both eyes closed", 0.3, 0, 1),
    Control("squint", "0 relaxed, 1 narrowed", 0.3, 0, 1),
    Control("gaze_x", "-1 ... 1, positive towards the right of the picture", 0.4, -1, 1),
    Control("gaze_y", "-1 ... 1, positive down", 0.4, -1, 1),
)  # fmt: skip

SCALES: NDArray[np.float32] = np.array([control.scale for control in TABLE], dtype=np.float32)
INDEX = {control.name: position for position, control in enumerate(TABLE)}

if tuple(INDEX) != CONTROLS:
    raise AssertionError("the table of controls and openfloat.config.CONTROLS differ")


def to_coefficients(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Physical values (..., 20) as motion coefficients."""
    return (values / SCALES).astype(np.float32)


def to_values(coefficients: NDArray[np.float32]) -> NDArray[np.float32]:
    """Motion coefficients (..., 20) as physical values."""
    return (coefficients * SCALES).astype(np.float32)

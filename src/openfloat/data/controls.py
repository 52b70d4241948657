"""The twenty named controls: their physical meaning and the scale that makes them coefficients.

A control has a physical value (degrees, shares of the crop, or 0 = relaxed ... 1 = full). Divided by
its scale it becomes a motion coefficient of roughly unit spread; zero stays zero. The first twenty
directions of a basis taught by the data engine carry these coefficients in this order.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openfloat.config import CONTROLS


@dataclass(frozen=True, kw_only=True, slots=True)
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
    Control(name="yaw", unit="degrees, positive towards the right of the picture", scale=8, low=-22, high=22),
    Control(name="pitch", unit="degrees, positive looks up", scale=6, low=-16, high=16),
    Control(name="roll", unit="degrees, positive turns clockwise in the picture", scale=5, low=-14, high=14),
    Control(name="x", unit="share of the crop width, positive right", scale=0.03, low=-0.08, high=0.08),
    Control(name="y", unit="share of the crop height, positive down", scale=0.03, low=-0.08, high=0.08),
    Control(name="scale", unit="natural logarithm of the size", scale=0.05, low=-0.12, high=0.12),
    Control(name="jaw_open", unit="0 closed, 1 wide open", scale=0.3, low=0, high=1),
    Control(name="lips_round", unit="0 relaxed, 1 pursed as in 'oo'", scale=0.3, low=0, high=1),
    Control(name="lips_wide", unit="0 relaxed, 1 stretched as in 'ee'", scale=0.3, low=0, high=1),
    Control(name="upper_lip_up", unit="0 relaxed, 1 raised", scale=0.3, low=0, high=1),
    Control(name="lower_lip_down", unit="0 relaxed, 1 lowered", scale=0.3, low=0, high=1),
    Control(name="lips_pressed", unit="0 relaxed, 1 rolled in and closed as in 'm'", scale=0.3, low=0, high=1),
    Control(name="smile", unit="0 relaxed, 1 broad", scale=0.3, low=0, high=1),
    Control(name="mouth_down", unit="0 relaxed, 1 corners fully down", scale=0.3, low=0, high=1),
    Control(name="brows_up", unit="0 relaxed, 1 raised", scale=0.3, low=0, high=1),
    Control(name="brows_down", unit="0 relaxed, 1 frowning", scale=0.3, low=0, high=1),
    Control(name="blink", unit="0 open, 1 both eyes closed", scale=0.3, low=0, high=1),
    Control(name="squint", unit="0 relaxed, 1 narrowed", scale=0.3, low=0, high=1),
    Control(name="gaze_x", unit="-1 ... 1, positive towards the right of the picture", scale=0.4, low=-1, high=1),
    Control(name="gaze_y", unit="-1 ... 1, positive down", scale=0.4, low=-1, high=1),
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

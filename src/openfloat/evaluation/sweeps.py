"""Which nine values each named control is tried with on a portrait, within the engine's range."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Float64
from numpy import ndarray

from openfloat.data.controls import INDEX, SCALES, TABLE
from openfloat.data.engine_controls import MOST_TURN, most_turn
from openfloat.editing.control_map import NOMINAL, ControlMap
from openfloat.editing.controls import edited
from openfloat.editing.lids import lid_coefficients
from openfloat.options import MotionEdit

VALUES = 9
COLUMNS = {
    "mouth": ("jaw_open",),
    "brows": ("brows_down", "brows_up"),
}
"""Directions of what users know by another name; the second for what is above zero."""
REACH = {"jaw_open": 0.8, "blink": 1.0, "smile": 0.8}
BROWS_REACH, GAZE_REACH = 0.8, 0.8
OPENING = ("mouth", "blink")
"""Asked for from the portrait's own on: drawn mouths open further, blinks shut what is open."""
FIXED = ("gaze_x", "gaze_y")
"""Asked for as they are, not as a change."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """One control in nine values, for one portrait."""

    name: str
    amounts: Float64[ndarray, " n"]
    """Asked for, in units of coefficients; rising. A change, or where to look."""
    controls: Float32[ndarray, "n 20"]
    """The same as absolute physical controls for the data engine."""
    base: Float32[ndarray, " 20"]
    """Physical controls of the untouched portrait."""

    def coefficients(
        self, own: Float32[ndarray, " 20"], control_map: ControlMap = NOMINAL
    ) -> Float32[ndarray, "n 20"]:
        """The same for a model, by way of the options that a user has.

        Offsets are asked for by themselves; the mouth by factors on a mouth that was drawn half
        open; lids by the way that blinks close them.

        Args:
            own: (20,) the portrait's coefficients, as the model reads them.
            control_map: what the model needs.
        """
        portrait = torch.from_numpy(own)
        if self.name == "blink":
            made = portrait.repeat(len(self.amounts), 1)
            closing = torch.from_numpy(self.shares).float()
            gain = control_map.gain("blink")
            made[:, INDEX["blink"]] = lid_coefficients(closing, float(own[INDEX["blink"]]), gain)
            return np.asarray(made.numpy())
        drawn = portrait.clone()
        values = self.amounts * float(SCALES[self.column])
        if self.name == "mouth":
            drawn[self.column] += float(self.amounts[-1]) / 2
            values = 2 * self.shares
        edits = [MotionEdit(**{self.name: float(value)}) for value in values]  # type: ignore[arg-type]
        rows = [edited(drawn[None], portrait, edit, control_map) for edit in edits]
        return np.asarray(torch.cat(rows).numpy())

    @property
    def column(self) -> int:
        """The direction that it is counted in: of what is above zero where there are two."""
        return INDEX[COLUMNS.get(self.name, (self.name,))[-1]]

    @property
    def shares(self) -> Float64[ndarray, " n"]:
        """Amounts as shares of the largest."""
        return self.amounts / self.amounts[-1]


def sweep_of(name: str, base: Float32[ndarray, " 20"]) -> Sweep:
    """Nine values of a control, as far as the engine goes from a portrait's own.

    Args:
        name: one that a user can ask for.
        base: (20,) physical controls that the portrait shows.
    """
    columns = [INDEX[column] for column in COLUMNS.get(name, (name,))]
    low, high = _range(name, base)
    values = np.linspace(low, high, VALUES)
    controls = np.repeat(base[None], VALUES, axis=0)
    if name in FIXED:
        controls[:, columns[0]] = values
    elif name == "brows":
        controls[:, columns[0]] += np.maximum(-values, 0)
        controls[:, columns[1]] += np.maximum(values, 0)
    else:
        controls[:, columns[0]] += values
    return Sweep(name, values / float(SCALES[columns[-1]]), controls, base)


def _range(name: str, base: Float32[ndarray, " 20"]) -> tuple[float, float]:
    """Smallest and largest physical change, or place to look at."""
    if name == "brows":
        return -BROWS_REACH, BROWS_REACH
    if name in FIXED:
        return -GAZE_REACH, GAZE_REACH
    column = COLUMNS.get(name, (name,))[0]
    own = float(base[INDEX[column]])
    reach = most_turn(column, own) if column in MOST_TURN else REACH[column]
    limits = TABLE[INDEX[column]]
    low, high = min(limits.low, own), max(limits.high, own)
    if name in OPENING:
        low = own
    return max(low - own, -reach), min(high - own, reach)

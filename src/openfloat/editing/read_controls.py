"""Edits by name where directions have none: through a map that was fitted to a driving clip.

The map reads controls off coefficients and says which coefficients move one control and leave the
others. What it does not explain stays as it was drawn, except in a region that leaves it out.
"""

import dataclasses
from collections.abc import Iterable

import torch
from torch import Tensor

from openfloat.config import FPS
from openfloat.editing.control_map import ControlMap
from openfloat.editing.controls import asked_amounts
from openfloat.editing.lids import blink_curve
from openfloat.errors import BadInput
from openfloat.options import MotionEdit, SampleOptions

HEAD = ("yaw", "pitch", "roll")
OF_REGION = {
    "head": HEAD, "pose": HEAD, "lips": ("mouth", "smile"), "lip": ("mouth", "smile"),
    "eyes": ("blink", "gaze_x", "gaze_y"),
}  # fmt: skip
"""What stays of the motion where a region is a part; face is everything but the head."""
OPPOSITE = {
    "mouth_down": ("smile", -1.0),
    "brows_up": ("brows", 1.0),
    "brows_down": ("brows", -1.0),
}
NEEDED = {"smile": ("smile",), "brows": ("brows",), "head": HEAD}


class NamelessEdit:
    """What one set of options asks of one portrait."""

    def __init__(
        self, model: str, control_map: ControlMap, own: Tensor, options: SampleOptions
    ) -> None:
        """Check that the map knows what is asked.

        Args:
            model: its name, for messages.
            control_map: with `reads`.
            own: (m,) the portrait's coefficients.
            options: what is asked.

        Raises:
            BadInput: a control is asked for that the map does not know.
        """
        self._map, self._options = control_map, options
        self._index = {name: k for k, name in enumerate(control_map.names)}
        self._rows, self._reads = torch.tensor(control_map.rows), torch.tensor(control_map.reads)
        self._own = own.cpu()
        self._rest = self._reads @ self._own + torch.tensor(control_map.offsets)
        wanted = _needed(options)
        if unknown := [name for name in wanted if name not in self._index]:
            raise BadInput(
                f"{model} knows no {', '.join(unknown)}: openfloat calibrate could fit only "
                f"{', '.join(control_map.names)} to its motion directions"
            )

    @property
    def asks(self) -> bool:
        """Whether anything is asked for by name."""
        edit = self._options.edit
        return edit != MotionEdit(edit=edit.edit) or self._options.blink not in ("natural", "drawn")

    def shift(self, drawn: Tensor, start: int) -> Tensor:
        """(t, m) what is to be added to drawn coefficients (t, m) from frame `start` on."""
        edit, away = self._options.edit, drawn.cpu() - self._own
        shown = away @ self._reads.T  # (t, k) controls, as differences to the portrait
        kept = torch.zeros_like(away)
        if edit.region in OF_REGION:
            part = self._columns(OF_REGION[edit.region])
            kept = shown[:, part] @ self._rows[part] - away
            shown = torch.where(self._among(part), shown, 0.0)
        elif edit.region in ("face", "exp"):
            part = self._columns(HEAD)
            kept = -shown[:, part] @ self._rows[part]
            shown = torch.where(self._among(part), 0.0, shown)
        asked = torch.stack(
            [self._asked(row, edit.at((start + t) / FPS)) for t, row in enumerate(shown)]
        )
        self._lids(asked, start)
        return (kept + (asked - shown) @ self._rows).to(drawn)

    def _asked(self, shown: Tensor, edit: MotionEdit) -> Tensor:
        """(k,) the controls of one frame after the edit."""
        asked = shown.clone()
        for name, amount in (*((one, edit.head) for one in HEAD), ("mouth", edit.mouth)):
            if name in self._index:
                asked[self._index[name]] *= amount
        for name, amount in asked_amounts(edit).items():
            name, sign = OPPOSITE.get(name, (name, 1.0))
            if amount:
                asked[self._index[name]] += sign * amount
        for name, place in (("gaze_x", edit.gaze_x), ("gaze_y", edit.gaze_y)):
            if place is not None:
                k = self._index[name]
                asked[k] = place - self._rest[k]
        return asked

    def _lids(self, asked: Tensor, start: int) -> None:
        """Blinks instead of what was drawn, where they are asked for by rate, or none."""
        kind = self._options.lids
        if kind in ("natural", "drawn") or "blink" not in self._index:
            return
        k = self._index["blink"]
        asked[:, k] = 0.0
        if kind != "off":
            closing = blink_curve(start, len(asked), self._options.seed, float(kind))
            asked[:, k] = torch.from_numpy(closing) * (1 - self._rest[k])

    def _columns(self, names: Iterable[str]) -> list[int]:
        return [self._index[name] for name in names if name in self._index]

    def _among(self, columns: list[int]) -> Tensor:
        chosen = torch.zeros(len(self._index), dtype=torch.bool)
        chosen[columns] = True
        return chosen


def _needed(options: SampleOptions) -> list[str]:
    """Controls that a map must know for what is asked."""
    edit, usual = options.edit, MotionEdit()
    asked = [
        field.name
        for field in dataclasses.fields(edit)
        if field.name not in ("edit", "region", "curve")
        and getattr(edit, field.name) != getattr(usual, field.name)
    ]
    asked += [curve.name for curve in edit.curves]
    if options.blink not in ("natural", "drawn"):
        asked.append("blink")
    needed = [one for name in asked for one in NEEDED.get(name, (name,))]
    needed += [OF_REGION[edit.region][0]] if edit.region in OF_REGION else []
    return list(dict.fromkeys(needed))

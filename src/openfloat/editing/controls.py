"""Head, mouth, gaze and expression as asked for, frame by frame."""

import functools
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from openfloat.config import CONTROLS, FPS
from openfloat.data.controls import INDEX, SCALES
from openfloat.editing.control_map import NOMINAL, ControlMap
from openfloat.options import MotionEdit, RegionName

HEAD = ("yaw", "pitch", "roll", "x", "y", "scale")
LIPS = (
    "jaw_open", "lips_round", "lips_wide", "upper_lip_up", "lower_lip_down", "lips_pressed",
)  # fmt: skip
MOUTH = (*LIPS, "smile", "mouth_down")
EYES = ("blink", "squint", "gaze_x", "gaze_y")
FACE = tuple(name for name in CONTROLS if name not in HEAD)
REGIONS: dict[RegionName, tuple[str, ...]] = {
    "all": CONTROLS,
    "face": FACE,
    "exp": FACE,
    "head": HEAD,
    "pose": HEAD,
    "lips": MOUTH,
    "lip": MOUTH,
    "eyes": EYES,
}
"""Controls that move; the others stay as in the portrait."""


def edited(
    piece: Tensor, own: Tensor, edit: MotionEdit, control_map: ControlMap = NOMINAL, start: int = 0
) -> Tensor:
    """Frames (t, 20) changed as asked for; each frame by itself.

    Args:
        piece: coefficients as they were drawn.
        own: (20,) the portrait's.
        edit: what to change; nothing: the frames come back as they are.
        control_map: what the model's decoder needs for it.
        start: number of the first frame in the clip, for curves.
    """
    if edit == MotionEdit():
        return piece
    smiles = round(float(own[INDEX["smile"]] * SCALES[INDEX["smile"]]), 3)
    if edit.curve:
        moments = ((start + frame) / FPS for frame in range(len(piece)))
        plans = [_plan(edit.at(moment), control_map, smiles) for moment in moments]
        plan = _Plan(*(torch.stack(rows) for rows in zip(*plans, strict=True)))
    else:
        plan = _plan(edit, control_map, smiles)
    gains, offsets, places, trust = (values.to(piece) for values in plan)
    # what is not asked for stays to the last bit
    changed = torch.where(gains == 1, piece, own + gains * (piece - own)) + offsets
    told = torch.where(trust == 1, places, own + trust * (places - own))
    return torch.where(places.isnan(), changed, told)


class _Plan(NamedTuple):
    """For each control (20,), or each frame and control (t, 20)."""

    gains: Tensor
    """Factor on the change from the portrait."""
    offsets: Tensor
    """What is added."""
    places: Tensor
    """Its value where that is fixed, else not a number."""
    trust: Tensor
    """How much further than the place the decoder must be told to go."""


@functools.lru_cache(maxsize=256)
def _plan(edit: MotionEdit, control_map: ControlMap, smiles: float) -> _Plan:
    """How to do an edit on a portrait that smiles by some share."""
    gains, offsets = np.ones(len(CONTROLS)), np.zeros(len(CONTROLS))
    places, trust = np.full(len(CONTROLS), np.nan), np.ones(len(CONTROLS))
    moving = REGIONS[edit.region]
    mouth = edit.mouth if edit.mouth <= 1 else 1 + control_map.gain("mouth") * (edit.mouth - 1)
    for name, column in INDEX.items():
        gains[column] = float(name in moving)
        gains[column] *= edit.head if name in HEAD else mouth if name in LIPS else 1
    for name, value in asked_amounts(edit, smiles).items():
        if value:
            offsets += value * control_map.row(name)
    for name, gaze in (("gaze_x", edit.gaze_x), ("gaze_y", edit.gaze_y)):
        if gaze is not None:
            places[INDEX[name]] = gaze / SCALES[INDEX[name]]
            trust[INDEX[name]] = control_map.gain(name)
    for number, amount in edit.directions:
        offsets[number] += amount
    return _Plan(*(torch.from_numpy(v).float() for v in (gains, offsets, places, trust)))


def asked_amounts(edit: MotionEdit, smiles: float = 0.0) -> dict[str, float]:
    """What is added to named controls: degrees, or shares of the full expression.

    Less than no smile is corners that are pulled down; but first a portrait's own smile goes.
    """
    smile = max(edit.smile, -max(smiles, 0.0))
    return {
        "yaw": edit.yaw, "pitch": edit.pitch, "roll": edit.roll,
        "smile": smile, "mouth_down": smile - edit.smile,
        "brows_up": max(edit.brows, 0), "brows_down": max(-edit.brows, 0),
    }  # fmt: skip

"""Head, mouth, gaze and expression as asked for, frame by frame."""

import functools

import numpy as np
import torch
from torch import Tensor

from openfloat.config import CONTROLS
from openfloat.data.controls import INDEX, SCALES
from openfloat.options import MotionEdit

HEAD = ("yaw", "pitch", "roll", "x", "y", "scale")
LIPS = (
    "jaw_open", "lips_round", "lips_wide", "upper_lip_up", "lower_lip_down", "lips_pressed",
)  # fmt: skip
MOUTH = (*LIPS, "smile", "mouth_down")
REGIONS = {
    "all": CONTROLS,
    "face": tuple(name for name in CONTROLS if name not in HEAD),
    "head": HEAD,
    "lips": MOUTH,
}
"""Controls that move; the others stay as in the portrait."""


def edited(piece: Tensor, own: Tensor, edit: MotionEdit) -> Tensor:
    """Frames (t, 20) changed as asked for; each frame by itself.

    Args:
        piece: coefficients as they were drawn.
        own: (20,) the portrait's.
        edit: what to change; nothing: the frames come back as they are.
    """
    if edit == MotionEdit():
        return piece
    gains, offsets, kept = (values.to(piece) for values in _plan(edit))
    # what is not asked for stays to the last bit
    changed = torch.where(gains == 1, piece, own + gains * (piece - own)) + offsets
    return torch.where(kept.isnan(), changed, kept)


@functools.lru_cache(maxsize=64)
def _plan(edit: MotionEdit) -> tuple[Tensor, Tensor, Tensor]:
    """For each control: factor on its change, what is added, and its value where that is fixed."""
    gains, offsets = np.ones(len(CONTROLS)), np.zeros(len(CONTROLS))
    kept = np.full(len(CONTROLS), np.nan)
    moving = REGIONS[edit.region]
    for name, column in INDEX.items():
        gains[column] = float(name in moving)
        gains[column] *= edit.head if name in HEAD else edit.mouth if name in LIPS else 1
    added = {
        "yaw": edit.yaw, "pitch": edit.pitch, "roll": edit.roll,
        "smile": max(edit.smile, 0), "mouth_down": max(-edit.smile, 0),
        "brows_up": max(edit.brows, 0), "brows_down": max(-edit.brows, 0),
    }  # fmt: skip
    for name, value in added.items():
        offsets[INDEX[name]] += value / SCALES[INDEX[name]]
    for name, gaze in (("gaze_x", edit.gaze_x), ("gaze_y", edit.gaze_y)):
        if gaze is not None:
            kept[INDEX[name]] = gaze / SCALES[INDEX[name]]
    for number, amount in edit.directions:
        offsets[number] += amount
    single = (torch.from_numpy(values).float() for values in (gains, offsets, kept))
    return next(single), next(single), next(single)

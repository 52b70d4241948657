"""What a model needs to be told so that a picture shows what was asked: measured, kept beside it.

`controls.json` in a model's folder says for each named control which coefficients one unit of it
takes. `openfloat calibrate` writes it: for directions that have names by sweeps on portraits, for
others from a driving clip.
"""

import json
import logging
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from numpy import ndarray
from torch import Tensor

from openfloat.codec import from_json, to_json
from openfloat.config import CONTROLS
from openfloat.data.controls import INDEX, SCALES
from openfloat.drafts import write_text
from openfloat.errors import BadCheckpoint
from openfloat.shapes import Coefficients, Float
from openfloat.weights.store import fingerprint

logger = logging.getLogger(__name__)

FILE = "controls.json"
MOST_BYTES = 2**20
MOST_CONTROLS, MOST_DIRECTIONS = 32, 1024
LARGEST = 1e3
NAMES = (
    "yaw", "pitch", "roll", "mouth", "blink", "smile", "mouth_down", "brows", "brows_up",
    "brows_down", "gaze_x", "gaze_y",
)  # fmt: skip
"""Controls that a map may know. Units: degrees for the head, 1 for the full expression."""
SHUT = 1.35
"""Lids asked for in a blink, 1 being shut, by a model that was not measured."""
COLUMN = {"mouth": "jaw_open"}
"""The named direction of a control, where its name is another."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlMap:
    """Controls as coefficients, and for directions without names also the other way."""

    names: tuple[str, ...]
    """The k controls that it knows."""
    rows: tuple[tuple[float, ...], ...]
    """k rows of m coefficients that one unit of each control takes."""
    r2: tuple[float, ...] = ()
    """Share of each control's variance that was explained when it was fitted, 0 to 1."""
    reads: tuple[tuple[float, ...], ...] = ()
    """k rows of m: how much of each control one unit of every coefficient shows; none where the
    directions have names."""
    offsets: tuple[float, ...] = ()
    """Of what is read, k."""
    twist: tuple[float, ...] = ()
    """Roll for each yaw x pitch, and yaw for each roll x pitch, that a decoder shows unasked, all
    in coefficients; none: it turns heads as it is told."""
    fitted: str = ""
    """On what, in words."""
    weights: str = ""
    """`fingerprint` of the weights that it was fitted to."""

    def __post_init__(self) -> None:
        count = len(self.names)
        if not 1 <= count <= MOST_CONTROLS or len(set(self.names)) < count:
            raise ValueError(f"names: {count} of them, or one of them twice")
        if unknown := sorted(set(self.names) - set(NAMES)):
            raise ValueError(f"names: {', '.join(unknown)}: no control is called so")
        widths = {len(row) for row in (*self.rows, *self.reads)}
        if len(self.rows) != count or len(widths) != 1 or not 1 <= max(widths) <= MOST_DIRECTIONS:
            raise ValueError(f"rows: not {count} of equal length up to {MOST_DIRECTIONS}")
        for name in ("r2", "reads", "offsets"):
            if len(getattr(self, name)) not in (0, count):
                raise ValueError(f"{name}: not {count} of them")
        if len(self.twist) not in (0, 2):
            raise ValueError("twist: neither none nor two numbers")
        if len(self.reads) != len(self.offsets):
            raise ValueError("offsets: there must be one for each of reads")
        numbers = [v for row in (*self.rows, *self.reads) for v in row]
        if not all(
            math.isfinite(v) and abs(v) <= LARGEST
            for v in (*numbers, *self.r2, *self.offsets, *self.twist)
        ):
            raise ValueError(f"a number is not finite or larger than {LARGEST:g}")
        if len(self.fitted) > 1000 or len(self.weights) > 64:
            raise ValueError("fitted, weights: too many letters")

    @property
    def num_directions(self) -> int:
        """Coefficients m of a row."""
        return len(self.rows[0])

    def row(self, name: str) -> Float64[ndarray, " m"]:
        """Coefficients that one unit of a known control takes."""
        return np.asarray(self.rows[self.names.index(name)], np.float64)

    def gain(self, name: str) -> float:
        """How much more than nominal a named direction must be told, for its own control."""
        column = INDEX[COLUMN.get(name, name)]
        return float(self.row(name)[column] * SCALES[column])

    def untwisted(self, motion: Coefficients, own: Float[Tensor, " m"]) -> Coefficients:
        """What the decoder must be told so that yaw, pitch and roll come out as they are asked.

        Turns do not commute: a head that is turned by yaw and then by pitch is not one that is
        turned by pitch first. To second order, the difference is a roll in proportion to
        yaw x pitch, and a yaw in proportion to roll x pitch. What the portrait's own pose has of
        it is in its picture already.

        Args:
            motion: frames of coefficients, the first three yaw, pitch and roll.
            own: the portrait's.
        """
        if not self.twist:
            return motion
        (yaw, pitch, roll), mine = motion[:, :3].unbind(1), own[:3]
        rolled, turned = self.twist
        told = motion.clone()
        told[:, 2] -= rolled * (yaw * pitch - mine[0] * mine[1])
        told[:, 0] -= turned * (roll * pitch - mine[2] * mine[1])
        return told


def _nominal() -> ControlMap:
    names = tuple(name for name in NAMES if name != "brows")
    rows = np.zeros((len(names), len(CONTROLS)))
    for k, name in enumerate(names):
        column = INDEX[COLUMN.get(name, name)]
        rows[k, column] = (SHUT if name == "blink" else 1) / float(SCALES[column])
    return ControlMap(names=names, rows=tuple(tuple(row) for row in rows.tolist()))


NOMINAL = _nominal()
"""Of named directions that were not measured."""


def load_map(folder: Path, num_directions: int) -> ControlMap | None:
    """The map of a model folder; none where it has none, or one of other weights (it says so).

    Raises:
        BadCheckpoint: the file is none, too large, or of another number of directions.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES} bytes")
        found = from_json(ControlMap, path.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise BadCheckpoint(f"{path}: {error}") from error
    if found.num_directions != num_directions:
        raise BadCheckpoint(
            f"{path}: of {found.num_directions} directions, the model has {num_directions}"
        )
    if found.weights and found.weights != fingerprint(folder):
        logger.warning("%s is of other weights and left out; run openfloat calibrate", path)
        return None
    return found


def save_map(folder: Path, control_map: ControlMap) -> Path:
    """Write a model folder's map; it appears when it is complete."""
    path = folder / FILE
    text = json.dumps(json.loads(to_json(_rounded(control_map)))).replace("], ", "],\n ")
    write_text(path, text + "\n")
    return path


def _rounded(found: ControlMap) -> ControlMap:
    """Six digits: more were never measured."""

    def short(values: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(float(f"{value:.6g}") for value in values)

    return replace(
        found,
        rows=tuple(short(row) for row in found.rows),
        r2=short(found.r2),
        reads=tuple(short(row) for row in found.reads),
        offsets=short(found.offsets),
        twist=short(found.twist),
    )

"""Where a head is to be, as curves over time: from a table, or from motion that was kept."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from openfloat.config import FPS, POSE
from openfloat.data.controls import SCALES
from openfloat.errors import BadInput
from openfloat.motion.file import load_motion
from openfloat.motion.value import LONGEST_HOURS, MOST_FRAMES, Motion
from openfloat.shapes import Float, Tensor

TABLE_SUFFIX = ".csv"
COLUMNS = ("time", "yaw", "pitch", "roll")
MOST_DEGREES = (30, 25, 30)
"""Of yaw, pitch and roll, to either side; faces fall apart beyond."""
MOST_BYTES = 2**24
TURNS = 3
"""Columns of a pose that turn the head; the others move it about."""


@dataclass(frozen=True, eq=False)
class HeadPose:
    """A pose for each frame, 25 a second: where the head of any portrait is to turn.

    Attributes:
        curve: (n, 6) float32 motion coefficients of yaw, pitch, roll, x, y and scale. Turns are
            as they are; the place in the picture is relative to the portrait's own.
    """

    curve: Float[Tensor, "n 6"]

    def __post_init__(self) -> None:
        shape = tuple(self.curve.shape)
        if len(shape) != 2 or not 1 <= shape[0] <= MOST_FRAMES or shape[1] != len(POSE):
            raise BadInput(f"a pose of shape {shape} is not 1 to {MOST_FRAMES} frames of 6 numbers")
        if not torch.isfinite(self.curve).all():
            raise BadInput("numbers of the pose are not finite")

    def around(self, own: Float[Tensor, " m"]) -> Float[Tensor, "1 n 6"]:
        """The pose as the vector field wants it, of a portrait with these own coefficients."""
        curve = self.curve.to(own).clone()
        curve[:, TURNS:] += own[TURNS : len(POSE)]
        return curve[None]

    @classmethod
    def of(cls, motion: Motion) -> "HeadPose":
        """The head of a motion; its place is taken relative to where it is on average.

        Raises:
            BadInput: the motion's controls have no names, or other ones.
        """
        curve = motion.coefficients[:, motion.columns(POSE)].clone()
        curve[:, TURNS:] -= curve[:, TURNS:].mean(dim=0)
        return cls(curve)

    @classmethod
    def read(cls, path: str | Path) -> "HeadPose":
        """From a table (.csv) with a first line time,yaw,pitch,roll, or from a motion file.

        Times are seconds and rise; turns are degrees, yaw positive towards the right of the
        picture, pitch up, roll clockwise. In between they are interpolated.

        Raises:
            BadInput: it is neither, or a number is not allowed.
        """
        path = Path(path)
        if path.suffix.lower() != TABLE_SUFFIX:
            return cls.of(load_motion(path))
        times_s, degrees = _table(path)
        moments_s = np.arange(round(times_s[-1] * FPS) + 1) / FPS
        curve = np.zeros((len(moments_s), len(POSE)), np.float32)
        for column in range(TURNS):
            curve[:, column] = np.interp(moments_s, times_s, degrees[:, column]) / SCALES[column]
        return cls(torch.from_numpy(curve))


def _table(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(n,) seconds and (n, 3) degrees of a table that can be used.

    Raises:
        BadInput: it cannot.
    """
    if not path.is_file():
        raise BadInput(f"{path}: there is no such file")
    if path.stat().st_size > MOST_BYTES:
        raise BadInput(f"{path}: more than {MOST_BYTES // 2**20} MiB are no table of poses")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if missing := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
                raise BadInput(f"{path}: its first line does not name a column {missing[0]!r}")
            rows = [[float(row[name] or "nan") for name in COLUMNS] for row in reader]
    except (ValueError, csv.Error) as error:  # not UTF-8, not a table, not a number
        raise BadInput(f"{path} is no table of poses: {error}") from error
    table = np.array(rows, dtype=np.float64)
    if not len(table) or not np.isfinite(table).all():
        raise BadInput(f"{path} is no table of poses: a number is missing or not finite")
    times_s, degrees = table[:, 0], table[:, 1:]
    if times_s[0] < 0 or (np.diff(times_s) <= 0).any() or times_s[-1] > LONGEST_HOURS * 3600:
        raise BadInput(f"{path}: its times do not rise from 0 s to at most {LONGEST_HOURS} hours")
    for name, column, most in zip(COLUMNS[1:], degrees.T, MOST_DEGREES, strict=True):
        if np.abs(column).max() > most:
            raise BadInput(
                f"{path}: {name} {column[np.abs(column).argmax()]:g} is beyond {most} degrees"
            )
    return times_s, degrees

"""A model's control map by rendering: what was asked of its decoder against what was seen.

On portraits of the train split the sweeps of `controls.py` are decoded, and whatever slope is found
is made good: a control that shows 0.8 of what was asked is asked for 1 / 0.8. Where the landmark
detector sees that a control moves another one too, that is taken back. Slopes change with the
amount, so it is done twice.
"""

import statistics
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from openfloat.data.controls import INDEX, SCALES
from openfloat.editing.control_map import COLUMN, NOMINAL, ControlMap
from openfloat.errors import BadInput
from openfloat.evaluation.controls import (
    YARDSTICKS,
    References,
    Subject,
    decoded,
    portrait_rows,
    subjects,
    summarise,
)
from openfloat.evaluation.face_measures import ASKABLE
from openfloat.evaluation.tracking import AS_IT_IS
from openfloat.pipeline import FloatPipeline
from openfloat.weights.hub import resolve_model
from openfloat.weights.store import fingerprint

ROUNDS = 2
LEAST_GAIN, MOST_GAIN = 0.6, 2.5
"""Beyond, a decoder is told more than it was ever taught."""
WORTH_TAKING_BACK = 0.04
"""Leaks below are left: an edit of one control then does not touch the others at all."""
TAKEN_BACK = ("yaw", "pitch", "roll")
"""Controls into which leaks are taken back: the head answers linearly."""


def calibrate_by_rendering(
    name: str | Path,
    data_dir: Path,
    *,
    portraits: int = 8,
    rounds: int = ROUNDS,
    device: str = "cpu",
    said: Callable[[str], None] = lambda _: None,
) -> tuple[ControlMap, dict[str, Any]]:
    """Fit the map of a model whose directions have names.

    Args:
        name: an embedded model or a model folder.
        data_dir: a data pack with portraits of the train split and the canonical face.
        portraits: how many people.
        rounds: how often what is left is made good.
        device: where it computes.
        said: told of every round and portrait.

    Returns:
        the map, and by control the slope, R2 and leakage seen before the last round.

    Raises:
        BadInput: the model's directions have no names, or the folder is no data pack.
    """
    weights = fingerprint(resolve_model(name))  # of what is measured, whatever lands meanwhile
    pipeline = FloatPipeline.from_pretrained(name, device=device)
    if not pipeline.config.controls:
        raise BadInput(
            f"the motion directions of {pipeline.config.name} have no names; give a driving clip"
        )
    size = pipeline.config.autoencoder.size
    people = [found for _, found in subjects(data_dir, portraits, size, "train") if found]
    known: dict[str, References] = {}
    found, controls = NOMINAL, {}
    for number in range(rounds):
        said(f"round {number + 1} of {rounds}")
        pipeline.control_map = found
        rows = [row for one in people for row in _rows(pipeline, one, known, said)]
        controls = {control: summarise(rows, control) for control in ASKABLE}
        found = corrected(found, controls, rows)
    r2 = {
        control: controls[control]["yardsticks"][controls[control]["by"]]["r2"]
        for control in ASKABLE
    }
    return (
        replace(
            found,
            r2=tuple(_r2_of(control, r2) for control in found.names),
            fitted=f"by rendering sweeps on {len(people)} portraits of the train split",
            weights=weights,
        ),
        controls,
    )


def _rows(
    pipeline: FloatPipeline,
    subject: Subject,
    known: dict[str, References],
    said: Callable[[str], None],
) -> list[dict[str, Any]]:
    said(subject.name)
    if subject.name not in known:
        known[subject.name] = References.of(subject)
    portrait = pipeline.encode(subject.engine.untouched().image, AS_IT_IS)
    return portrait_rows(subject, partial(decoded, pipeline, portrait), known[subject.name])


def corrected(
    asked: ControlMap, controls: dict[str, Any], rows: list[dict[str, Any]]
) -> ControlMap:
    """A map that makes good what sweeps with another map have shown.

    Args:
        asked: the map of the sweeps.
        controls: what `summarise` made of them, by control.
        rows: what was seen.
    """
    made = {name: asked.row(name).copy() for name in asked.names}
    for control in ASKABLE:
        slope = controls[control]["slope"]
        if slope is None:
            continue
        for name in ("brows_up", "brows_down") if control == "brows" else (control,):
            gain = asked.gain(name) / max(slope, 1e-3)
            made[name][_column(name)] = _within(gain) / float(SCALES[_column(name)])
        for other, lost in _leaks(rows, control).items():
            if control != "mouth" and control != "blink":
                unit = float(SCALES[_column(control if control != "brows" else "brows_up")])
                names = ("brows_up",) if control == "brows" else (control,)
                for name in names:
                    made[name][_column(other)] -= lost / unit
    return replace(asked, rows=tuple(tuple(made[name].tolist()) for name in asked.names))


def _column(name: str) -> int:
    return INDEX[COLUMN.get(name, name)]


def _within(gain: float) -> float:
    return float(np.clip(gain, LEAST_GAIN, MOST_GAIN))


def _leaks(rows: list[dict[str, Any]], control: str) -> dict[str, float]:
    """Median leaks of a control into the head that are worth taking back, in coefficients."""
    seen = [
        row[YARDSTICKS[0]]["leaks"]
        for row in rows
        if row["control"] == control and "leaks" in row[YARDSTICKS[0]]
    ]
    medians = {
        other: statistics.median(row[other] for row in seen)
        for other in TAKEN_BACK
        if seen and other != control
    }
    return {other: lost for other, lost in medians.items() if abs(lost) > WORTH_TAKING_BACK}


def _r2_of(name: str, r2: dict[str, float | None]) -> float:
    kin = {"mouth_down": "smile", "brows_up": "brows", "brows_down": "brows"}
    return float(r2[kin.get(name, name)] or 0.0)

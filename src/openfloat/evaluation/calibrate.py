"""A model's control map by rendering: what was asked of its decoder against what was seen.

On portraits of the train split the sweeps of `controls.py` are decoded, asked for by several shares
of the nominal coefficients. The share at which the median portrait shows what was asked is the gain
of a control; where none does, because lids or eyes go no further, it is the least that shows all
that can be had. Where the landmark detector sees that a control turns the head by more than may
leak, that is taken back.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from openfloat.data.controls import INDEX, SCALES
from openfloat.editing.control_map import COLUMN, NOMINAL, ControlMap
from openfloat.errors import BadInput
from openfloat.evaluation.controls import (
    YARDSTICKS,
    References,
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

FACTORS = (0.8, 1.0, 1.5, 2.5)
"""Of the nominal coefficients, with which each control is swept; straight lines in between."""
RIGHT = 0.05
"""Distance of a slope from 1 up to which nominal coefficients are kept."""
ALL_BUT = 0.01
"""Share of the largest slope that is left where a control never shows all that is asked."""
LEAST_GAIN, MOST_GAIN = 0.6, 2.5
"""Beyond, a decoder is told more than it was ever taught."""
WORTH_TAKING_BACK = 0.1
"""Leaks below are allowed: an edit of one control then does not touch the others at all."""
HEAD = ("yaw", "pitch", "roll")
"""Controls into which leaks are taken back: the head answers linearly."""
LEAKING = tuple(control for control in ASKABLE if control not in ("mouth", "blink"))
"""Controls from whose rows leaks are taken back; mouth and lids are scaled, not added."""
Rows = list[dict[str, Any]]


def calibrate_by_rendering(
    name: str | Path,
    data_dir: Path,
    *,
    portraits: int = 24,
    device: str = "cpu",
    said: Callable[[str], None] = lambda _: None,
) -> ControlMap:
    """Fit the map of a model whose directions have names.

    Args:
        name: an embedded model or a model folder.
        data_dir: a data pack with portraits of the train split and the canonical face.
        portraits: how many people.
        device: where it computes.
        said: told of every portrait.

    Raises:
        BadInput: the model's directions have no names, or the folder is no data pack or shows no
            face.
    """
    weights = fingerprint(resolve_model(name))  # of what is measured, whatever lands meanwhile
    pipeline = FloatPipeline.from_pretrained(name, device=device)
    if not pipeline.config.controls:
        raise BadInput(
            f"the motion directions of {pipeline.config.name} have no names; give a driving clip"
        )
    size = pipeline.config.autoencoder.size
    swept: dict[float, Rows] = {factor: [] for factor in FACTORS}
    people = 0
    for file, subject in subjects(data_dir, portraits, size, "train"):
        if subject is None:
            continue
        said(file)
        people += 1
        known = References.of(subject)
        portrait = pipeline.encode(subject.engine.untouched().image, AS_IT_IS)
        for factor, rows in swept.items():
            pipeline.control_map = scaled(NOMINAL, factor)
            rows += portrait_rows(subject, partial(decoded, pipeline, portrait), known)
    if not people:
        raise BadInput(f"no portrait of the train split of {data_dir} shows a face")
    return replace(
        map_of(swept),
        fitted=f"by rendering sweeps on {people} portraits of the train split",
        weights=weights,
    )


def scaled(control_map: ControlMap, factor: float) -> ControlMap:
    """A map that asks for so much more of everything."""
    rows = tuple(tuple(factor * value for value in row) for row in control_map.rows)
    return replace(control_map, rows=rows)


def map_of(swept: Mapping[float, Rows]) -> ControlMap:
    """The map under which the median portrait shows what was asked.

    Args:
        swept: by rising shares of the nominal coefficients, what `portrait_rows` saw of each
            portrait under them, the same portraits in the same order.
    """
    shares = np.array(list(swept))
    made = {name: NOMINAL.row(name).copy() for name in NOMINAL.names}
    r2 = dict.fromkeys(NOMINAL.names, 0.0)
    for control in ASKABLE:
        mine = [[row for row in rows if row["control"] == control] for rows in swept.values()]
        by = summarise(mine[list(swept).index(1.0)], control)["by"]
        slopes = _figures(mine, by, "slope")
        if not np.isfinite(slopes).any(axis=0).all():
            continue
        share = best_share(shares, slopes)
        for name in ("brows_up", "brows_down") if control == "brows" else (control,):
            made[name] *= _within(share * NOMINAL.gain(name)) / NOMINAL.gain(name)
            r2[name] = float(np.interp(share, shares, np.nanmedian(_figures(mine, by, "r2"), 0)))
        if control in LEAKING:
            first = "brows_up" if control == "brows" else control
            for other, lost in _leaks(mine, control, shares, share).items():
                made[first][INDEX[other]] -= lost / float(SCALES[_column(first)])
    r2["mouth_down"] = r2["smile"]
    return replace(
        NOMINAL,
        twist=twist_of(swept[1.0]),
        rows=tuple(tuple(made[name].tolist()) for name in NOMINAL.names),
        r2=tuple(r2[name] for name in NOMINAL.names),
    )


def twist_of(rows: Rows) -> tuple[float, ...]:
    """How a decoder that is told nominal coefficients turns heads that are turned already.

    Args:
        rows: of portraits, with their own poses.

    Returns:
        The `twist` of a map, each number by least squares from what two controls leak.
    """
    rolled = [_leaks_by_pose(rows, "pitch", "roll", by="yaw"),
              _leaks_by_pose(rows, "yaw", "roll", by="pitch")]  # fmt: skip
    turned = [_leaks_by_pose(rows, "pitch", "yaw", by="roll"),
              _leaks_by_pose(rows, "roll", "yaw", by="pitch")]  # fmt: skip
    return _common_slope(rolled), _common_slope(turned)


def _leaks_by_pose(rows: Rows, control: str, other: str, *, by: str) -> Float64[ndarray, "p 2"]:
    """Of each portrait, how far it is turned by a control, and another's leak into a third."""
    mine = [row for row in rows if row["control"] == control]
    pairs = [(row["pose"][HEAD.index(by)], row[YARDSTICKS[0]]["leaks"][other])
             for row in mine if "leaks" in row[YARDSTICKS[0]]]  # fmt: skip
    return np.array(pairs).reshape(-1, 2)


def _common_slope(groups: list[Float64[ndarray, "p 2"]]) -> float:
    """Of straight lines through groups of points that differ in height alone; 0 without two."""
    x, y = np.concatenate([points - points.mean(axis=0) for points in groups]).T
    return float(x @ y / (x @ x)) if x.any() else 0.0


def best_share(shares: Float64[ndarray, " f"], slopes: Float64[ndarray, "p f"]) -> float:
    """The share of the nominal coefficients whose median slope is 1; 1 where that is almost so.

    Where no share reaches 1, the least that shows almost as much as any; never one that was not
    tried.

    Args:
        shares: rising.
        slopes: of each portrait under each share; NaN where it was not measured.
    """
    medians = np.nanmedian(slopes, axis=0)
    if abs(float(np.interp(1.0, shares, medians)) - 1) <= RIGHT:
        return 1.0
    medians = np.maximum.accumulate(medians)
    wanted = min(1.0, (1 - ALL_BUT) * float(medians[-1]))
    if medians[0] >= wanted:
        return float(shares[0])
    after = int(np.argmax(medians >= wanted))
    risen = (wanted - medians[after - 1]) / (medians[after] - medians[after - 1])
    return float(shares[after - 1] + risen * (shares[after] - shares[after - 1]))


def _figures(mine: list[Rows], by: str, name: str) -> Float64[ndarray, "p f"]:
    """A figure of each portrait under each share; NaN where it was not measured."""
    return np.array([[row[by].get(name, np.nan) for row in rows] for rows in mine]).T


def _column(name: str) -> int:
    return INDEX[COLUMN.get(name, name)]


def _within(gain: float) -> float:
    return float(np.clip(gain, LEAST_GAIN, MOST_GAIN))


def _leaks(
    mine: list[Rows], control: str, shares: Float64[ndarray, " f"], share: float
) -> dict[str, float]:
    """Median leaks of a control into the head that are worth taking back, in coefficients."""
    found = {}
    for other in HEAD:
        lost = np.array(
            [[row[YARDSTICKS[0]].get("leaks", {}).get(other, np.nan) for row in r] for r in mine]
        )
        if other == control or not np.isfinite(lost).any(axis=1).all():
            continue
        median = float(np.interp(share, shares, np.nanmedian(lost, axis=1)))
        if abs(median) > WORTH_TAKING_BACK:
            found[other] = median
    return found

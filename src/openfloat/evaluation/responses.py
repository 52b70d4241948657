"""How faithfully measures answer to what was asked: straight lines and leakage, pure arithmetic."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

VISIBLE_R2, VISIBLE_GAIN = 0.5, 0.25
"""Below, a yardstick does not see the data engine's own change, and says nothing."""
NO_FACE = "no face in a frame"


class Line(NamedTuple):
    """A straight line laid through points by least squares."""

    slope: float
    r2: float
    """Share of the variance that the line explains; 0 where the second curve does not move."""


def line(x: Float64[ndarray, " n"], y: Float64[ndarray, " n"]) -> Line:
    """The line y = slope x + anything; NaN where x stands still."""
    x, y = x - x.mean(), y - y.mean()
    if not x.any():
        return Line(float("nan"), float("nan"))
    slope = float(x @ y / (x @ x))
    return Line(slope, float((x @ y) ** 2 / ((x @ x) * (y @ y))) if y.any() else 0.0)


def slopes(asked: Float64[ndarray, " n"], measures: Float64[ndarray, "n k"]) -> ndarray:
    """(k,) change of every measure for each unit asked for."""
    return np.array([line(asked, column).slope for column in measures.T])


def leaks(
    made: Float64[ndarray, " k"], known: Float64[ndarray, " k"], own: Float64[ndarray, " k"]
) -> Float64[ndarray, " k"]:
    """(k,) what one unit of a control wrongly does to every measure, in units of its control.

    l_m = (made_m - known_m) / own_m; 0 for a measure whose own control is not seen (NaN).

    Args:
        made: slope of every measure in generated frames.
        known: the same in the engine's pictures of the same change: what belongs to the motion
            (a smile narrows the eyes) or to the yardstick is in both, and cancels.
        own: slope of every measure m in the engine's pictures when control m itself is asked for.
    """
    answered = np.isfinite(own) & (own != 0)
    return np.where(answered, (made - known) / np.where(answered, own, 1), 0.0)


def leakage(own: float, others: Float64[ndarray, " k"]) -> float:
    """Share, 0 ... 1, of a control's motion that shows in the other controls' measures.

    L = sqrt(sum_m l_m^2) / sqrt(s^2 + sum_m l_m^2), with s the control's own slope (1 = as the
    engine does) and l_m the leaks into the others, each in units of its own control; 1 where
    nothing moves at all.
    """
    lost = float(np.square(others).sum())
    total = lost + own**2
    return float(np.sqrt(lost / total)) if total else 1.0


@dataclass(frozen=True, eq=False)
class Readings:
    """What one yardstick reads off the sweeps of k controls, n values each, on one portrait.

    Attributes:
        amounts: asked for, in units of coefficients.
        true: how far the engine's face went, in the unit of the control's own measure.
        known: every measure in the engine's pictures; NaN where there was no face.
        made: every measure in the generated frames; NaN where there was no face.
    """

    amounts: Float64[ndarray, "k n"]
    true: Float64[ndarray, "k n"]
    known: Float64[ndarray, "k n k"]
    made: Float64[ndarray, "k n k"]

    def problem(self, control: int) -> str | None:
        """Why a control cannot be measured, if it cannot."""
        if not np.isfinite(self.known[control]).all() or not np.isfinite(self.made[control]).all():
            return NO_FACE
        seen = line(self.true[control], self.known[control, :, control])
        if seen.r2 >= VISIBLE_R2 and seen.slope >= VISIBLE_GAIN:
            return None
        return f"the yardstick does not see it: {seen.slope:.2f} of the engine's own change"

    def own(self) -> Float64[ndarray, " k"]:
        """What one unit of each control does to its own measure in the engine's pictures; NaN
        for those that cannot be measured."""
        return np.array(
            [
                np.nan
                if self.problem(control)
                else line(amounts, self.known[control, :, control]).slope
                for control, amounts in enumerate(self.amounts)
            ]
        )

    def figures(self, control: int, names: tuple[str, ...]) -> dict[str, Any]:
        """slope and r2 of the generated measure against the measure of the engine's pictures,
        `leakage`, what the yardstick has `seen` of the engine's change (1 = all); or `skipped`, why
        there are none. With either the `leaks` into the other measures and the raw curves, unless
        there was no face."""
        known, made = self.known[control], self.made[control]
        curves = {
            "asked": self.amounts[control].tolist(),
            "true": self.true[control].tolist(),
        }
        problem = self.problem(control)
        if problem == NO_FACE:
            return {"skipped": problem, **curves}
        asked = self.amounts[control]
        lost = leaks(slopes(asked, made), slopes(asked, known), self.own())
        lost[control] = 0.0
        curves |= {"engine": known[:, control].tolist(), "made": made[:, control].tolist()}
        told = {"leaks": dict(zip(names, lost.tolist(), strict=True)), **curves}
        if problem:
            return {"skipped": problem, **told}
        answer = line(known[:, control], made[:, control])
        return {
            "slope": answer.slope,
            "r2": answer.r2,
            "leakage": leakage(answer.slope, lost),
            "seen": line(self.true[control], known[:, control]).slope,
            **told,
        }

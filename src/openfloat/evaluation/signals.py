"""Measures of curves over time: pure functions of numbers at 25 frames per second."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openfloat.config import FPS

Curve = NDArray[np.float64]


class Match(NamedTuple):
    """How well one curve follows another."""

    r: float
    """Pearson's correlation at the best lag; 0 where one of them does not move."""
    lag: int
    """Frames that the second curve is late."""


def best_match(truth: Curve, found: Curve, most_lag: int = 2) -> Match:
    """Largest correlation over lags of at most `most_lag` frames; ties go to the smaller lag.

    Args:
        truth: (t,) at least most_lag + 2 frames.
        found: (t,) may be late (positive lag) or early.
        most_lag: frames.
    """
    lags = sorted(range(-most_lag, most_lag + 1), key=abs)
    matches = [Match(_correlation(*_shifted(truth, found, lag)), lag) for lag in lags]
    return max(matches, key=lambda match: match.r)


def _shifted(truth: Curve, found: Curve, lag: int) -> tuple[Curve, Curve]:
    end = len(truth) - abs(lag)
    return truth[max(0, -lag) :][:end], found[max(0, lag) :][:end]


def _correlation(a: Curve, b: Curve) -> float:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def opening_share(quiet: Curve, speech: Curve) -> float:
    """Mean opening in silence as a share of that in speech, above the smallest seen in either.

    The floor is the fifth percentile of both together: what the yardstick reads off closed lips.
    """
    floor = np.percentile(np.concatenate([quiet, speech]), 5)
    spoken = np.maximum(speech - floor, 0).mean()
    return float(np.maximum(quiet - floor, 0).mean() / max(float(spoken), 1e-9))


def closure_rate(opening: Curve, moments_s: Curve, *, within: int = 2, share: float = 0.1) -> float:
    """Share of moments at which the lips were closed within so many frames.

    Args:
        opening: (t,) gap between the lips.
        moments_s: (n,) when they should be closed, seconds.
        within: frames before and after.
        share: of the clip's range (fifth to 95th percentile) below which they count as closed.

    Returns:
        0 ... 1; NaN where there are no moments.
    """
    low, high = np.percentile(opening, (5, 95))
    closed = opening <= low + share * (high - low)
    frames = (np.asarray(moments_s) * FPS).astype(int)
    frames = frames[frames < len(opening)]
    hits = [closed[max(0, frame - within) : frame + within + 1].any() for frame in frames]
    return float(np.mean(hits)) if hits else float("nan")


def acceleration(points: NDArray[np.float64]) -> float:
    """Median size of the second difference of points (t, n, 2), per frame squared."""
    change = np.diff(points, n=2, axis=0)
    return float(np.median(np.linalg.norm(change, axis=-1)))


def count_blinks(closing: Curve, *, shut: float = 0.5, longest_s: float = 0.6) -> int:
    """Times at which the lids shut and open again soon.

    Args:
        closing: (t,) 0 open ... 1 shut.
        shut: what counts as shut.
        longest_s: eyes shut for longer are resting or narrowed, not blinking.
    """
    padded = np.concatenate([[False], closing >= shut, [False]]).astype(int)
    starts, ends = (np.flatnonzero(np.diff(padded) == sign) for sign in (1, -1))
    return int(((ends - starts) <= longest_s * FPS).sum())


def spread_ratio(found: Curve, real: Curve) -> float:
    """Standard deviation of one curve over that of another."""
    return float(np.std(found) / max(float(np.std(real)), 1e-9))

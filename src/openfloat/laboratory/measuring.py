"""Figures of drawn motion against the motion of the same clips: curves alone, no pictures.

None of these are the published picture metrics; their names say so.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from openfloat.data.controls import INDEX, SCALES
from openfloat.data.observed import LIPS
from openfloat.evaluation.frechet import Gaussian, frechet_distance
from openfloat.evaluation.signals import best_match
from openfloat.laboratory.listening import HeardClip, nearest_expression

POSE = slice(0, 6)
YAW, JAW = INDEX["yaw"], INDEX["jaw_open"]
MOST_LAG = 3
FIGURES = {
    "jaw_r": "jaw follows the true jaw, Pearson r at the best lag of at most 3 frames (higher)",
    "jaw_lag": "that lag in frames (0)",
    "lip_velocity_error": "mean |change per frame| error of the six lip coefficients (lower)",
    "motion_frechet": "Fréchet distance of coefficients and their changes, all frames (lower)",
    "jitter_ratio": "median |second difference| of yaw over that of true motion (1)",
    "diversity": "deviation of pose coefficients between draws of one clip (higher)",
    "named": "share of labelled clips whose mean face is nearest to its label's (higher)",
}
"""What each figure of motion is, and in which direction it is better."""
PICTURE_FIGURES = {
    "error_left": "mean |difference| to the driving picture, over that of the source left as it is "
    "(lower)",
    "mouth_eyes_error_left": "the same inside of mouth and eyes (lower)",
    "feature_distance": "distance in a random pyramid's features, built like LPIPS (lower)",
    "picture_frechet": "Fréchet distance of that pyramid's mean features, all pictures (lower)",
}
ALL_FIGURES = FIGURES | PICTURE_FIGURES
BETTER = {
    "jaw_r": "higher", "lip_velocity_error": "lower", "motion_frechet": "lower",
    "jitter_ratio": "one", "diversity": "higher", "named": "higher", "jaw_lag": "zero",
    **dict.fromkeys(PICTURE_FIGURES, "lower"),
}  # fmt: skip

Array = NDArray[np.float64]


def measure_motion(
    draws: Sequence[Tensor], clips: Sequence[HeardClip], *, lips_only: bool = False
) -> dict[str, float]:
    """All figures of `FIGURES`; medians over clips where a figure belongs to a clip.

    Args:
        draws: one or more (n, t, 20), each with noise of its own.
        clips: the n clips; frames beyond their end are left out.
        lips_only: the clips' true motion is of lips and head alone (real clips as the reader sees
            them): only what compares these is measured.
    """
    truths = [clip.motion.numpy().astype(np.float64) for clip in clips]
    made = [draw.numpy().astype(np.float64) for draw in draws]
    pairs = [
        (truth[: len(m)], m[: len(truth)])
        for drawn in made
        for truth, m in zip(truths, drawn, strict=True)
    ]
    matches = [best_match(t[:, JAW], m[:, JAW], MOST_LAG) for t, m in pairs]
    lips = [np.abs(np.diff(t[:, LIPS], axis=0) - np.diff(m[:, LIPS], axis=0)) for t, m in pairs]
    figures = {
        "jaw_r": float(np.median([match.r for match in matches])),
        "jaw_lag": float(np.median([match.lag for match in matches])),
        "lip_velocity_error": float(np.mean([error.mean() for error in lips])),
        "jitter_ratio": _trembling([m for _, m in pairs]) / _trembling([t for t, _ in pairs]),
        "diversity": diversity(made),
    }
    columns = [*range(POSE.stop), *LIPS] if lips_only else list(range(len(SCALES)))
    figures["motion_frechet"] = frechet_distance(
        *(Gaussian.of(_features([pair[side] for pair in pairs], columns)) for side in (0, 1))
    )
    if not lips_only:
        figures["named"] = named(pairs[: len(clips)], clips)
    return figures


def _features(motions: Sequence[Array], columns: list[int]) -> Array:
    """Coefficients beside their changes from frame to frame, all frames of all clips."""
    rows = [
        np.concatenate([m[1:, columns], np.diff(m[:, columns], axis=0)], axis=1) for m in motions
    ]
    return np.concatenate(rows)


def _trembling(motions: Sequence[Array]) -> float:
    return float(np.median(np.concatenate([np.abs(np.diff(m[:, YAW], 2)) for m in motions])))


def diversity(draws: Sequence[Array]) -> float:
    """Mean deviation of the pose coefficients between draws of the same clips; 0 for one draw."""
    if len(draws) < 2:
        return 0.0
    return float(np.stack(draws)[..., POSE].std(axis=0, ddof=1).mean())


def named(pairs: Sequence[tuple[Array, Array]], clips: Sequence[HeardClip]) -> float:
    """Share of labelled clips whose mean drawn face is nearest to the label's expression."""
    from torch import from_numpy

    right = [
        nearest_expression(from_numpy(m.mean(axis=0).astype(np.float32))) == clip.emotion
        for (_, m), clip in zip(pairs, clips, strict=True)
        if clip.emotion >= 0
    ]
    return float(np.mean(right)) if right else float("nan")

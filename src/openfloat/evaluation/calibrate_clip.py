"""A control map for directions without names, from one driving clip.

Every frame is read twice: by the model, as coefficients, and by the landmark detector, as angles
and gaps. A ridge regression says how coefficients show controls; the change of coefficients that
is usual among the clip's frames and shows one unit of one control, and nothing of the others, is
what an edit adds.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float64
from numpy import ndarray

from openfloat.data.face_rig_fields import JAW_DROP
from openfloat.editing.control_map import ControlMap
from openfloat.errors import BadInput
from openfloat.evaluation.face_measures import ASKABLE, measure_face
from openfloat.pipeline import FloatPipeline
from openfloat.reenactment.watch import Seen, watch
from openfloat.vision.head_pose import standard_face
from openfloat.weights.hub import resolve_model
from openfloat.weights.store import fingerprint

LEAST_R2 = 0.3
"""Share of variance, in frames that were not fitted, below which a control stays without a name."""
FAINT_R2 = 0.05
MOST_FRAMES, LEAST_FRAMES = 1500, 50
FOLDS = 5
BATCH = 8
RIDGE = 0.03
"""Share of the mean variance of a coefficient that is added to each."""
OPEN = 90
"""Percentile of the gap between the lids that counts as open."""
Rows = Float64[ndarray, "t c"]


def calibrate_by_clip(name: str | Path, clip: Path, *, device: str = "cpu") -> ControlMap:
    """Fit the map of a model whose directions have no names.

    Args:
        name: a model folder.
        clip: a video with one face, of any size and frame rate; its first minute is used.
        device: where it computes.

    Raises:
        BadInput: too few frames show a face, or no control could be fitted.
        NoFaceFound: the video shows no face.
        BadMedia: it cannot be read.
    """
    pipeline = FloatPipeline.from_pretrained(name, device=device)
    found = _watched(pipeline, clip)
    names = tuple(ASKABLE)
    r2 = np.array([score(found.coefficients, column) for column in found.controls.T])
    kept = np.flatnonzero(r2 >= LEAST_R2)
    if not len(kept):
        raise BadInput(
            f"{clip}: no control shows in {pipeline.config.name}'s directions (best R2 "
            f"{r2.max():.2f}); a clip in which the head turns and speaks is needed"
        )
    # controls that show a little are fitted too, so that those with names leave them alone
    beside = np.flatnonzero(r2 >= FAINT_R2)
    named = [int(np.flatnonzero(beside == k)[0]) for k in kept]
    reads, offsets, rows = (
        part[named] for part in fit(found.coefficients, found.controls[:, beside])
    )
    left = ", ".join(f"{names[k]} {r2[k]:.2f}" for k in range(len(names)) if k not in kept)
    return ControlMap(
        names=tuple(names[k] for k in kept),
        rows=tuple(tuple(row) for row in rows.tolist()),
        r2=tuple(r2[kept].tolist()),
        reads=tuple(tuple(row) for row in reads.tolist()),
        offsets=tuple(offsets.tolist()),
        fitted=f"on {len(found.controls)} frames of a driving clip; without a name, by R2: "
        f"{left or 'none'}",
        weights=fingerprint(resolve_model(name)),
    )


class Watched(NamedTuple):
    """A clip's frames, as the model and as the detector see them."""

    coefficients: Rows
    controls: Rows


def _watched(pipeline: FloatPipeline, clip: Path) -> Watched:
    coefficients, measures = [], []
    batch: list[Seen] = []
    size = pipeline.config.autoencoder.size
    for frame in watch(clip, size):
        if frame.face is None:
            continue
        batch.append(frame)
        if len(batch) == BATCH:
            coefficients.append(_read(pipeline, batch))
            measures += [
                measure_face(one.face.points, standard_face()) for one in batch if one.face
            ]
            batch = []
        if len(measures) >= MOST_FRAMES:
            break
    if len(measures) < LEAST_FRAMES:
        raise BadInput(f"{clip}: {len(measures)} frames with a face; {LEAST_FRAMES} are needed")
    return Watched(np.concatenate(coefficients), in_units(np.stack(measures)))


@torch.inference_mode()
def _read(pipeline: FloatPipeline, frames: list[Seen]) -> Rows:
    crops = torch.from_numpy(np.stack([frame.crop for frame in frames])).to(pipeline.device)
    images = crops.permute(0, 3, 1, 2).float() / 127.5 - 1
    return pipeline.model.autoencoder.motion_of(images).double().cpu().numpy()


def in_units(measures: Rows) -> Rows:
    """Measures (t, 9) of `measure_face` in the units of the controls that users know.

    Degrees stay; lips: 1 as wide as a dropped jaw opens them; lids: 0 as the clip's open eyes, 1
    shut; smile and gaze about as the data engine counts them; brows: a fifth of an eye distance.
    """
    out = measures.copy()
    out[:, ASKABLE.index("mouth")] /= JAW_DROP
    lids = -out[:, ASKABLE.index("blink")]
    out[:, ASKABLE.index("blink")] = 1 - lids / max(float(np.percentile(lids, OPEN)), 1e-6)
    out[:, ASKABLE.index("brows")] *= 5
    for name in ("gaze_x", "gaze_y"):
        out[:, ASKABLE.index(name)] *= 4
    return out


def fit(
    coefficients: Rows, controls: Rows
) -> tuple[Float64[ndarray, "k m"], Float64[ndarray, " k"], Float64[ndarray, "k m"]]:
    """How controls are read off coefficients, and what one unit of each takes.

    Returns:
        reads (k, m) and offsets (k,) with controls = reads @ coefficients + offsets, and rows
        (k, m) with reads @ rows.T = 1: of all changes that show exactly one unit of one control,
        the one that is nearest to what frames of the clip differ by.
    """
    mean, centre = coefficients.mean(axis=0), controls.mean(axis=0)
    away = coefficients - mean
    spread = away.T @ away / len(away)
    spread += RIDGE * np.trace(spread) / len(spread) * np.eye(len(spread))
    shared = away.T @ (controls - centre) / len(away)  # (m, k)
    reads = np.linalg.solve(spread, shared).T
    usual = spread @ reads.T
    rows = np.linalg.solve(reads @ usual, usual.T)
    return reads, centre - reads @ mean, rows


def score(coefficients: Rows, control: Float64[ndarray, " t"]) -> float:
    """R2 in frames that were not fitted: stretches of the clip, each left out once."""
    if control.std() < 1e-9:
        return 0.0
    missed = 0.0
    for part in np.array_split(np.arange(len(control)), FOLDS):
        others = np.ones(len(control), bool)
        others[part] = False
        reads, offsets, _ = fit(coefficients[others], control[others, None])
        missed += float(np.square(coefficients[part] @ reads[0] + offsets[0] - control[part]).sum())
    return max(0.0, 1 - missed / float(np.square(control - control.mean()).sum()))

"""Motion read off a driving video of any length, size and frame rate."""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64
from numpy import ndarray

from openfloat.config import FPS
from openfloat.editing.steadying import STEADIED
from openfloat.errors import NoFaceFound
from openfloat.motion.edits import smooth
from openfloat.motion.value import MOST_FRAMES, Motion, printable
from openfloat.pipeline import FloatPipeline
from openfloat.reenactment.rest import RESTING, from_rest
from openfloat.reenactment.watch import Seen, watch
from openfloat.vision.measure import mouth_aperture
from openfloat.vision.video_reader import probe

BATCH = 8
STEADY = 1.0
"""Frames (standard deviation) over which head and slow expression are smoothed: the reader
trembles, but heads nod within a few frames."""

Progress = Callable[[int, int], None]
"""Told frames done, and frames in all as the file says; 0 where it does not."""
Times = Float64[ndarray, " n"]
Rows = Float64[ndarray, "n c"]


def read_motion(
    pipeline: FloatPipeline, video: str | Path, progress: Progress | None = None
) -> Motion:
    """The motion of the largest face in a video, at 25 frames per second.

    Where the controls have names, the jaw follows the gap between the lips, lips and lids rest at
    zero, and head and slow expression are smoothed; otherwise every coefficient is what the model
    reads. The first frame's head is the reference. Frames without a face keep the last motion.

    Args:
        pipeline: the model that reads.
        video: a file.
        progress: called after every few frames.

    Raises:
        NoFaceFound: the video shows no face.
        BadMedia: it cannot be read.
    """
    video = Path(video)
    starts_s, found = _read(pipeline, video, progress)
    rows = at_25(starts_s, held(found)).astype(np.float32)
    coefficients, gaps = rows[:, :-1].copy(), rows[:, -1]
    named = bool(pipeline.config.controls)
    motion = Motion(
        coefficients=torch.from_numpy(from_rest(coefficients, gaps) if named else coefficients),
        controls=pipeline.config.controls,
        model=pipeline.config.name,
        source=printable(f"read off {video.name}"),
        measured=named,
    )
    return _with_reference(smooth(motion, STEADY, STEADIED)) if named else motion


def _with_reference(motion: Motion) -> Motion:
    """The first frame as the reference, lips and lids at rest."""
    reference = motion.coefficients[0].clone()
    reference[list(RESTING)] = 0
    return replace(motion, reference=reference)


def _read(pipeline: FloatPipeline, video: Path, progress: Progress | None) -> tuple[Times, Rows]:
    """When frames appear, and what is read off each; not a number where the face is away.

    Returns:
        (n,) seconds, and (n, m + 1) coefficients and the gap between the lips in eye distances.
    """
    total = probe(video).num_frames
    seen = watch(video, pipeline.config.autoencoder.size)
    starts_s: list[float] = []
    rows: list[Rows] = []
    while batch := list(islice(seen, BATCH)):
        starts_s += [frame.start_s for frame in batch]
        rows.append(np.column_stack([_coefficients(pipeline, batch), _gaps(batch)]))
        rows[-1][[frame.face is None for frame in batch]] = np.nan
        if progress is not None:
            progress(len(starts_s), total)
    found = np.concatenate(rows)
    if np.isnan(found).all():
        raise NoFaceFound(f"{video}: no face could be followed in the video")
    return np.array(starts_s), found


@torch.inference_mode()
def _coefficients(pipeline: FloatPipeline, frames: list[Seen]) -> Rows:
    crops = torch.from_numpy(np.stack([frame.crop for frame in frames])).to(pipeline.device)
    images = crops.permute(0, 3, 1, 2).float() / 127.5 - 1
    return pipeline.model.autoencoder.motion_of(images).double().cpu().numpy()


def _gaps(frames: list[Seen]) -> Times:
    return np.array([np.nan if f.face is None else mouth_aperture(f.face.points) for f in frames])


def held(rows: Rows) -> Rows:
    """Rows that are not numbers become the last that was, those at the beginning the first."""
    known = ~np.isnan(rows).any(axis=1)
    last = np.maximum.accumulate(np.where(known, np.arange(len(rows)), -1))
    return rows[np.where(last < 0, int(np.argmax(known)), last)]


def at_25(starts_s: Times, rows: Rows) -> Rows:
    """Rows at 25 a second by linear interpolation over time; the last frame lasts as most do.

    Args:
        starts_s: when each frame appears, seconds from the first, rising.
        rows: (n, c) what each frame shows.
    """
    usual_s = float(np.median(np.diff(starts_s))) if len(starts_s) > 1 else 1 / FPS
    count = round((float(starts_s[-1]) + usual_s) * FPS)
    moments_s = np.arange(min(max(count, 1), MOST_FRAMES)) / FPS
    return np.stack([np.interp(moments_s, starts_s, column) for column in rows.T], axis=1)

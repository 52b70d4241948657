"""Where the face of a video is in each frame: a steady square that goes with it, or nothing.

What stays of a video is a few numbers a frame.
"""

import itertools
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from numpy import ndarray
from scipy.ndimage import gaussian_filter1d

from openfloat.errors import NoFaceFound
from openfloat.reenactment.watch import SURE_SCORE
from openfloat.vision.face import SMALLEST_FACE, Face, RgbImage, detect_faces, refine
from openfloat.vision.geometry import Box, square_around
from openfloat.vision.measure import mouth_aperture
from openfloat.vision.timed_frames import read_timed_frames

SEARCH_FRAMES = 4
"""While the face is away it is searched for once in so many frames."""
STEADY_S = 0.25
"""Standard deviation of the filter that keeps the square from trembling, seconds."""
JUMP = 0.5
"""Shares of a face's size by which it moves from frame to frame only where the picture is cut."""


class Track(NamedTuple):
    """A face through a video of n frames."""

    starts_s: Float64[ndarray, " n"]
    """When each frame appears, from the first on."""
    boxes: Float64[ndarray, "n 4"]
    """Left, top, right, bottom of the face, steadied; not a number where it is away."""
    gaps: Float64[ndarray, " n"]
    """Between the lips, in eye distances."""

    def square(self, frame: int) -> Box | None:
        """The crop of one frame; none where the face is away."""
        box = self.boxes[frame]
        return None if np.isnan(box).any() else square_around(Box(*box.tolist()))


def track_face(video: Path) -> Track:
    """Follow the largest face of a video; it may go and come back, and pictures may be cut.

    Raises:
        NoFaceFound: no frame shows a face that is large enough.
        BadMedia: the video cannot be read.
    """
    starts_s, boxes, gaps = [], [], []
    last: Face | None = None
    away = 0
    for start_s, image in read_timed_frames(video):
        last = _next(image, last, search=away % SEARCH_FRAMES == 0)
        away = 0 if last is not None else away + 1
        starts_s.append(start_s)
        if last is None:
            boxes.append([np.nan] * 4)
            gaps.append(np.nan)
        else:
            box = last.box
            boxes.append([box.left, box.top, box.right, box.bottom])
            gaps.append(float(mouth_aperture(last.points)))
    found = np.array(boxes)
    if np.isnan(found).all():
        raise NoFaceFound(f"{video}: no frame shows a face of at least {SMALLEST_FACE} pixels")
    times = np.array(starts_s)
    return Track(times, steadied(found, times), np.array(gaps))


def _next(image: RgbImage, last: Face | None, *, search: bool) -> Face | None:
    """The face in the next frame: the one before, followed, or after a while a new one."""
    if last is not None:
        (face,) = refine(image, [last])
        if face.score >= SURE_SCORE and face.box.overlap(last.box) > 0.2:
            return face
        search = True
    if not search:
        return None
    faces = [face for face in detect_faces(image) if face.size >= SMALLEST_FACE]
    return max(faces, key=lambda face: face.size, default=None)


def steadied(
    boxes: Float64[ndarray, "n 4"], starts_s: Float64[ndarray, " n"]
) -> Float64[ndarray, "n 4"]:
    """Boxes smoothed over time, each stretch between absences and cuts by itself."""
    out = boxes.copy()
    seen = ~np.isnan(boxes).any(axis=1)
    size = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    moved = np.abs(np.diff(boxes, axis=0)).max(axis=1)
    new = np.ones(len(boxes), bool)
    new[1:] = ~seen[1:] | ~seen[:-1] | (moved > JUMP * size[:-1])
    period_s = float(np.median(np.diff(starts_s))) if len(starts_s) > 1 else STEADY_S
    starts = [*np.flatnonzero(new).tolist(), len(boxes)]
    for first, end in itertools.pairwise(starts):
        if seen[first]:
            out[first:end] = _smoothed(boxes[first:end], STEADY_S / max(period_s, 1e-3))
    return out


def _smoothed(boxes: Float64[ndarray, "n 4"], deviation_frames: float) -> Float64[ndarray, "n 4"]:
    """One stretch; it goes on beyond its ends as it came, so that what moves does not lag."""
    reach = min(math.ceil(3 * deviation_frames), len(boxes) - 1)
    if not reach:
        return boxes
    longer = np.pad(boxes, ((reach, reach), (0, 0)), mode="reflect", reflect_type="odd")
    return np.asarray(gaussian_filter1d(longer, deviation_frames, 0))[reach:-reach]

"""The face of a video, followed from frame to frame, and where its shots end."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openfloat.data.prepare.timing import change, find_cuts, thumbnail
from openfloat.vision.face import STRONG_SCORE, Face, detect_faces, refine
from openfloat.vision.geometry import Box
from openfloat.vision.landmarks import NUM_LANDMARKS
from openfloat.vision.video_reader import RgbFrame

LOOK_AGAIN = 12
"""Frames between searches while no face is in sight."""
SAME_FACE = 0.4
"""Overlap of a face's boxes in two frames in a row at least."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What a video shows: n frames at 25 per second."""

    points: NDArray[np.float32]
    """(n, 478, 2) face mesh in pixels of the picture; zeros where there is no face."""
    there: NDArray[np.bool_]
    """(n,) whether the face is in sight."""
    cuts: NDArray[np.int64]
    """First frames of new shots, and frames where another face is followed."""

    def box(self, start: int, stop: int) -> Box:
        """The median of the face's boxes."""
        points = self.points[start:stop]
        edges = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
        return Box(*np.median(edges, axis=0).tolist())


def watch(frames: Iterable[RgbFrame]) -> Seen:
    """Follow the largest face of each shot.

    The landmark network follows it from frame to frame; while it is lost, it is searched for every
    half second. A change of the whole picture is a cut, a face that jumps is another one.
    """
    points: list[NDArray[np.float32]] = []
    there: list[bool] = []
    changes: list[float] = []
    jumps: list[int] = []
    face: Face | None = None
    searched = -LOOK_AGAIN
    before: NDArray[np.float32] | None = None
    for number, image in enumerate(frames):
        small = thumbnail(image)
        changes.append(0.0 if before is None else change(before, small))
        before = small
        followed = None if face is None else _follow(image, face)
        lost = face is not None and followed is None
        if followed is None and (lost or number - searched >= LOOK_AGAIN):
            searched = number
            followed = _largest(image)
            if followed is not None:
                jumps.append(number)
        face = followed
        there.append(face is not None)
        empty = np.zeros((NUM_LANDMARKS, 2), np.float32)
        points.append(empty if face is None else face.points.astype(np.float32))
    cuts = np.union1d(find_cuts(np.array(changes)), np.array(jumps, dtype=np.int64))
    stacked = np.stack(points) if points else np.zeros((0, NUM_LANDMARKS, 2), np.float32)
    return Seen(stacked, np.array(there, dtype=np.bool_), cuts)


def _follow(image: RgbFrame, face: Face) -> Face | None:
    (found,) = refine(image, [face])
    is_same = found.score > STRONG_SCORE and found.box.overlap(face.box) > SAME_FACE
    return found if is_same else None


def _largest(image: RgbFrame) -> Face | None:
    faces = detect_faces(image)
    return max(faces, key=lambda face: face.size) if faces else None

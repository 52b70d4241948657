"""What a face does in the frames of a clip, read off by networks that are not being measured.

Lips and nose are read by the landmark network of `openfloat.vision`. Head pose, lids and expression
are read by the motion head of a model of ours, whose coefficients were taught by the data engine's
truth: the same yardstick for real and for generated frames, and a weak one where it was never
checked.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from openfloat.config import CONTROLS
from openfloat.data.controls import to_values
from openfloat.errors import NoFaceFound
from openfloat.options import CropOptions
from openfloat.pipeline import FloatPipeline
from openfloat.vision.face import (
    STRONG_SCORE,
    Face,
    cut_square,
    detect_faces,
    locate,
    look_closer,
    refine,
)
from openfloat.vision.geometry import Square, square_around
from openfloat.vision.measure import eye_distance, mouth_aperture

Frames = NDArray[np.uint8]
AS_IT_IS = CropOptions(crop=False)
BRIDGE = (6, 197, 195, 168)
"""Points on the nose bridge: bone, so that they move with the head alone."""
BATCH = 8
GLANCES = tuple(
    (right, down, growth, turn)
    for right, down in ((0.0, 0.0), (0.03, 0.02), (-0.03, -0.02), (0.02, -0.03), (-0.02, 0.03))
    for growth, turn in ((1.0, 0.0), (1.06, 4.0), (0.95, -4.0))
)
"""Shifts (shares of the side), growths and turns (degrees) of the squares that a frame is seen in
when a single look is not exact enough."""


def face_crops(frames: Sequence[Frames], size: int) -> Frames:
    """(t, size, size, 3): every frame in the one crop that the first frame's face asks for.

    Raises:
        NoFaceFound: the first frame shows no face.
    """
    faces = detect_faces(frames[0])
    if not faces:
        raise NoFaceFound("the first frame shows no face")
    box = square_around(max(faces, key=lambda face: face.size).box)
    return np.stack([cut_square(frame, box, size, "edge") for frame in frames])


def follow(frames: Frames) -> NDArray[np.float64]:
    """(t, 478, 2) face points in pixels, followed from frame to frame.

    Raises:
        NoFaceFound: the first frame shows no face.
    """
    faces: list[Face] = detect_faces(frames[0])[:1]
    if not faces:
        raise NoFaceFound("the first frame shows no face")
    found = []
    for frame in frames:
        faces = refine(frame, faces)
        found.append(faces[0].points)
    return np.stack(found)


def seen_points(frames: Frames, start: Face) -> NDArray[np.float64]:
    """(t, 478, 2) face points of single pictures, the mean of several looks at each.

    Args:
        frames: (t, h, w, 3) pictures in any order.
        start: a face about where theirs are.

    Raises:
        NoFaceFound: a picture shows no face there.
    """
    found = []
    for frame in frames:
        square = look_closer(refine(frame, [start])[0])
        looks = locate(frame, [_glance(square, *glance) for glance in GLANCES])
        if np.median([look.score for look in looks]) < STRONG_SCORE:
            raise NoFaceFound("a frame shows no face")
        found.append(np.mean([look.points for look in looks], axis=0))
    return np.stack(found)


def _glance(square: Square, right: float, down: float, growth: float, turn: float) -> Square:
    side = square.side
    return Square(
        square.x + right * side,
        square.y + down * side,
        growth * side,
        square.roll_degrees + turn,
    )


def lip_opening(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(t,) gap between the lips in eye distances."""
    return np.asarray(mouth_aperture(points), np.float64)


def bridge(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(t, 4, 2) the nose bridge in eye distances of the clip."""
    return points[:, list(BRIDGE)] / float(np.median(eye_distance(points)))


@torch.inference_mode()
def read_coefficients(pipeline: FloatPipeline, frames: Frames) -> NDArray[np.float32]:
    """(t, m) motion coefficients that the model's own motion head reads off frames (t, h, w, 3)."""
    network = pipeline.model.autoencoder
    found = []
    for start in range(0, len(frames), BATCH):
        piece = torch.from_numpy(frames[start : start + BATCH]).to(pipeline.device)
        images = piece.permute(0, 3, 1, 2).float() / 127.5 - 1
        found.append(network.motion_of(images).cpu().numpy())
    return np.concatenate(found)


def read_controls(pipeline: FloatPipeline, frames: Frames) -> dict[str, NDArray[np.float64]]:
    """Physical controls by name, (t,) each, where the model's directions have names."""
    values = to_values(read_coefficients(pipeline, frames)).astype(np.float64)
    return dict(zip(CONTROLS, values.T, strict=True))

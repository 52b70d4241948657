"""Cut faces as the published networks expect them, from our own face points."""

import numpy as np
from numpy.typing import NDArray
from skimage.transform import SimilarityTransform, warp

from openfloat.data.mesh import IRIS_CENTRES
from openfloat.models.published import face_model, iresnet, syncnet
from openfloat.vision.face import cut_square
from openfloat.vision.geometry import Box

Frames = NDArray[np.uint8]
Points = NDArray[np.float64]
FIVE = (*IRIS_CENTRES, 1, 61, 291)
"""Irises, tip of the nose, corners of the mouth; left of the picture first."""
ARCFACE = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655),
     (70.7299, 92.2041)]
)  # fmt: skip
"""Where they lie in ArcFace's 112x112 pictures (published with it)."""
FACE_MODEL = np.array([(80.0, 94.0), (144.0, 94.0), (112.0, 128.0), (87.0, 158.0), (137.0, 158.0)])
"""Where they lie about in the 224x224 pictures of the morphable model; its own template is not ours
to ship, so figures compare with those measured here alone."""
SYNCNET_MARGIN = 0.4


def _aligned(frames: Frames, points: Points, template: Points, size: int) -> Frames:
    made = []
    for frame, face in zip(frames, points, strict=True):
        eyes = sorted((face[i] for i in FIVE[:2]), key=lambda place: float(place[0]))
        seen = np.array([*eyes, *(face[i] for i in FIVE[2:])])
        fit = SimilarityTransform(matrix=similarity(template, seen))  # type: ignore[no-untyped-call]
        cut = warp(frame, fit, output_shape=(size, size), order=1, preserve_range=True)  # type: ignore[no-untyped-call]
        made.append(np.round(cut).astype(np.uint8))
    return np.stack(made)


def similarity(points: Points, others: Points) -> Points:
    """(3, 3) shift, turn and growth that brings points (n, 2) nearest to the others."""
    a, b = (p[:, 0] + 1j * p[:, 1] for p in (points, others))
    turn = np.vdot(a - a.mean(), b - b.mean()) / np.vdot(a - a.mean(), a - a.mean())
    shift = b.mean() - turn * a.mean()
    return np.array(
        [[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag], [0, 0, 1]]
    )


def arcface_faces(frames: Frames, points: Points) -> Frames:
    """(t, 112, 112, 3) turned and scaled to ArcFace's template."""
    return _aligned(frames, points, ARCFACE, iresnet.SIZE)


def face_model_faces(frames: Frames, points: Points) -> Frames:
    """(t, 224, 224, 3) turned and scaled for the regressor of the morphable model."""
    return _aligned(frames, points, FACE_MODEL, face_model.SIZE)


def syncnet_faces(frames: Frames, points: Points) -> Frames:
    """(t, 224, 224, 3) the square that SyncNet's evaluation cuts, the same for the whole clip.

    From one half face above its middle to 1.8 below it.
    """
    low, high = np.median(points.min(axis=1), axis=0), np.median(points.max(axis=1), axis=0)
    (x, y), half = (low + high) / 2, float((high - low).max()) / 2
    reach = half * (1 + SYNCNET_MARGIN)
    top = y - half
    box = Box(x - reach, top, x + reach, top + 2 * reach)
    return np.stack([cut_square(frame, box, syncnet.LIP_SIZE, "edge") for frame in frames])

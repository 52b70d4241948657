"""The face mesh: MediaPipe's 468 landmarks and triangles, and smooth fields over them.

Coordinates of the template: units are the distance of the eye centres, x to the right of the
picture, y down, z away from the camera; the template is symmetric in x.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openfloat.errors import BadInput

Points = NDArray[np.float32]
Indices = NDArray[np.int64]

# Names are sides of the picture: "left" has small x, which is the person's own right.
UPPER_INNER_LIP = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_INNER_LIP = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
UPPER_OUTER_LIP = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
LOWER_OUTER_LIP = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
INNER_LIP_RING = UPPER_INNER_LIP + LOWER_INNER_LIP[-2:0:-1]
OUTER_LIP_RING = UPPER_OUTER_LIP + LOWER_OUTER_LIP[-2:0:-1]
LEFT_UPPER_LID = (33, 246, 161, 160, 159, 158, 157, 173, 133)
LEFT_LOWER_LID = (33, 7, 163, 144, 145, 153, 154, 155, 133)
RIGHT_UPPER_LID = (263, 466, 388, 387, 386, 385, 384, 398, 362)
RIGHT_LOWER_LID = (263, 249, 390, 373, 374, 380, 381, 382, 362)
UPPER_LIDS = (LEFT_UPPER_LID, RIGHT_UPPER_LID)
LOWER_LIDS = (LEFT_LOWER_LID, RIGHT_LOWER_LID)
EYE_RINGS = tuple(
    upper + lower[-2:0:-1] for upper, lower in zip(UPPER_LIDS, LOWER_LIDS, strict=True)
)
IRIS_CENTRES = (468, 473)
IRIS_RINGS = ((469, 470, 471, 472), (474, 475, 476, 477))
LEFT_BROW = (70, 63, 105, 66, 107, 46, 53, 52, 65, 55)
BROW_RINGS = (
    (70, 63, 105, 66, 107, 55, 65, 52, 53, 46),
    (300, 293, 334, 296, 336, 285, 295, 282, 283, 276),
)
OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
"""The face's outline clockwise from the top of the forehead."""


@dataclass(frozen=True, eq=False)
class FaceTemplate:
    """A symmetric neutral face with its triangles."""

    points: Points
    """(468, 3) in eye distances about the middle between the eyes."""
    triangles: Indices
    """(898, 3) vertex numbers; mouth and eyes are filled."""
    mirror: Indices
    """(468,) the vertex on the other side."""


def load_template(path: Path) -> FaceTemplate:
    """Read MediaPipe's canonical face (an .obj file in centimetres, y up, z to the camera).

    Raises:
        BadInput: the file is missing or not that mesh.
    """
    if not path.is_file():
        raise BadInput(f"{path.parent} holds no {path.name}, the face that the engine stands on")
    points, faces = [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        kind, *words = line.split() or [""]
        if kind == "v":
            points.append([float(word) for word in words])
        elif kind == "f":
            faces.append([int(word.split("/")[0]) - 1 for word in words])
    if len(points) != 468 or len(faces) != 898:
        raise BadInput(f"{path} is not MediaPipe's canonical face of 468 vertices")
    positions = np.array(points) * [1, -1, -1]
    left, right = eye_centres(positions)
    positions = (positions - (left + right) / 2) / np.linalg.norm(right - left)
    distances = np.linalg.norm(positions[:, None] * [-1, 1, 1] - positions[None], axis=2)
    return FaceTemplate(
        points=positions.astype(np.float32),
        triangles=np.array(faces, dtype=np.int64),
        mirror=distances.argmin(axis=1),
    )


def eye_centres(points: NDArray[np.floating]) -> tuple[NDArray[np.floating], ...]:
    """Middle between the corners of the left and of the right eye."""
    return tuple((points[upper[0]] + points[upper[-1]]) / 2 for upper in UPPER_LIDS)


def inside(triangles: Indices, ring: Sequence[int]) -> NDArray[np.bool_]:
    """Which triangles fill a ring of vertices."""
    return np.asarray(np.isin(triangles, ring).all(axis=1))


def spread(template: FaceTemplate, anchors: Sequence[int]) -> NDArray[np.float32]:
    """How anchors' displacements spread smoothly over the face.

    The smoothest field in the sense of the squared Laplacian on the mesh, with mouth and eyes cut
    open, so that upper and lower lip and lids move apart.

    Args:
        template: the face.
        anchors: vertices whose displacement will be given.

    Returns:
        (468, anchors): each vertex's share of each anchor's displacement.
    """
    laplacian = _laplacian(template)
    energy = laplacian.T @ laplacian
    free = np.setdiff1d(np.arange(len(energy)), anchors)
    shares = np.zeros((len(energy), len(anchors)))
    shares[list(anchors), np.arange(len(anchors))] = 1
    shares[free] = -np.linalg.solve(
        energy[np.ix_(free, free)], energy[np.ix_(free, np.array(anchors))]
    )
    return shares.astype(np.float32)


def _laplacian(template: FaceTemplate) -> NDArray[np.float64]:
    """Mean of the neighbours (weighted by nearness) less the vertex, over the open mesh."""
    triangles = template.triangles
    filled = np.any([inside(triangles, ring) for ring in (INNER_LIP_RING, *EYE_RINGS)], axis=0)
    weights = np.zeros((468, 468))
    for a, b in ((0, 1), (1, 2), (2, 0)):
        i, j = triangles[~filled][:, a], triangles[~filled][:, b]
        nearness = 1 / np.linalg.norm(template.points[i] - template.points[j], axis=1)
        weights[i, j] = weights[j, i] = nearness
    return weights / weights.sum(axis=1, keepdims=True) - np.eye(468)

"""Head pose: rotations in the picture's frame, and reading the pose off landmarks.

The frame has x to the right, y down, z away from the camera. A face looks along -z; positive yaw
turns it to the right of the picture, positive pitch up, positive roll clockwise.
"""

import functools
from importlib.resources import as_file, files
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from numpy import ndarray
from numpy.typing import NDArray
from safetensors.numpy import load_file

from openfloat.vision.measure import EYES

RIGID = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 234, 127, 162, 21, 54, 103, 67, 109,
    151, 9, 8, 168, 6, 197, 195, 5, 4, 1, 2, 98, 327, 33, 133, 263, 362,
)  # fmt: skip
"""Landmarks that neither speech nor expression moves much."""


class Pose(NamedTuple):
    """Angles of a head in degrees."""

    yaw: float
    pitch: float
    roll: float


class Head(NamedTuple):
    """Where a face is and how it is turned."""

    pose: Pose
    size: float
    """Distance between the eyes of the frontal shape, in the unit of the points."""
    error: float
    """Root mean square distance of the rigid points from the turned shape, in eye distances."""


def rotation(pose: Pose) -> NDArray[np.float64]:
    """The (3, 3) matrix that turns a frontal head to a pose: roll after yaw after pitch."""
    yaw, pitch, roll = np.radians(pose)
    turn_yaw = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
    turn_pitch = np.array(
        [[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]]
    )
    turn_roll = np.array(
        [[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]
    )
    return turn_roll @ turn_yaw @ turn_pitch


def angles(matrix: NDArray[np.float64]) -> Pose:
    """The pose whose `rotation` is the matrix, for |yaw| below 90 degrees."""
    yaw = np.arcsin(np.clip(matrix[2, 0], -1, 1))
    pitch = np.arctan2(-matrix[2, 1], matrix[2, 2])
    roll = np.arctan2(matrix[1, 0], matrix[0, 0])
    return Pose(*(float(np.degrees(value)) for value in (yaw, pitch, roll)))


def estimate_pose(landmarks: NDArray[np.float32], template: NDArray[np.float32]) -> Pose:
    """The pose of a face: the rotation that best lays the template over its rigid landmarks.

    Args:
        landmarks: (at least 468, 3) of the picture, any unit, y down, z away from the camera.
        template: (468, 3) a frontal face.
    """
    rigid = list(RIGID)
    return angles(_procrustes(template[rigid].astype(float), landmarks[rigid].astype(float)))


def _procrustes(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation (3, 3) that turns the source's points nearest to the target's (Kabsch)."""
    source, target = source - source.mean(axis=0), target - target.mean(axis=0)
    left, _, right = np.linalg.svd(target.T @ source)
    handed = np.sign(np.linalg.det(left @ right))
    return np.asarray(left @ np.diag([1, 1, handed]) @ right)


def fit_head(points: Float64[ndarray, "478 2"], shape: Float64[ndarray, "n 3"]) -> Head:
    """The head whose parallel projection comes nearest to the points of bone and cartilage.

    Args:
        points: (478, 2) x to the right and y down, any unit.
        shape: (at least 468, 3) the frontal face, z away from the camera, any unit.
    """
    from scipy.optimize import least_squares  # half a second that most runs do not need

    rigid = list(RIGID)
    seen = points[rigid] - points[rigid].mean(axis=0)
    solid = shape[rigid] - shape[rigid].mean(axis=0)
    affine = np.linalg.lstsq(solid, seen, rcond=None)[0].T  # (2, 3)
    left, sizes, right = np.linalg.svd(affine, full_matrices=False)
    rows = left @ right
    first = angles(np.vstack([rows, np.cross(rows[0], rows[1])]))
    growth = max(float(sizes.mean()), 1e-9)

    def misses(values: Float64[ndarray, " 4"]) -> Float64[ndarray, " k"]:
        turned = solid @ rotation(Pose(*values[:3].tolist()))[:2].T
        return np.asarray(np.exp(values[3]) * turned - seen / growth).ravel()

    found = least_squares(misses, np.array([*first, 0.0]), method="lm").x
    eyes = np.subtract(*(shape[list(eye), :].mean(axis=0) for eye in EYES))
    size = growth * float(np.exp(found[3]) * np.linalg.norm(eyes))
    error = float(np.sqrt(2 * np.mean(misses(found) ** 2))) * growth / size
    return Head(Pose(*found[:3].tolist()), size, error)


@functools.cache
def standard_face() -> Float64[ndarray, "468 3"]:
    """A frontal face that is nobody's: MediaPipe's canonical mesh, y down, z away from the camera.

    For faces whose own shape is not known; poses fitted with it are good to a few degrees.
    """
    with as_file(files("openfloat") / "assets" / "face" / "shape.safetensors") as path:
        return np.asarray(load_file(path)["points"], np.float64)


FRONTAL_DEGREES = 20
"""Turn of a head up to which a portrait is a usual one."""


def advice_on_turn(yaw: float) -> str | None:
    """What to expect of a portrait whose head is turned by so many degrees; none for usual ones."""
    if abs(yaw) <= FRONTAL_DEGREES:
        return None
    return (
        f"the head is turned by about {abs(yaw):.0f} degrees: beyond {FRONTAL_DEGREES} expect "
        "lips that move less and a blurred far side of the face; a frontal photo works better"
    )

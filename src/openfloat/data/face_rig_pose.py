"""Head pose: rotations in the picture's frame, and reading the pose off 3-D landmarks.

The frame has x to the right, y down, z away from the camera. A face looks along -z; positive yaw
turns it to the right of the picture, positive pitch up, positive roll clockwise.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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

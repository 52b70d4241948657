"""What a face does, read off its 478 points: pure functions of positions.

Every function takes points (..., 478, 2) in any unit with x to the right and y down, and returns
one number for each face.
"""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

FacePoints = Float[ndarray, "*n 478 2"]
Measure = Float[ndarray, "*n"]

INNER_LIPS = ((82, 87), (13, 14), (312, 317))
"""Upper and lower points, at the middle of the mouth and beside it."""
MOUTH_CORNERS = (61, 291)
EYES = ((33, 133), (263, 362))
"""Outer and inner corner; the eye at the left of the picture first."""
LIDS = (((160, 144), (159, 145), (158, 153)), ((387, 373), (386, 374), (385, 380)))
CHEEKS = (234, 454)
NOSE_TIP = 1
YAW_DEGREES_PER_SHARE = 34.0
"""Head turn that moves the nose tip by half a face width; fitted to the train portraits' depth."""


def _distance(points: FacePoints, first: int, second: int) -> Measure:
    return np.linalg.norm(points[..., first, :] - points[..., second, :], axis=-1)


def eye_distance(points: FacePoints) -> Measure:
    """Distance between the middles of the two eyes: the yardstick of the other measures."""
    left, right = (points[..., list(eye), :].mean(axis=-2) for eye in EYES)
    return np.linalg.norm(left - right, axis=-1)


def mouth_aperture(points: FacePoints) -> Measure:
    """Gap between the lips as a share of the distance between the eyes; 0 is closed."""
    gaps = [_distance(points, upper, lower) for upper, lower in INNER_LIPS]
    return np.mean(gaps, axis=0) / eye_distance(points)


def mouth_width(points: FacePoints) -> Measure:
    """Distance of the mouth's corners as a share of the distance between the eyes."""
    return _distance(points, *MOUTH_CORNERS) / eye_distance(points)


def eye_aperture(points: FacePoints) -> Measure:
    """Gap between the lids as a share of the eye's width, mean of both eyes; 0 is shut."""
    shares = []
    for corners, lids in zip(EYES, LIDS, strict=True):
        gaps = [_distance(points, upper, lower) for upper, lower in lids]
        shares.append(np.mean(gaps, axis=0) / _distance(points, *corners))
    return np.mean(shares, axis=0)


def roll_degrees(points: FacePoints) -> Measure:
    """How far the line of the eyes is turned clockwise in the picture."""
    left, right = (points[..., list(eye), :].mean(axis=-2) for eye in EYES)
    across = right - left
    return np.degrees(np.arctan2(across[..., 1], across[..., 0]))


def yaw_degrees(points: FacePoints) -> Measure:
    """Roughly how far the head is turned towards the right of the picture.

    Read off the nose tip's place between the cheeks; good to about 5 degrees up to 30.
    """
    left, right = points[..., CHEEKS[0], :], points[..., CHEEKS[1], :]
    across = right - left
    nose = points[..., NOSE_TIP, :] - (left + right) / 2
    share = 2 * (nose * across).sum(axis=-1) / (across * across).sum(axis=-1)
    return YAW_DEGREES_PER_SHARE * share

"""What each named control shows in a face's 478 points: pure functions of positions.

Head pose is the rotation under which a known 3-D shape comes nearest to the points. Everything else
is measured in the face's own frame (turned upright by the fitted roll, in eye distances of the
shape), so that turning or growing in the picture alone does not count as an expression.
"""

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from openfloat.data.face_rig_fields import SMILE_OUT, SMILE_UP
from openfloat.data.mesh import IRIS_CENTRES, UPPER_LIDS
from openfloat.vision.head_pose import Pose, fit_head, rotation
from openfloat.vision.measure import INNER_LIPS, LIDS

ASKABLE = ("yaw", "pitch", "roll", "mouth", "blink", "smile", "brows", "gaze_x", "gaze_y")
"""What a user can ask for by name, in the order of `measure_face`."""
CORNERS = (78, 308)
"""Corners of the inner lips."""
BROWS = (70, 63, 105, 66, 107, 300, 293, 334, 296, 336)
"""Upper edges of both brows."""


def measure_face(
    points: Float64[ndarray, "478 2"], shape: Float64[ndarray, "n 3"]
) -> Float64[ndarray, " 9"]:
    """One number for each of `ASKABLE`; each grows with its control.

    yaw, pitch, roll: degrees. mouth: gap between the inner lips. blink: minus the gap between the
    lids. smile: width of the mouth and rise of its corners, each in what a full smile moves it.
    brows: height of the brows above the corners of the eyes. gaze: place of the irises between
    the corners of the eyes, right and down, in eye widths. Gaps and heights in eye distances.

    Args:
        points: (478, 2) x to the right and y down, any unit.
        shape: (at least 468, 3) the same person's frontal face, z away from the camera.
    """
    head = fit_head(points, shape)
    upright = rotation(Pose(0.0, 0.0, -head.pose.roll))[:2, :2]
    face = points @ upright.T / head.size
    lids = [face[lower, 1] - face[upper, 1] for pairs in LIDS for upper, lower in pairs]
    eyes = face[[eye[end] for eye in UPPER_LIDS for end in (0, -1)]]
    return np.array(
        [
            *head.pose,
            np.mean([face[lower, 1] - face[upper, 1] for upper, lower in INNER_LIPS]),
            -np.mean(lids),
            _smile(face),
            eyes[:, 1].mean() - face[list(BROWS), 1].mean(),
            *_gaze(face),
        ]
    )


def _smile(face: Float64[ndarray, "478 2"]) -> float:
    """As the data engine reads it off a portrait, less what is neutral."""
    left, right = face[CORNERS[0]], face[CORNERS[1]]
    lift = (face[13, 1] + face[14, 1] - left[1] - right[1]) / 2
    return float((right[0] - left[0]) / (4 * SMILE_OUT) + lift / (2 * SMILE_UP))


def _gaze(face: Float64[ndarray, "478 2"]) -> Float64[ndarray, " 2"]:
    """(2,) place of the irises along and across the line between the corners of each eye."""
    places = []
    for iris, lid in zip(IRIS_CENTRES, UPPER_LIDS, strict=True):
        ends = sorted((face[lid[0]], face[lid[-1]]), key=lambda end: float(end[0]))
        along = ends[1] - ends[0]
        from_middle = face[iris] - (ends[0] + ends[1]) / 2
        across = np.array([-along[1], along[0]])
        places.append(np.array([from_middle @ along, from_middle @ across]) / (along @ along))
    return np.asarray(np.mean(places, axis=0))

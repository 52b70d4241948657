"""What is read off the points, on points placed by hand."""

import numpy as np
import pytest

from openfloat.vision.measure import (
    EYES,
    INNER_LIPS,
    LIDS,
    eye_aperture,
    eye_distance,
    mouth_aperture,
    mouth_width,
    roll_degrees,
    yaw_degrees,
)


def face(mouth_gap: float = 6.0, lid_gap: float = 5.0, nose_shift: float = 0.0) -> np.ndarray:
    """Eyes 60 apart and 20 wide, mouth 40 wide, cheeks 100 apart; everything else in the middle."""
    points = np.full((478, 2), 50.0)
    for (outer, inner), lids, x in zip(EYES, LIDS, (20.0, 80.0), strict=True):
        points[outer] = (x - 10 if x < 50 else x + 10, 40)
        points[inner] = (x + 10 if x < 50 else x - 10, 40)
        for upper, lower in lids:
            points[upper], points[lower] = (x, 40 - lid_gap / 2), (x, 40 + lid_gap / 2)
    for upper, lower in INNER_LIPS:
        points[upper], points[lower] = (50, 90 - mouth_gap / 2), (50, 90 + mouth_gap / 2)
    points[61], points[291] = (30, 90), (70, 90)
    points[234], points[454], points[1] = (0, 50), (100, 50), (50 + nose_shift, 60)
    return points


def turned(points: np.ndarray, degrees: float, scale: float = 1.0) -> np.ndarray:
    """Clockwise in the picture."""
    angle = np.radians(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    return scale * points @ np.array([[cos, sin], [-sin, cos]]) + 7


def test_each_measure_equals_the_placed_distance() -> None:
    points = face(mouth_gap=6, lid_gap=5)
    assert eye_distance(points) == pytest.approx(60)
    assert mouth_aperture(points) == pytest.approx(6 / 60)
    assert mouth_width(points) == pytest.approx(40 / 60)
    assert eye_aperture(points) == pytest.approx(5 / 20)
    assert roll_degrees(points) == pytest.approx(0)
    assert yaw_degrees(points) == pytest.approx(0)


@pytest.mark.parametrize("degrees", [-80, -20, 35, 170])
def test_turning_and_scaling_changes_only_the_roll(degrees: float) -> None:
    points = face(nose_shift=12)
    moved = turned(points, degrees, scale=3.5)
    assert roll_degrees(moved) == pytest.approx(degrees)
    for measure in (mouth_aperture, mouth_width, eye_aperture, yaw_degrees):
        assert measure(moved) == pytest.approx(measure(points))


def test_a_nose_to_the_right_is_a_positive_yaw() -> None:
    assert yaw_degrees(face(nose_shift=10)) > 0 > yaw_degrees(face(nose_shift=-10))


def test_many_faces_are_measured_at_once() -> None:
    gaps = np.linspace(0, 20, 6)
    points = np.stack([face(mouth_gap=gap) for gap in gaps]).reshape(2, 3, 478, 2)
    np.testing.assert_allclose(mouth_aperture(points), gaps.reshape(2, 3) / 60)

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from openfloat.vision.head_pose import Pose, angles, estimate_pose, rotation

poses = st.builds(Pose, *[st.floats(-60, 60)] * 3)


@given(poses)
def test_angles_undo_rotation(pose: Pose) -> None:
    np.testing.assert_allclose(angles(rotation(pose)), pose, atol=1e-6)


@given(poses)
def test_a_rotation_keeps_lengths_and_handedness(pose: Pose) -> None:
    matrix = rotation(pose)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(matrix), 1, atol=1e-12)


@given(poses, st.floats(0.05, 5), st.floats(-3, 3))
def test_the_pose_of_a_turned_face_is_found_whatever_its_size_and_place(
    pose: Pose, size: float, place: float
) -> None:
    face = np.random.default_rng(0).normal(size=(468, 3)).astype(np.float32)
    turned = (size * face @ rotation(pose).T + place).astype(np.float32)
    np.testing.assert_allclose(estimate_pose(turned, face), pose, atol=1e-2)


def test_positive_angles_turn_right_look_up_and_lean_clockwise() -> None:
    nose, crown = np.array([0, 0, -1.0]), np.array([0, -1.0, 0])
    assert (rotation(Pose(20, 0, 0)) @ nose)[0] > 0.3
    assert (rotation(Pose(0, 20, 0)) @ nose)[1] < -0.3
    assert (rotation(Pose(0, 0, 20)) @ crown)[0] > 0.3

"""Head poses: read from files, placed on portraits."""

from pathlib import Path

import pytest
import torch

from openfloat.config import CONTROLS
from openfloat.errors import BadInput
from openfloat.motion.file import save_motion
from openfloat.motion.pose import HeadPose
from openfloat.motion.value import Motion


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "nod.csv"
    path.write_text(text)
    return path


def test_a_table_is_interpolated_to_25_frames_a_second(tmp_path: Path) -> None:
    path = table(tmp_path, "time,roll,yaw,pitch\n0,0,8,-6\n0.4,5,-8,6\n")
    pose = HeadPose.read(path)
    assert pose.curve.shape == (11, 6)
    torch.testing.assert_close(pose.curve[0], torch.tensor([1.0, -1, 0, 0, 0, 0]))
    torch.testing.assert_close(pose.curve[5], torch.tensor([0.0, 0, 0.5, 0, 0, 0]))
    torch.testing.assert_close(pose.curve[10], torch.tensor([-1.0, 1, 1, 0, 0, 0]))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("time,yaw,pitch\n0,0,0\n", "does not name a column 'roll'"),
        ("", "does not name a column 'time'"),
        ("time,yaw,pitch,roll\n", "a number is missing"),
        ("time,yaw,pitch,roll\n0,1,2\n", "a number is missing"),
        ("time,yaw,pitch,roll\n0,1,2,x\n", "could not convert string"),
        ("time,yaw,pitch,roll\n0,nan,0,0\n", "not finite"),
        ("time,yaw,pitch,roll\n1,0,0,0\n1,0,0,0\n", "do not rise"),
        ("time,yaw,pitch,roll\n0,0,0,0\n1e9,0,0,0\n", "do not rise"),
        ("time,yaw,pitch,roll\n0,0,-31,0\n", "pitch -31 is beyond 25 degrees"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        HeadPose.read(table(tmp_path, text))


def test_a_motions_head_turns_as_it_is_and_moves_about_the_portraits_own_place(
    tmp_path: Path,
) -> None:
    motion = Motion(coefficients=torch.randn(40, 20), controls=CONTROLS)
    pose = HeadPose.read(save_motion(tmp_path / "m.safetensors", motion))
    own = torch.randn(20)
    curve = pose.around(own)
    assert curve.shape == (1, 40, 6)
    torch.testing.assert_close(curve[0, :, :3], motion.coefficients[:, :3])
    torch.testing.assert_close(curve[0, :, 3:].mean(dim=0), own[3:6])
    torch.testing.assert_close(curve[0, :, 3:].diff(dim=0), motion.coefficients[:, 3:6].diff(dim=0))


def test_a_motion_without_names_has_no_head() -> None:
    with pytest.raises(BadInput, match="no control 'yaw'"):
        HeadPose.of(Motion(coefficients=torch.randn(4, 20)))


def test_a_pose_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput, match="is not 1 to"):
        HeadPose(torch.zeros(0, 6))
    with pytest.raises(BadInput, match="not finite"):
        HeadPose(torch.full((2, 6), torch.nan))

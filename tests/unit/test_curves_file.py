"""Curves of options from a CSV file."""

from pathlib import Path

import pytest

from openfloat.cli.animate import with_curves
from openfloat.cli.curves import read_curves
from openfloat.errors import BadInput
from openfloat.options import Curve, MotionEdit, SampleOptions


def test_columns_become_curves_and_empty_fields_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "curves.csv"
    file.write_text("time,yaw,gaze-x\n0,-10,\n1.5,10,0.5\n\n2,0,-0.25\n")
    curves = [Curve.parse(text) for text in read_curves(file)]
    assert curves == [
        Curve("yaw", (0.0, 1.5, 2.0), (-10.0, 10.0, 0.0)),
        Curve("gaze_x", (1.5, 2.0), (0.5, -0.25)),
    ]
    asked = with_curves(SampleOptions(edit=MotionEdit(roll=3)), file).edit
    assert asked.at(0.75) == MotionEdit(roll=3, yaw=0, gaze_x=0.5)
    assert with_curves(SampleOptions(), None) == SampleOptions()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "first line"),
        ("yaw,time\n1,2\n", "first line"),
        ("time,nose\n0,1\n", "nose"),
        ("time,yaw\n0,x\n", "line 2: 'x' is not a number"),
        ("time,yaw\n0,nan\n", "not a number"),
        ("time,yaw\n0,90\n", "not between"),
        ("time,yaw\n1,0\n0,1\n", "do not rise"),
        ("time,yaw\n0,1,2\n", "line 2"),
        ("time,yaw\n0,\n", "no values"),
        ("time,yaw\n" + "0,1\n" * 20_002, "20000"),
    ],
)
def test_a_file_of_another_form_is_refused_in_one_sentence(
    text: str, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "curves.csv"
    file.write_text(text)
    with pytest.raises(BadInput, match=words):
        read_curves(file)
    with pytest.raises(BadInput, match="no such file"):
        read_curves(tmp_path / "other.csv")

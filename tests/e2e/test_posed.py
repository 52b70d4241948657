"""A head that is told what to do while it speaks, with the embedded model's weights."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from openfloat import FloatPipeline, SampleOptions
from openfloat.audio.io import load_audio
from openfloat.cli.main import run
from openfloat.errors import BadInput
from openfloat.motion.pose import HeadPose
from openfloat.reenactment.follow import read_pose

FRAMES = 100


@pytest.fixture(scope="module")
def pipeline() -> FloatPipeline:
    return FloatPipeline.from_pretrained("openfloat-256")


@pytest.fixture(scope="module")
def sound(speech: Path) -> np.ndarray:
    return load_audio(speech)[: FRAMES * 640]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A head that shakes, nods and tilts, each at a pace of its own."""
    times = np.arange(0, FRAMES, 5) / 25
    paces = ((9, 0.5), (6, 0.8), (5, 0.3))  # degrees and hertz
    waves = [most * np.sin(2 * np.pi * hertz * times) for most, hertz in paces]
    rows = [",".join(f"{number:.3f}" for number in row) for row in zip(times, *waves, strict=True)]
    path = tmp_path_factory.mktemp("pose") / "shake.csv"
    path.write_text("\n".join(["time,yaw,pitch,roll", *rows]))
    return path


def following(drawn: torch.Tensor, asked: torch.Tensor) -> list[float]:
    """Correlation of drawn with asked turns of the head (t, 6)."""
    pairs = zip(drawn.T[:3], asked.T[:3], strict=True)
    return [float(torch.corrcoef(torch.stack(pair))[0, 1]) for pair in pairs]


def test_a_drawn_head_follows_the_pose_that_it_is_told(
    pipeline: FloatPipeline, portrait: Path, sound: np.ndarray, table: Path
) -> None:
    ready, pose = pipeline.encode(portrait), HeadPose.read(table)
    asked = pose.around(ready.coefficients[0])[0]
    told, free = (
        torch.cat(list(pipeline.motion(ready, sound, SampleOptions(), given)))[: len(asked)]
        for given in (pose, None)
    )
    assert min(following(told, asked)) >= 0.9
    assert (told[:, :3] - asked[:, :3]).abs().mean() < 0.4
    assert max(following(free, asked)) < 0.7, "by itself it does something else"


def test_without_a_pose_or_with_scale_zero_nothing_is_told(
    pipeline: FloatPipeline, portrait: Path, sound: np.ndarray, table: Path
) -> None:
    ready = pipeline.encode(portrait)
    ignored = SampleOptions(pose_scale=0)
    free = torch.cat(list(pipeline.motion(ready, sound, ignored)))
    told = torch.cat(list(pipeline.motion(ready, sound, ignored, HeadPose.read(table))))
    assert torch.equal(free, told)


def test_a_stream_with_a_pose_is_the_whole_clip_with_it(
    pipeline: FloatPipeline, portrait: Path, sound: np.ndarray, table: Path
) -> None:
    ready, pose = pipeline.encode(portrait), HeadPose.read(table)
    whole = pipeline(ready, sound, pose=pose)
    pieces = [chunk.frames for chunk in pipeline.stream(ready, sound, pose=pose)]
    assert np.array_equal(whole.frames, np.concatenate(pieces))


def test_by_command_a_head_follows_a_table_and_another_the_video_that_was_made(
    pipeline: FloatPipeline, portrait: Path, speech: Path, table: Path, tmp_path: Path
) -> None:
    video = tmp_path / "shaking.mp4"
    assert run(["animate", str(portrait), str(speech), "-o", str(video), "--pose", str(table)]) == 0
    asked, seen = HeadPose.read(table).curve, read_pose(pipeline, video).curve
    length = min(len(asked), len(seen))
    yaw, pitch, roll = following(seen[:length], asked[:length])
    assert min(yaw, roll) > 0.85
    assert pitch > 0.6, "nods of the voice's own come on top, and the reader sees pitch least"


def test_a_table_that_is_none_leaves_no_video_behind(
    portrait: Path, speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, video = tmp_path / "pose.csv", tmp_path / "out.mp4"
    path.write_text("time,yaw\n0,0\n")
    command = ["animate", str(portrait), str(speech), "-o", str(video), "--pose", str(path)]
    assert run(command) == 2
    assert "does not name a column 'pitch'" in capsys.readouterr().err
    assert not video.exists()


def test_a_model_without_poses_says_so(pipeline: FloatPipeline, table: Path) -> None:
    config = replace(pipeline.config, motion=replace(pipeline.config.motion, pose_dim=0))
    other = FloatPipeline(pipeline.model, config, torch.device("cpu"))
    with pytest.raises(BadInput, match="openfloat-256 cannot be told a pose"):
        read_pose(other, table)

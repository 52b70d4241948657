"""A person's path: one photo and one voice become an mp4, by command and by code."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from openfloat import CropOptions, FloatPipeline, Portrait, SampleOptions
from openfloat.audio.frames import num_frames
from openfloat.audio.io import load_audio
from openfloat.cli.main import run
from openfloat.motion.pose import HeadPose
from openfloat.options import MotionEdit

OPENFLOAT = Path(sys.executable).parent / "openfloat"
SECOND = 16_000


@pytest.fixture(scope="module")
def pipeline() -> FloatPipeline:
    return FloatPipeline.from_pretrained("openfloat-256")


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    demo = Path(__file__).parents[2] / "src" / "openfloat" / "assets" / "demo"
    return load_audio(demo / "speech.wav")[: int(2.5 * SECOND)]


def test_a_photo_and_a_voice_become_a_video_in_sync(
    portrait: Path, speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "a talk, with 'quotes'.mp4"
    assert run(["animate", str(portrait), str(speech), "-o", str(output)]) == 0
    assert "frames/s" in capsys.readouterr().out
    expected = num_frames(len(load_audio(speech)))
    with av.open(str(output)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
        assert video.codec_context.pix_fmt == "yuv420p"
        assert (video.width, video.height, video.average_rate) == (256, 256, 25)
        assert abs(float(audio.duration * audio.time_base) - expected / 25) <= 0.04
        assert sum(1 for _ in container.decode(video=0)) == expected
    assert [file.name for file in tmp_path.iterdir()] == [output.name]


def test_the_stream_joined_is_the_whole(
    pipeline: FloatPipeline, portrait: Path, sound: np.ndarray
) -> None:
    whole = pipeline(portrait, sound)
    starts, pieces = zip(
        *[(c.start, c.frames) for c in pipeline.stream(portrait, sound)], strict=True
    )
    assert whole.frames.shape == (num_frames(len(sound)), 256, 256, 3)
    assert np.array_equal(whole.frames, np.concatenate(pieces))
    assert list(starts) == list(np.cumsum([0, *map(len, pieces[:-1])]))


def test_one_seed_gives_identical_frames_and_another_other_head_motion(
    pipeline: FloatPipeline, portrait: Path, sound: np.ndarray
) -> None:
    ready = pipeline.encode(portrait)
    first = pipeline(ready, sound, SampleOptions(seed=1))
    again = pipeline(ready, sound, SampleOptions(seed=1))
    other = pipeline(ready, sound, SampleOptions(seed=2))
    assert np.array_equal(first.frames, again.frames)
    pose = [pipeline.config.controls.index(name) for name in ("yaw", "pitch", "roll")]
    assert (first.motion - other.motion)[:, pose].abs().mean() > 0.05


DRAWN: dict[str, object] = {
    "seed": 16, "nfe": 6, "solver": "midpoint", "audio_scale": 1.0, "emotion": "happy",
    "emotion_scale": 3.0, "emotion_window": 1.0, "pose_scale": 1.0,
    "guidance_interval": (0.5, 1.0), "blink": "drawn", "steady": 0.0, "hush": 0.0,
    "edit": MotionEdit(yaw=5),
}  # fmt: skip
"""For every field of SampleOptions a value that is not its default."""
QUICK = SampleOptions(nfe=4)
TURNED = HeadPose(torch.tensor([[1.0, -1.0, 0.5, 0, 0, 0]]))


@pytest.fixture(scope="module")
def ready(pipeline: FloatPipeline, portrait: Path) -> Portrait:
    return pipeline.encode(portrait)


@pytest.fixture(scope="module")
def usual(
    pipeline: FloatPipeline, ready: Portrait, sound: np.ndarray
) -> tuple[torch.Tensor, torch.Tensor]:
    """Motion with the head as it likes, and with a pose."""
    free, posed = (
        torch.cat(list(pipeline.motion(ready, sound, QUICK, pose))) for pose in (None, TURNED)
    )
    return free, posed


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(SampleOptions)])
def test_every_option_of_the_draw_changes_the_motion(
    name: str,
    pipeline: FloatPipeline,
    ready: Portrait,
    usual: tuple[torch.Tensor, torch.Tensor],
    sound: np.ndarray,
) -> None:
    assert name in DRAWN, f"{name} is new: give a value of it that must change the motion"
    pose = TURNED if name == "pose_scale" else None
    changed = replace(QUICK, **{name: DRAWN[name]})  # type: ignore[arg-type]
    drawn = torch.cat(list(pipeline.motion(ready, sound, changed, pose)))
    assert (usual[pose is not None] - drawn).abs().max() > 1e-3


def pair(photo: Image.Image) -> Image.Image:
    """The photo beside itself in a mirror, both upright."""
    both = Image.new("RGB", (2 * photo.width, photo.height))
    both.paste(photo)
    both.paste(ImageOps.mirror(photo), (photo.width, 0))
    return both


FRAMED: dict[str, tuple[CropOptions, Callable[[Image.Image], Image.Image]]] = {
    "crop": (CropOptions(crop=False), lambda photo: photo),
    "margin": (CropOptions(margin=2.2), lambda photo: photo),
    "face": (CropOptions(face=0), pair),
    "fill": (CropOptions(fill="reflect", margin=4), lambda photo: photo),
    "upright": (CropOptions(upright=False), lambda photo: photo.rotate(25)),
}
"""For every field of CropOptions another value, and a photo that it matters to."""


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(CropOptions)])
def test_every_option_of_the_crop_changes_the_picture(
    name: str, pipeline: FloatPipeline, portrait: Path
) -> None:
    assert name in FRAMED, f"{name} is new: give a value of it that must change the picture"
    options, photo_of = FRAMED[name]
    with Image.open(portrait) as image:
        photo = np.asarray(photo_of(image.convert("RGB")))
    usual = replace(options, **{name: getattr(CropOptions(), name)})
    with_it = pipeline.encode(photo, options).crop.image.astype(int)
    assert np.abs(with_it - pipeline.encode(photo, usual).crop.image).mean() > 1


@pytest.mark.parametrize("samples", [1, 640, 641, 640 * 50, 640 * 50 + 1])
def test_any_length_from_one_frame_up_works(
    samples: int, pipeline: FloatPipeline, portrait: Path, sound: np.ndarray
) -> None:
    ready = pipeline.encode(portrait)
    motion = torch.cat(list(pipeline.motion(ready, sound[:samples], SampleOptions(nfe=2))))
    assert len(motion) == num_frames(samples)
    assert motion.isfinite().all()


def test_the_mouth_opens_for_speech_and_rests_in_silence(
    pipeline: FloatPipeline, portrait: Path, sound: np.ndarray
) -> None:
    ready = pipeline.encode(portrait)
    quiet = (np.random.default_rng(0).standard_normal(len(sound)) * 1e-4).astype(np.float32)
    jaw = pipeline.config.controls.index("jaw_open")
    speaking = torch.cat(list(pipeline.motion(ready, sound, SampleOptions())))[:, jaw]
    resting = torch.cat(list(pipeline.motion(ready, quiet, SampleOptions())))[:, jaw]
    assert speaking.std() > 2 * resting.std()
    assert speaking.quantile(0.9) > resting.quantile(0.9) + 0.3


def test_a_clip_in_memory_can_be_saved(
    pipeline: FloatPipeline, portrait: Path, sound: np.ndarray, tmp_path: Path
) -> None:
    clip = pipeline(portrait, sound[: SECOND // 2], SampleOptions(nfe=2))
    path = clip.save(tmp_path / "clip.mp4")
    with av.open(str(path)) as container:
        assert container.streams.audio
        assert sum(1 for _ in container.decode(video=0)) == len(clip.frames)


def test_ctrl_c_leaves_nothing_behind(portrait: Path, speech: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        [OPENFLOAT, "animate", portrait, speech, "-o", tmp_path / "x.mp4", "--nfe", "100"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=_hear_ctrl_c,
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while not any(tmp_path.iterdir()) and time.monotonic() < deadline:
                time.sleep(0.02)
            assert any(tmp_path.iterdir()), "the temporary file never appeared"
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert b"cancelled" in said
    assert not list(tmp_path.iterdir())


def _hear_ctrl_c() -> None:
    """A shell's background jobs are started deaf to Ctrl-C, and so are their children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)

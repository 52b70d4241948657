"""The pictures of docs/controls.md: a row of frames of the bundled portrait for each option.

    .venv/bin/python benchmarks/control_pictures.py [--folder docs/pictures] [--model NAME]

Writes one JPEG below 40 kB for each option; `ROWS` names them. Options of place are shown on one
spoken frame in five values; options of time as five moments of one clip; options of the crop as
what is cut out.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from numpy import ndarray
from PIL import Image, ImageOps

from openfloat import CropOptions, FloatPipeline, Portrait, SampleOptions
from openfloat.audio.io import load_audio
from openfloat.config import FPS
from openfloat.data.controls import INDEX, SCALES
from openfloat.motion.pose import HeadPose
from openfloat.options import MotionEdit
from openfloat.vision.keying import GREEN, in_front_of

DEMO = Path(__file__).parent.parent / "src" / "openfloat" / "assets" / "demo"
SECONDS = 3.0
QUIET = 30
"""Frames of silence after the sentence in the row `hush`, whose widest lips are shown."""
SIDE = 160
"""Pixels of one frame of a row."""
MOST_BYTES = 40_000
FIVE = 5


def edits(name: str, *values: object) -> tuple[SampleOptions, ...]:
    """Options that differ in one field of `MotionEdit`."""
    return tuple(
        SampleOptions(blink="off", edit=MotionEdit(**{name: v}))  # type: ignore[arg-type]
        for v in values
    )


def moods(*names: str) -> tuple[SampleOptions, ...]:
    """Options that differ in the emotion."""
    return tuple(SampleOptions(emotion=n, emotion_scale=2.0, blink="off") for n in names)


def draws(name: str, *values: object, **others: object) -> tuple[SampleOptions, ...]:
    """Options that differ in one field of `SampleOptions`."""
    return tuple(
        SampleOptions(blink="off", **{name: v}, **others)  # type: ignore[arg-type]
        for v in values
    )


BY_VALUE: dict[str, tuple[SampleOptions, ...]] = {
    "yaw": edits("yaw", -14, -7, 0, 7, 14),
    "pitch": edits("pitch", -10, -5, 0, 5, 10),
    "roll": edits("roll", -12, -6, 0, 6, 12),
    "smile": edits("smile", -1, -0.5, 0, 0.5, 1),
    "brows": edits("brows", -1, -0.5, 0, 0.5, 1),
    "gaze-x": edits("gaze_x", -1, -0.5, 0, 0.5, 1),
    "gaze-y": edits("gaze_y", -1, -0.5, 0, 0.5, 1),
    "mouth": edits("mouth", 0, 0.5, 1, 1.5, 2),
    "edit": edits("edit", ("7:-1",), (), ("7:+1",), ("7:+2",), ("7:+3",)),
    "emotion": moods("neutral", "happy", "angry", "surprise", "sad"),
    "emotion-scale": draws("emotion_scale", 0.0, 1.0, 2.0, 3.0, 4.0, emotion="happy"),
    "emotion-window": draws("emotion_window", 0.0, 1.0, 2.0, 4.0, 8.0, emotion_scale=3.0),
    "hush": draws("hush", 0.0, 0.25, 0.5, 0.75, 1.0),
    "pose-scale": draws("pose_scale", 0.0, 1.0, 2.0, 3.0, 4.0),
    "audio-scale": draws("audio_scale", 0.0, 1.0, 2.0, 4.0, 8.0),
    "seed": draws("seed", 1, 2, 3, 4, 5),
    "nfe": draws("nfe", 1, 2, 5, 10, 30),
    "solver": draws("solver", "euler", "midpoint", "heun", "rk4", "ab2", nfe=4),
    "guidance-interval": draws(
        "guidance_interval", (0.0, 1.0), (0.0, 0.5), (0.25, 0.75), (0.5, 1.0), (0.9, 1.0)
    ),
}
"""Rows of one moment in five values."""
WIDE_OPEN = ("mouth", "audio-scale", "seed", "nfe", "solver", "guidance-interval")
"""Rows whose moment is the one with the mouth open widest as drawn, not closed furthest."""
TURNED = HeadPose(torch.tensor([[14.0, 6.0, 0.0, 0, 0, 0]]) / torch.from_numpy(SCALES[:6]))
"""Of the row `pose-scale`."""
TABLE = ((0.0, -14.0), (1.0, 14.0), (2.0, 0.0), (3.0, -10.0))
"""Seconds and degrees of yaw of the row `pose`."""
OVER_TIME: dict[str, SampleOptions] = {
    "head": SampleOptions(edit=MotionEdit(head=2)),
    "pose": SampleOptions(blink="off"),
    "region": SampleOptions(edit=MotionEdit(region="lips")),
    "schedule": SampleOptions(emotion="0-1.5:neutral,1.5-:happy", emotion_scale=2.0, blink="off"),
    "blink": SampleOptions(blink="30"),
    "steady": SampleOptions(steady=0),
    "curve": SampleOptions(
        blink="off", edit=MotionEdit(head=0, curve=("yaw=0:-12,3:12", "smile=0:0,3:1"))
    ),
}
"""Rows of one clip at five moments."""
CROPS: dict[str, tuple[CropOptions, ...]] = {
    "crop": (CropOptions(), CropOptions(crop=False)),
    "margin": tuple(CropOptions(margin=margin) for margin in (1.2, 1.6, 2.0, 2.5, 3.0)),
    "fill": tuple(CropOptions(margin=3, fill=fill) for fill in ("edge", "reflect", "black")),
    "face": (CropOptions(face=0), CropOptions(face=1)),
}
"""Rows of what is cut out of the photo, of two faces in the last."""
PASTED, UPRIGHT, KEYED = "paste-back", "upright", "background"
ROWS = (*BY_VALUE, *OVER_TIME, *CROPS, PASTED, UPRIGHT, KEYED)
TILT = 24
"""Degrees by which the bundled photo is tilted to show how tilted heads are treated."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Where to write, and with which model."""

    folder: Path = Path(__file__).parent.parent / "docs" / "pictures"
    model: str = "openfloat-256"
    only: tuple[str, ...] = ROWS
    """Rows to write."""


@torch.inference_mode()
def motion_of(
    pipeline: FloatPipeline,
    face: Portrait,
    sound: ndarray,
    options: SampleOptions,
    pose: HeadPose | None = None,
) -> torch.Tensor:
    """(t, 20) motion of the bundled sentence."""
    return torch.cat(list(pipeline.motion(face, sound, options, pose)))


def by_value(pipeline: FloatPipeline, face: Portrait, sound: ndarray, name: str) -> ndarray:
    """(5, h, w, 3): one spoken frame under each option of a row."""
    if name == "hush":
        sound = np.pad(sound, (0, QUIET * 640))
    usual = motion_of(pipeline, face, sound, SampleOptions(blink="off", hush=0.0))
    jaw = usual[:, INDEX["jaw_open"]]
    moment = int(jaw.argmax() if name in WIDE_OPEN else jaw.argmin())
    if name == "hush":
        moment = len(jaw) - QUIET + QUIET // 3 + int(jaw[-QUIET + QUIET // 3 :].argmax())
    pose = TURNED if name == "pose-scale" else None
    frames = [motion_of(pipeline, face, sound, o, pose)[moment] for o in BY_VALUE[name]]
    return pipeline.decode(face, torch.stack(frames))


def table() -> HeadPose:
    """A head that turns to and fro, as a table of `--pose` would say it."""
    seconds, degrees = np.array(TABLE).T
    curve = np.zeros((int(SECONDS * FPS), 6), np.float32)
    curve[:, 0] = np.interp(np.arange(len(curve)) / FPS, seconds, degrees) / SCALES[0]
    return HeadPose(torch.from_numpy(curve))


def over_time(
    pipeline: FloatPipeline,
    face: Portrait,
    sound: ndarray,
    options: SampleOptions,
    pose: HeadPose | None = None,
) -> ndarray:
    """(5, h, w, 3): five moments; those around the first blink where blinks are asked for."""
    motion = motion_of(pipeline, face, sound, options, pose)
    moments = np.linspace(5, len(motion) - 5, FIVE).astype(int)
    if options.blink == "30":
        shut = int(motion[:, INDEX["blink"]].argmax())
        moments = np.clip(shut + np.arange(-4, 6, 2), 0, len(motion) - 1)
    return pipeline.decode(face, motion[torch.from_numpy(moments)])


def cut_out(pipeline: FloatPipeline, picture: ndarray, name: str) -> ndarray:
    """(n, h, w, 3): the crop under each option of a row."""
    if name == "face":
        picture = np.hstack([picture, np.asarray(ImageOps.mirror(Image.fromarray(picture)))])
    return np.stack([pipeline.encode(picture, options).crop.image for options in CROPS[name]])


def pasted(pipeline: FloatPipeline, face: Portrait, sound: ndarray) -> ndarray:
    """(5, h, w, 3): five moments of the whole photo."""
    paste = pipeline.paste_back(face)
    frames = over_time(pipeline, face, sound, SampleOptions())
    return np.stack([paste(frame) for frame in frames])


def keyed(pipeline: FloatPipeline, face: Portrait, sound: ndarray) -> ndarray:
    """(5, h, w, 3): five moments in front of green."""
    paste, still = pipeline.paste_back(face), pipeline.matte(face)
    frames = over_time(pipeline, face, sound, SampleOptions())
    return np.stack([in_front_of(GREEN, *paste.with_matte(frame, still)) for frame in frames])


def write_row(frames: ndarray, path: Path) -> int:
    """Frames (n, h, w, 3) beside each other as a JPEG, if it can be below 40 kB; its bytes."""
    height = round(SIDE * frames.shape[1] / frames.shape[2])
    row = Image.new("RGB", (len(frames) * SIDE, height))
    for number, frame in enumerate(frames):
        small = Image.fromarray(frame).resize((SIDE, height), Image.Resampling.LANCZOS)
        row.paste(small, (number * SIDE, 0))
    for quality in range(88, 20, -8):
        file = io.BytesIO()
        row.save(file, "JPEG", quality=quality, optimize=True)
        if file.tell() < MOST_BYTES:
            break
    path.write_bytes(file.getvalue())
    return file.tell()


def frames_of(name: str, pipeline: FloatPipeline, face: Portrait, sound: ndarray) -> ndarray:
    """(5, h, w, 3) the frames of one row."""
    if name == PASTED:
        return pasted(pipeline, face, sound)
    if name == KEYED:
        return keyed(pipeline, face, sound)
    if name == UPRIGHT:
        image = Image.fromarray(face.picture).rotate(
            -TILT, Image.Resampling.BICUBIC, center=face.crop.box.centre
        )
        return pasted(pipeline, pipeline.encode(np.asarray(image)), sound)
    if name in CROPS:
        return cut_out(pipeline, face.picture, name)
    if name in OVER_TIME:
        pose = table() if name == "pose" else None
        return over_time(pipeline, face, sound, OVER_TIME[name], pose)
    return by_value(pipeline, face, sound, name)


def main() -> None:
    """Write every row and print its size."""
    options = tyro.cli(Options)
    pipeline = FloatPipeline.from_pretrained(options.model)
    face = pipeline.encode(DEMO / "portrait.jpg")
    sound = load_audio(DEMO / "speech.wav")[: int(SECONDS * FPS) * 640]
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in options.only:
        path = options.folder / f"{name}.jpg"
        size = write_row(frames_of(name, pipeline, face, sound), path)
        print(f"{path}: {size / 1000:.1f} kB")


if __name__ == "__main__":
    main()

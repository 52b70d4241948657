"""A video as the metrics see it: frames, face points, sound, and what the motion reader reads."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from openfloat.audio.io import load_audio
from openfloat.config import FPS, SAMPLES_PER_FRAME
from openfloat.errors import BadInput
from openfloat.evaluation.tracking import face_crops, follow, read_coefficients
from openfloat.pipeline import FloatPipeline
from openfloat.vision.video_reader import probe, read_frames

LONGEST_FRAMES = 250
"""Ten seconds of a long video are enough."""
SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg")


class Watched(NamedTuple):
    """One video at 25 fps."""

    path: Path
    frames: NDArray[np.uint8]
    """(t, h, w, 3) RGB."""
    points: NDArray[np.float64]
    """(t, 478, 2) face points in pixels."""
    sound: NDArray[np.float32]
    """(s,) mono 16 kHz; empty where the video has none."""
    crops: NDArray[np.uint8]
    """(t, size, size, 3) in the one square about its face that the model sees."""
    coefficients: NDArray[np.float32]
    """(t, 20) what the embedded model's motion reader reads off the crops."""


def watch_video(
    pipeline: FloatPipeline, path: Path, size: tuple[int, int] | None = None
) -> Watched:
    """Read a video, follow its face and read its motion.

    Args:
        pipeline: whose motion reader reads.
        path: at 25 fps.
        size: height and width to bring its frames to; none: as they are.

    Raises:
        BadInput: another frame rate, or fewer than 16 frames.
        BadMedia: the file cannot be read.
        NoFaceFound: its first frame shows no face.
    """
    info = probe(path)
    if abs(info.fps - FPS) > 0.01:
        raise BadInput(f"{path} has {info.fps:g} frames per second, not {FPS}")
    frames = [frame for frame, _ in zip(read_frames(path), range(LONGEST_FRAMES), strict=False)]
    if len(frames) < 16:
        raise BadInput(f"{path} has {len(frames)} frames, fewer than 16")
    if size is not None and frames[0].shape[:2] != size:
        height, width = size
        pictures = (Image.fromarray(frame) for frame in frames)
        frames = [np.asarray(p.resize((width, height), Image.Resampling.LANCZOS)) for p in pictures]
    stacked = np.stack(frames)
    sound = np.zeros(0, np.float32)
    if info.audio_rate is not None:
        sound = np.asarray(load_audio(path)[: len(frames) * SAMPLES_PER_FRAME])
    crops = face_crops(frames, pipeline.config.autoencoder.size)
    return Watched(path, stacked, follow(stacked), sound, crops, read_coefficients(pipeline, crops))


def paired_files(folder: Path, reference: Path) -> Iterator[tuple[Path, Path]]:
    """Videos of two folders that have the same name but for the ending, in order of names.

    Raises:
        BadInput: a folder does not exist, or no name is in both.
    """
    made, real = (videos_by_name(place) for place in (folder, reference))
    if not made.keys() & real.keys():
        raise BadInput(f"no video of {folder} has the name of one of {reference}")
    for name in sorted(made.keys() & real.keys()):
        yield made[name], real[name]


def videos_by_name(folder: Path) -> dict[str, Path]:
    """The videos of a folder by their names without ending."""
    if not folder.is_dir():
        raise BadInput(f"{folder} is no folder of videos")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    return {path.stem: path for path in files}

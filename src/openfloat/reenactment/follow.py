"""The head pose that a portrait follows, from a file of any kind."""

from pathlib import Path

from openfloat.errors import BadInput
from openfloat.motion.file import SUFFIX
from openfloat.motion.pose import TABLE_SUFFIX, HeadPose
from openfloat.pipeline import FloatPipeline
from openfloat.reenactment.read import Progress, read_motion


def read_pose(
    pipeline: FloatPipeline, path: str | Path, progress: Progress | None = None
) -> HeadPose:
    """A table (.csv), a motion file (.safetensors), or the head in a video.

    Args:
        pipeline: the model that will follow it, and that reads the video.
        path: the file.
        progress: told how far the video is read.

    Raises:
        BadInput: the model cannot be told a pose, or a table or motion file cannot be used.
        BadMedia: a video cannot be read.
        NoFaceFound: it shows no face.
    """
    check_follows(pipeline)
    if Path(path).suffix.lower() in (TABLE_SUFFIX, SUFFIX):
        return HeadPose.read(path)
    return HeadPose.of(read_motion(pipeline, path, progress))


def check_follows(pipeline: FloatPipeline) -> None:
    """Raise BadInput unless the model can be told a pose."""
    config = pipeline.config
    if not config.motion.pose_dim or not config.controls:
        raise BadInput(f"{config.name} cannot be told a pose: it was trained without")

"""The file that a clip becomes: the crop, the whole photo, or the person before another ground."""

from pathlib import Path

from jaxtyping import Float32
from numpy import ndarray

from openfloat.config import FPS
from openfloat.vision.finish import Finish
from openfloat.vision.full_pictures import FullPictures, PastingWriter
from openfloat.vision.keying import CutOutWriter, KeyingWriter
from openfloat.vision.video_writer import VideoWriter


def open_output(
    path: str | Path,
    size: int,
    sound: str | Path,
    finish: Finish | None,
    *,
    paste: FullPictures | None,
    matte: Float32[ndarray, "h w"] | None,
    transparent: bool,
) -> VideoWriter | CutOutWriter:
    """What takes a clip's decoded frames (t, size, size, 3), RGB bytes, and writes the file.

    Args:
        path: an mp4 file; a new folder of PNG frames where it is transparent.
        size: of the frames, pixels.
        sound: what goes into the mp4.
        finish: what marks it.
        paste: makes whole photos of frames; none: the crop is shown.
        matte: where whole photos show the person; none: they keep their background.
        transparent: the background is left out, not green.

    Raises:
        BadInput: a name that does not fit what is written.
    """
    if paste is None:
        return VideoWriter(path, size, size, FPS, sound, finish=finish)
    if matte is None:
        return PastingWriter(path, paste, FPS, sound, finish)
    if transparent:
        return CutOutWriter(path, paste, FPS, matte, finish)
    return KeyingWriter(path, paste, FPS, sound, matte, finish)

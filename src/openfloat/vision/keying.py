"""Videos for editing programs: the person in front of green, or of nothing."""

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from PIL import Image

from openfloat.errors import BadInput, BadMedia
from openfloat.vision.face import RgbImage
from openfloat.vision.finish import Finish
from openfloat.vision.full_pictures import FullPictures, Matte, PastingWriter
from openfloat.vision.video_writer import RgbFrames, VideoWriter

GREEN = (0, 177, 64)
"""The colour that editing programs know as chroma key green."""


def in_front_of(colour: tuple[int, int, int], picture: RgbImage, matte: Matte) -> RgbImage:
    """A picture (h, w, 3) whose background, where the matte (h, w) is 0, has one colour."""
    share = matte[..., None]
    mixed = share * picture + (1 - share) * np.array(colour, np.float32) + np.float32(0.5)
    return mixed.astype(np.uint8)


class KeyingWriter(PastingWriter):
    """As `PastingWriter`, with the background of the photo in one colour.

    Args:
        path: as the writer's.
        paste: what makes full pictures of crops.
        fps: as the writer's.
        audio: as the writer's.
        matte: (h, w) of the photo, 1 where it shows the person.
        finish: as the writer's.
        colour: of the background, RGB bytes.
    """

    def __init__(
        self,
        path: Path | str,
        paste: FullPictures,
        fps: int,
        audio: Path | str | None,
        matte: Matte,
        finish: Finish | None = None,
        colour: tuple[int, int, int] = GREEN,
    ) -> None:
        super().__init__(path, paste, fps, audio, finish)
        self._matte, self._colour = matte, colour

    def write(self, frames: RgbFrames) -> None:
        """Add decoded crops (t, s, s, 3)."""
        for frame in frames:
            mixed = in_front_of(self._colour, *self._paste.with_matte(frame, self._matte))
            VideoWriter.write(self, mixed[None])


class CutOutWriter:
    """Takes decoded crops and writes PNG frames with an alpha channel into a new folder.

    They are 000000.png, 000001.png ...; the folder appears when the block ends well, otherwise
    nothing is left behind. PNG frames have no sound.

    Args:
        folder: a new or empty one, in a folder that exists.
        paste: what makes full pictures of crops.
        fps: frames a second, for what changes the frames last.
        matte: (h, w) of the photo, 1 where it shows the person.
        finish: changes the colours last; none: they are written as they are.

    Raises:
        BadInput: the name has a suffix.
        BadMedia: the folder exists and is not empty, or cannot be made.
    """

    def __init__(
        self,
        folder: Path | str,
        paste: FullPictures,
        fps: int,
        matte: Matte,
        finish: Finish | None = None,
    ) -> None:
        self._folder = Path(folder)
        if self._folder.suffix:
            raise BadInput(
                f"{folder}: transparent frames are PNG files in a folder; give a name without "
                f"{self._folder.suffix}"
            )
        self._paste, self._fps, self._matte, self._finish = paste, fps, matte, finish
        self._partial: Path | None = None
        self._count = 0

    def __enter__(self) -> Self:
        folder = self._folder
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise BadMedia(f"{folder} exists already and is not an empty folder")
        if not folder.parent.is_dir():
            raise BadMedia(f"{folder.parent}: there is no such folder to write {folder.name} to")
        try:
            self._partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        except OSError as error:
            raise BadMedia(f"{folder} cannot be written: {error.strerror}") from error
        return self

    def write(self, frames: RgbFrames) -> None:
        """Add decoded crops (t, s, s, 3)."""
        assert self._partial is not None
        for frame in frames:
            picture, matte = self._paste.with_matte(frame, self._matte)
            if self._finish is not None:
                picture = self._finish.frame(picture, self._count / self._fps)
            alpha = np.rint(255 * matte).astype(np.uint8)
            image = Image.fromarray(np.dstack([picture, alpha]))
            image.save(self._partial / f"{self._count:06d}.png", compress_level=1)
            self._count += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._partial is not None
        if kind is None:
            self._partial.chmod(0o755)
            self._partial.replace(self._folder)
        else:
            shutil.rmtree(self._partial, ignore_errors=True)

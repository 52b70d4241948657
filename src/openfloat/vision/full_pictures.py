"""Full pictures of decoded crops: as they are, or tilted where the head was turned upright."""

from pathlib import Path
from typing import Protocol

import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray
from PIL import Image

from openfloat.vision.face import Face, PortraitCrop, RgbImage
from openfloat.vision.finish import Finish
from openfloat.vision.geometry import Box, Square, apply, crop_matrix
from openfloat.vision.paste import PasteBack, within_limits
from openfloat.vision.tilted import surroundings, upright_square
from openfloat.vision.video_writer import RgbFrames, VideoWriter

Crop = UInt8[ndarray, "s s 3"]
Matte = Float32[ndarray, "h w"]


class FullPictures(Protocol):
    """Makes full pictures of decoded crops."""

    width: int
    height: int

    def __call__(self, frame: Crop) -> RgbImage:
        """The full picture (height, width, 3) of one decoded crop."""

    def with_matte(self, frame: Crop, matte: Matte) -> tuple[RgbImage, Matte]:
        """The full picture, and a matte of the photo (height, width) that moves with it."""


def full_pictures(picture: RgbImage, crop: PortraitCrop, rest: Crop) -> FullPictures:
    """What puts decoded crops of a portrait back into its photo, tilted if the head was.

    Args:
        picture: RGB bytes, the photo.
        crop: what was cut out of it.
        rest: the crop decoded with the portrait's own motion.
    """
    if crop.roll_degrees:
        return TiltedPaste(picture, crop, rest)
    return PasteBack(picture, crop, rest)


class TiltedPaste:
    """As `PasteBack`, for a crop that was turned upright: works upright and turns the change back.

    Where nothing moves the photo's own pixels stay; only the difference is turned, so that the
    photo loses no sharpness.
    """

    def __init__(self, picture: RgbImage, crop: PortraitCrop, rest: Crop) -> None:
        """As `PasteBack`'s."""
        self._photo, box = within_limits(picture, crop.box)
        self.height, self.width = self._photo.shape[:2]
        side = 2 * (int(box.width) // 2)
        self._box = Box(box.left, box.top, box.left + side, box.top + side)
        self._roll = crop.roll_degrees
        self._upright = upright_square(self._photo, self._box, self._roll, "edge")
        scale = side / crop.box.width
        face = crop.face and Face(_upright_points(crop) * scale, crop.face.score)
        inside = PortraitCrop(crop.image, Box(0, 0, side, side), crop.num_faces, face)
        self._paste = PasteBack(self._upright, inside, rest)

    def __call__(self, frame: Crop) -> RgbImage:
        """The full picture (height, width, 3) of one decoded crop."""
        change = self._paste(frame).astype(np.float32) - self._upright
        around = surroundings(self._box)
        turned = _tilted(change, self._roll, int(around.width))
        rows = slice(max(int(around.top), 0), min(int(around.bottom), self.height))
        columns = slice(max(int(around.left), 0), min(int(around.right), self.width))
        part = turned[
            rows.start - int(around.top) : rows.stop - int(around.top),
            columns.start - int(around.left) : columns.stop - int(around.left),
        ]
        full = self._photo.copy()
        full[rows, columns] = (full[rows, columns] + part + 0.5).clip(0, 255).astype(np.uint8)
        return full

    def with_matte(self, frame: Crop, matte: Matte) -> tuple[RgbImage, Matte]:
        """As `PasteBack.with_matte`; the matte of a tilted head stays where it is."""
        return self(frame), matte


def _upright_points(crop: PortraitCrop) -> Float32[ndarray, "478 2"]:
    """Points of the face in pixels of the upright square."""
    assert crop.face is not None
    box = crop.box
    square = Square(*box.centre, box.width, crop.roll_degrees)
    return np.asarray(apply(crop_matrix(square, int(box.width)), crop.face.points))


def _tilted(change: Float32[ndarray, "s s 3"], roll: float, side: int) -> ndarray:
    """A change of the upright square as the head was tilted, in a larger square about it."""
    border = (side - len(change)) // 2
    planes = []
    for channel in range(3):
        plane = np.pad(change[..., channel], border)
        image = Image.fromarray(plane).rotate(-roll, Image.Resampling.BICUBIC)
        planes.append(np.asarray(image))
    return np.stack(planes, axis=-1)


class PastingWriter(VideoWriter):
    """A `VideoWriter` that takes decoded crops and writes full pictures, one at a time.

    Args:
        path: as the writer's.
        paste: what makes full pictures of crops.
        fps: as the writer's.
        audio: as the writer's.
        finish: as the writer's; it sees full pictures.
    """

    def __init__(
        self,
        path: Path | str,
        paste: FullPictures,
        fps: int,
        audio: Path | str | None,
        finish: Finish | None = None,
    ) -> None:
        super().__init__(path, paste.width, paste.height, fps, audio, finish=finish)
        self._paste = paste

    def write(self, frames: RgbFrames) -> None:
        """Add decoded crops (t, s, s, 3)."""
        for frame in frames:
            super().write(self._paste(frame)[None])

"""What goes into a pipeline once and what comes out of it: portraits, chunks and clips."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from openfloat.audio.given import SoundLike, as_file
from openfloat.config import FPS
from openfloat.marking.marker import marker
from openfloat.marking.provenance import Origin
from openfloat.models.autoencoder import Appearance
from openfloat.models.fast import FastDecoder
from openfloat.options import MarkOptions
from openfloat.vision.face import PortraitCrop
from openfloat.vision.video_writer import VideoWriter


@dataclass(frozen=True, eq=False)
class Portrait:
    """A portrait made ready once, to be spoken through many times.

    Attributes:
        picture: (h, w, 3) RGB bytes, the photo.
        crop: the square picture that the networks see, and where it was cut from.
        appearance: identity latent (1, d) and source feature maps.
        coefficients: (1, m) the portrait's own position along the motion directions.
        decoder: its fast one on processors; none elsewhere, where the model's own decodes.
    """

    picture: NDArray[np.uint8]
    crop: PortraitCrop
    appearance: Appearance
    coefficients: Tensor
    decoder: FastDecoder | None = None


@dataclass(frozen=True, eq=False)
class Chunk:
    """Frames as they are made.

    Attributes:
        start: index of the first frame in the clip; its time is start / 25 seconds.
        frames: (t, h, w, 3) RGB bytes.
        motion: (t, f) the motion tokens that were drawn.
    """

    start: int
    frames: NDArray[np.uint8]
    motion: Tensor


@dataclass(frozen=True, eq=False)
class Clip:
    """A finished clip in memory.

    Attributes:
        frames: (t, h, w, 3) RGB bytes.
        motion: (t, f) the motion tokens that were drawn.
        sound: the file or the 16 kHz samples that it speaks.
        fps: frames per second.
        origin: what made it; frames carry no mark before they are saved.
    """

    frames: NDArray[np.uint8]
    motion: Tensor
    sound: SoundLike
    fps: int = FPS
    origin: Origin = Origin()

    def save(self, path: str | Path, marks: MarkOptions = MarkOptions()) -> Path:
        """Write H.264 and AAC to an mp4 file, marked as generated.

        Args:
            path: the mp4 file; replaced if it exists.
            marks: how it says that it is generated.

        Raises:
            BadMedia: it cannot be written.
        """
        height, width = self.frames.shape[1:3]
        finish = marker(marks, self.origin)
        with (
            as_file(self.sound) as wav,
            VideoWriter(path, width, height, self.fps, wav, finish=finish) as file,
        ):
            file.write(self.frames)
        return Path(path)

"""Frames of real video clips, cut around the face and kept ready for training."""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import torch
from numpy.typing import NDArray

from openfloat.errors import BadInput, BadMedia

FINISHED = "finished.json"
REGION_SIZE = 64


class RealFrames:
    """A folder of memory-mapped frames of real clips.

    Attributes:
        images: (n, size, size, 3) bytes.
        region: (n, 64, 64) bytes, 1 inside mouth and eyes.
        clip: (n,) which clip a frame is of, ascending.
        person: (n,) whose clip.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        region: NDArray[np.uint8],
        clip: NDArray[np.int32],
        person: NDArray[np.int32],
    ) -> None:
        self.images, self.region, self.clip, self.person = images, region, clip, person
        # Persons weigh by the square root of their frames: rare faces are seen more often.
        counts = np.bincount(person)
        share = (np.sqrt(counts) / np.sqrt(counts).sum()) / np.maximum(counts, 1)
        self._frame_weights = torch.from_numpy(share[person])
        self._first = np.searchsorted(clip, np.arange(clip.max() + 2))

    @classmethod
    def open(cls, folder: Path) -> "RealFrames":
        """Map the arrays of a finished folder.

        Raises:
            BadInput: the folder was never finished.
        """
        if not (folder / FINISHED).exists():
            raise BadInput(f"{folder} holds no finished frames; prepare them again")
        return cls(
            np.load(folder / "images.npy", mmap_mode="r"),
            np.load(folder / "region.npy", mmap_mode="r"),
            np.load(folder / "clip.npy"),
            np.load(folder / "person.npy"),
        )

    def draw_pair(self, generator: torch.Generator) -> tuple[int, int]:
        """Rows of two frames of one clip."""
        first = int(torch.multinomial(self._frame_weights, 1, generator=generator))
        start, end = self._first[self.clip[first]], self._first[self.clip[first] + 1]
        second = int(torch.randint(int(start), int(end), (), generator=generator))
        return first, second

"""Lower halves of faces with their voices, for the network that judges whether these agree."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from openfloat.audio.frames import num_samples
from openfloat.codec import write_json
from openfloat.config import FPS
from openfloat.data.manifest import Split, read_manifest
from openfloat.data.prepare.reader import is_prepared, read_clip, read_pictures
from openfloat.errors import BadInput
from openfloat.models.sync import MOUTH_HEIGHT, MOUTH_WIDTH, Mouths
from openfloat.shapes import Int, Tensor, Waveform

NOSE_TIP = 1
WIDER = 1.1
"""Width of the cut as a multiple of the face's."""
APART = 5
"""Frames that a voice of the same clip is shifted by at least to count as a wrong one."""
TOGETHER = 4
"""Windows of one clip in a batch: each is a shifted voice to the lips of the others."""


class SyncBatch(NamedTuple):
    """Frames in a row and their voices; any other row's voice is a wrong one."""

    mouths: Mouths
    waveform: Waveform
    clip: Int[Tensor, " b"]
    """Number of the clip."""
    start: Int[Tensor, " b"]
    """Its frame where the row begins."""


class MouthClip(NamedTuple):
    """One clip."""

    mouths: NDArray[np.uint8]
    """(t, 48, 96, 3) RGB."""
    waveform: NDArray[np.float32]
    """(640 t,)"""


class MouthSampler:
    """Draws lips with their voices, a few windows of each clip; chance comes from the generator.

    Args:
        clips: of at least two seconds each.

    Raises:
        BadInput: there are fewer than two.
    """

    def __init__(self, clips: list[MouthClip]) -> None:
        self.clips = [clip for clip in clips if len(clip.mouths) >= 2 * FPS]
        if len(self.clips) < 2:
            raise BadInput("lips and voice need two prepared clips of two seconds with sound")
        self._ends = torch.from_numpy(np.cumsum([len(clip.mouths) for clip in self.clips]))

    def draw(self, batch: int, frames: int, generator: torch.Generator) -> SyncBatch:
        """Windows of so many frames in a row; longer clips are drawn more often."""
        places: list[tuple[int, int]] = []
        while len(places) < batch:
            place = torch.randint(int(self._ends[-1]), (), generator=generator)
            number = int(torch.searchsorted(self._ends, place, right=True))
            starts = self._starts(number, frames, generator)
            places += [(number, start) for start in starts[: batch - len(places)]]
        mouths = np.stack([self.clips[n].mouths[k : k + frames] for n, k in places])
        voices = [
            self.clips[n].waveform[num_samples(k) : num_samples(k + frames)] for n, k in places
        ]
        return SyncBatch(
            torch.from_numpy(mouths).permute(0, 1, 4, 2, 3).float() / 127.5 - 1,
            torch.from_numpy(np.stack(voices)),
            torch.tensor([number for number, _ in places]),
            torch.tensor([start for _, start in places]),
        )

    def _starts(self, number: int, frames: int, generator: torch.Generator) -> list[int]:
        """Frames of a clip at least `APART` from each other, in any order."""
        last = len(self.clips[number].mouths) - frames
        first = int(torch.randint(APART, (), generator=generator))
        grid = torch.arange(first, last + 1, APART)
        return grid[torch.randperm(len(grid), generator=generator)[:TOGETHER]].tolist()


def open_mouths(data_dir: Path, folder: Path, *, split: Split) -> MouthSampler:
    """The sampler over prepared clips with sound; what it needs of them is cut once and kept.

    Args:
        data_dir: a folder that `data prepare` made; not needed where the cache is filled.
        folder: of the cache.
        split: whose clips.

    Raises:
        BadInput: there is neither.
    """
    done = folder / f"{split}.json"
    if not done.is_file():
        if not is_prepared(data_dir):
            raise BadInput(f"{data_dir} holds no prepared clips; make some: openfloat data prepare")
        shutil.rmtree(folder / split, ignore_errors=True)
        (folder / split).mkdir(parents=True)
        count = 0
        for count, clip in enumerate(_cut_clips(data_dir, split), start=1):
            np.save(folder / split / f"{count:06d}.mouths.npy", clip.mouths)
            np.save(folder / split / f"{count:06d}.voice.npy", clip.waveform)
        write_json({"clips": count}, done)
    clips = [
        MouthClip(
            np.load(path, mmap_mode="r"),
            np.load(path.with_name(path.name.replace("mouths", "voice")), mmap_mode="r"),
        )
        for path in sorted((folder / split).glob("*.mouths.npy"))
    ]
    return MouthSampler(clips)


def _cut_clips(data_dir: Path, split: Split) -> Iterator[MouthClip]:
    for row in read_manifest(data_dir).clips:
        if row.split != split:
            continue
        clip = read_clip(data_dir / row.file)
        if clip.waveform is not None:
            pictures = np.stack(list(read_pictures(data_dir / row.file)))
            yield MouthClip(cut_mouths(pictures, clip.landmarks), clip.waveform)


def cut_mouths(pictures: NDArray[np.uint8], landmarks: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The lower half of a face, at the same place in all frames, (t, 48, 96, 3).

    Args:
        pictures: (t, s, s, 3).
        landmarks: (t, 478, 2) as shares of the picture.
    """
    places = np.median(landmarks, axis=0) * pictures.shape[1]
    left, right = places[:, 0].min(), places[:, 0].max()
    width = WIDER * (right - left)
    x, y = (left + right) / 2 - width / 2, places[NOSE_TIP, 1]
    box = (float(x), float(y), float(x + width), float(y + width * MOUTH_HEIGHT / MOUTH_WIDTH))
    size = (MOUTH_WIDTH, MOUTH_HEIGHT)
    return np.stack(
        [
            np.asarray(
                Image.fromarray(picture).transform(
                    size, Image.Transform.EXTENT, box, Image.Resampling.BILINEAR
                )
            )
            for picture in pictures
        ]
    )

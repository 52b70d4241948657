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
from openfloat.shapes import Bool, Tensor, Waveform

NOSE_TIP = 1
WIDER = 1.1
"""Width of the cut as a multiple of the face's."""
APART = 5
"""Frames that a voice of the same clip is shifted by at least to count as another one."""
OTHER_CLIP = 0.3
"""Share of the pairs that do not agree whose voice is of another clip."""


class SyncBatch(NamedTuple):
    """Frames in a row and a voice."""

    mouths: Mouths
    waveform: Waveform
    agrees: Bool[Tensor, " b"]
    """Whether the voice is the one of these frames."""


class MouthClip(NamedTuple):
    """One clip."""

    mouths: NDArray[np.uint8]
    """(t, 48, 96, 3) RGB."""
    waveform: NDArray[np.float32]
    """(640 t,)"""


class MouthSampler:
    """Draws pairs of lips and voice, half of which agree; chance comes from the generator alone.

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
        """Pairs of so many frames in a row."""
        mouths, voices, agrees = [], [], []
        for _ in range(batch):
            place = torch.randint(int(self._ends[-1]), (), generator=generator)
            number = int(torch.searchsorted(self._ends, place, right=True))
            clip = self.clips[number]
            start = _below(len(clip.mouths) - frames + 1, generator)
            mouths.append(clip.mouths[start : start + frames])
            same = bool(torch.rand((), generator=generator) < 0.5)
            voice, at = (clip, start) if same else self._other(number, start, frames, generator)
            voices.append(voice.waveform[num_samples(at) : num_samples(at + frames)])
            agrees.append(same)
        pictures = torch.from_numpy(np.stack(mouths)).permute(0, 1, 4, 2, 3).float() / 127.5 - 1
        return SyncBatch(pictures, torch.from_numpy(np.stack(voices)), torch.tensor(agrees))

    def _other(
        self, number: int, start: int, frames: int, generator: torch.Generator
    ) -> tuple[MouthClip, int]:
        """Another clip's voice, or the same clip's from another time."""
        clip = self.clips[number]
        places = [k for k in range(len(clip.mouths) - frames + 1) if abs(k - start) >= APART]
        if not places or torch.rand((), generator=generator) < OTHER_CLIP:
            shift = 1 + _below(len(self.clips) - 1, generator)
            other = self.clips[(number + shift) % len(self.clips)]
            return other, _below(len(other.mouths) - frames + 1, generator)
        return clip, places[_below(len(places), generator)]


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


def _below(count: int, generator: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=generator))

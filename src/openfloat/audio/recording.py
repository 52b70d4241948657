"""A voice of any length, read piece by piece as often as it is needed, never held whole."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from openfloat.audio.frames import num_frames, num_samples
from openfloat.audio.given import SoundLike
from openfloat.audio.io import READ_BLOCK, Samples, silent, stream_audio
from openfloat.audio.normalise import Levels, measure
from openfloat.errors import BadInput, BadMedia
from openfloat.shapes import Waveform


class Stretch(NamedTuple):
    """Some frames of a recording with what was said before and after."""

    samples: Waveform
    """(1, s) context included."""
    num_frames: int
    """Frames that the samples cover, the last perhaps in part."""
    inner: slice
    """Which of these frames are the stretch itself."""


@dataclass(frozen=True, eq=False)
class Recording:
    """A voice whose length and levels are known; `open` makes one.

    Attributes:
        source: a file, read anew for every pass, or samples (s,).
        num_samples: at 16 kHz.
        levels: of the whole recording.
    """

    source: Path | Samples
    num_samples: int
    levels: Levels

    @classmethod
    def open(cls, sound: "SoundLike | Recording") -> "Recording":
        """Read a sound once from start to end to learn its length and levels.

        Args:
            sound: a sound or video file, mono samples (s,) at 16 kHz, or a recording.

        Raises:
            BadInput: samples of more than one dimension, or none.
            BadMedia: a file that cannot be used, or that is silent from start to end.
        """
        if isinstance(sound, Recording):
            return sound
        source = sound if isinstance(sound, np.ndarray) else Path(sound)
        if isinstance(source, np.ndarray) and (source.ndim != 1 or not len(source)):
            raise BadInput(f"samples of shape {source.shape} are not one channel of sound")
        count = 0

        def counted() -> Iterator[Waveform]:
            nonlocal count
            for piece in _pieces(source):
                count += len(piece)
                yield torch.from_numpy(piece)[None]

        levels = measure(counted())
        if isinstance(source, Path) and not levels.frames.any():
            raise silent(source)
        return cls(source, count, levels)

    @property
    def num_frames(self) -> int:
        """Video frames that cover the recording, the last perhaps in part."""
        return num_frames(self.num_samples)

    def head(self, most_samples: int) -> Waveform:
        """(1, s) the recording's beginning, all of it if it is shorter."""
        pieces, held = [], 0
        for piece in _pieces(self.source):
            pieces.append(piece[: most_samples - held])
            held += len(pieces[-1])
            if held == most_samples:
                break
        return torch.from_numpy(np.concatenate(pieces))[None]

    def stretches(self, frames: int, margin: int) -> Iterator[Stretch]:
        """The recording in order, `frames` at a time; the last stretch may be shorter.

        Args:
            frames: of a stretch.
            margin: frames of context on either side, where the recording has them.

        Raises:
            BadMedia: the file is shorter than it was when it was opened.
        """
        pieces = _pieces(self.source)
        held, begin = np.empty(0, np.float32), 0
        for start in range(0, self.num_frames, frames):
            stop = min(start + frames, self.num_frames)
            first, end = max(0, start - margin), min(stop + margin, self.num_frames)
            held, begin = held[num_samples(first) - begin :], num_samples(first)
            wanted = min(num_samples(end), self.num_samples) - begin
            while len(held) < wanted:
                piece = next(pieces, None)
                if piece is None:
                    raise BadMedia(f"{self.source}: the file has changed while it was read")
                held = np.concatenate([held, piece])
            samples = torch.from_numpy(held[:wanted])[None]
            yield Stretch(samples, end - first, slice(start - first, stop - first))


def _pieces(source: Path | Samples) -> Iterator[Samples]:
    """The samples in order, ten seconds at a time."""
    if isinstance(source, Path):
        yield from stream_audio(source, READ_BLOCK)
        return
    samples = source.astype(np.float32, copy=False)
    for start in range(0, len(samples), READ_BLOCK):
        yield samples[start : start + READ_BLOCK]

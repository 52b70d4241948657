"""Sound as it comes in: kept for as long as it is needed, measured, turned into speech features."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from openfloat.audio.frames import num_frames, num_samples
from openfloat.audio.io import Samples
from openfloat.audio.normalise import SPEECH_LEVEL, Levels, measure
from openfloat.config import FPS
from openfloat.editing.hush import REACH, quiet_share
from openfloat.models.speech import SpeechEncoder
from openfloat.shapes import Speech, Waveform

EXPECTED_FRAMES = 10
"""Frames of a voice at the usual level that count as heard before the first sound."""
REMEMBERED_FRAMES = 60 * FPS
"""Frames whose level decides how loud the voice is."""
KEPT_FRAMES = 8 * FPS
"""Frames of sound kept at least, for whoever judges the voice."""


@dataclass(eq=False, kw_only=True, slots=True)
class Heard:
    """All that is remembered of the sound so far."""

    samples: Samples
    """(s,) from frame `first` on."""
    first: int
    measured: int
    """Frames from the beginning whose level is known."""
    frames: NDArray[np.float32]
    """(n,) levels of the last minute, root mean square."""
    moments: NDArray[np.float64]
    """(3,) count, sum and sum of squares of all measured samples."""

    @classmethod
    def nothing(cls) -> "Heard":
        """Before the first sound: a voice of the usual level is expected."""
        count = float(num_samples(EXPECTED_FRAMES))
        return cls(
            samples=np.empty(0, np.float32),
            first=0,
            measured=0,
            frames=np.full(EXPECTED_FRAMES, SPEECH_LEVEL, np.float32),
            moments=np.array([count, 0.0, count * SPEECH_LEVEL**2]),
        )

    @property
    def num_samples(self) -> int:
        """Samples from the beginning."""
        return num_samples(self.first) + len(self.samples)

    def add(self, samples: Samples) -> None:
        """Hear more."""
        self.samples = np.concatenate([self.samples, samples])

    def cut(self, first: int, stop: int) -> Waveform:
        """(1, s) the sound of frames first ... stop - 1, as far as it was heard and kept."""
        begin, end = (num_samples(frame - self.first) for frame in (first, stop))
        return torch.from_numpy(self.samples[begin:end])[None]

    def forget(self, before: int) -> None:
        """Drop the sound of frames that nobody needs any more."""
        if before > self.first:
            self.samples = self.samples[num_samples(before - self.first) :].copy()
            self.first = before

    def unhear(self, after: int) -> None:
        """Drop the sound from frame `after` on, as if it had never come."""
        self.samples = self.samples[: num_samples(max(0, after - self.first))].copy()

    def levels(self, stop: int) -> Levels:
        """Levels of all sound before frame `stop`: the same whatever else was heard by then."""
        if stop > self.measured and (piece := self.cut(self.measured, stop)).numel():
            exact = piece.double()
            sums = (exact.numel(), float(exact.sum()), float(exact.square().sum()))
            self.moments = self.moments + np.array(sums)
            new = measure([piece]).frames[0].numpy()
            self.frames = np.concatenate([self.frames, new])[-REMEMBERED_FRAMES:]
            self.measured = stop
        count, total, squares = self.moments
        mean = total / count
        variance = max(0.0, squares / count - mean**2)
        frames = torch.from_numpy(self.frames)[None]
        return Levels(frames.new_tensor([[mean]]), frames.new_tensor([[variance]]), frames)


class Ear:
    """Speech features of frames, as soon as enough is heard.

    What it gives depends on the sound up to the frames that it looks ahead, never on how the sound
    came in pieces.
    """

    def __init__(self, encoder: SpeechEncoder, heard: Heard, levels: Levels | None = None) -> None:
        """Listen with an encoder.

        Args:
            encoder: of the model.
            heard: the sound so far; it is written to.
            levels: of the whole recording, where they are known; else those of what was heard.
        """
        self._encoder, self.heard, self._levels = encoder, heard, levels

    def speech(
        self, start: int, *, fresh: int, look_ahead: int, ended: bool, device: torch.device
    ) -> Speech | None:
        """Features (1, t, a) from frame `start` on; none while too little is heard.

        There are `fresh` frames, more where what lies ahead is known well enough, and fewer, at
        least one, at the end.
        """
        known = num_frames(self.heard.num_samples)
        stop = start + fresh + look_ahead
        if not ended and self.heard.num_samples < num_samples(stop):
            return None
        stop = min(stop, known)
        if start >= stop:
            return None
        margin = self._encoder.margin_frames
        first = max(0, start - margin)
        levels = self._levels or self.heard.levels(stop)
        heard = self._encoder.normaliser(levels)(self.heard.cut(first, stop)).to(device)
        features = self._encoder.features(heard, stop - first)[:, start - first :]
        self.heard.forget(start + fresh - max(margin, KEPT_FRAMES))
        if ended and stop == known:
            return features
        return features[:, : max(fresh, stop - start - margin)]

    def quiet(self, start: int, *, fresh: int, look_ahead: int) -> Float[Tensor, " t"]:
        """How quiet it is about each of the `fresh` frames, as `editing.hush` has it.

        Known from the sound up to the frames that it looks ahead, as `speech` is.
        """
        stop = min(start + fresh + look_ahead, num_frames(self.heard.num_samples))
        first = max(self.heard.first, start - REACH)
        levels = self._levels or self.heard.levels(stop)
        near = measure([self.heard.cut(first, stop)]).frames[0]
        return quiet_share(levels, near)[start - first :][:fresh]

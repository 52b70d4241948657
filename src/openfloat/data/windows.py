"""Windows of voice and motion for phase 2."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from openfloat.audio.normalise import measure, speech_loudness
from openfloat.config import EMOTIONS, SAMPLES_PER_FRAME
from openfloat.data.motion import MotionClip
from openfloat.errors import BadInput
from openfloat.shapes import Bool, Emotion, Float, Int, Motion, Tensor, Waveform

SHORTEST_FRAMES = 25
"""Clips shorter than a second are left out."""


class WindowBatch(NamedTuple):
    """What one step of phase 2 sees: k = past and window frames."""

    motion: Motion
    """(b k m) coefficients."""
    waveform: Waveform
    """The k frames' samples with `margin_frames` more on both sides; zeros outside of the clip."""
    reference: Float[Tensor, "b m"]
    """Coefficients of a random frame of the clip."""
    emotion: Emotion
    """One-hot; zeros where it is not known."""
    real: Bool[Tensor, "b k"]
    """False for frames beyond the clip's end, which repeat its last."""
    clip: Int[Tensor, " b"]
    """Number of the clip."""
    start: Int[Tensor, " b"]
    """Its frame where the k frames begin."""


class WindowSampler:
    """Draws windows of clips, longer clips more often; chance comes from the generator alone.

    Args:
        clips: voices with their motion.
        total_frames: length of a window and its past together.
        margin_frames: frames of sound wanted on both sides.
        overlays: (e, m) by how much each emotion raises the coefficients of a face; taken off
            references, so that a portrait does not give away what its clip will feel. None:
            references are as they are in the clip.

    Raises:
        BadInput: no clip is at least a second long.
    """

    def __init__(
        self,
        clips: Sequence[MotionClip],
        *,
        total_frames: int,
        margin_frames: int,
        overlays: NDArray[np.float32] | None = None,
    ) -> None:
        self.clips = [clip for clip in clips if len(clip.motion) >= SHORTEST_FRAMES]
        if not self.clips:
            raise BadInput("there is no clip of at least a second to train on")
        self._total, self._margin = total_frames, margin_frames
        self._overlays = overlays
        lengths = np.array([max(1, len(c.motion) - total_frames // 2) for c in self.clips])
        self._ends = torch.from_numpy(np.cumsum(lengths))
        self._gains = [_gain(clip.waveform) for clip in self.clips]

    def draw(self, batch: int, generator: torch.Generator) -> WindowBatch:
        """One batch of windows."""
        places = torch.randint(int(self._ends[-1]), (batch,), generator=generator)
        chosen = torch.searchsorted(self._ends, places, right=True).tolist()
        return self._join([self._window(number, generator) for number in chosen])

    def _window(self, number: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        clip = self.clips[number]
        length = len(clip.motion)
        latest = max(0, length - self._total)
        start = int(torch.randint(latest + 1, (), generator=generator))
        frames = np.arange(start, start + self._total)
        motion = clip.motion[np.minimum(frames, length - 1)]
        reference = clip.motion[int(torch.randint(length, (), generator=generator))]
        if self._overlays is not None and clip.emotion >= 0:
            reference = calmed(reference, self._overlays[clip.emotion])
        sound = cut_sound(clip.waveform, start - self._margin, start + self._total + self._margin)
        emotion = np.zeros(len(EMOTIONS), np.float32)
        if clip.emotion >= 0:
            emotion[clip.emotion] = 1
        arrays = (motion, sound * self._gains[number], reference, emotion, frames < length)
        return (*(torch.from_numpy(a) for a in arrays), torch.tensor(number), torch.tensor(start))

    @staticmethod
    def _join(windows: Sequence[tuple[Tensor, ...]]) -> WindowBatch:
        return WindowBatch(*(torch.stack(parts) for parts in zip(*windows, strict=True)))


def calmed(reference: NDArray[np.float32], overlay: NDArray[np.float32]) -> NDArray[np.float32]:
    """Coefficients (m,) of a face without an expression that raised some of them; none below 0."""
    return np.asarray(reference - np.minimum(overlay, reference.clip(0)), dtype=np.float32)


def cut_sound(waveform: NDArray[np.float32], start: int, stop: int) -> NDArray[np.float32]:
    """Samples of some frames, zeros where they lie outside of the clip.

    Args:
        waveform: (s,) at 16 kHz.
        start: first frame; may be negative.
        stop: frame after the last; may lie beyond the end.
    """
    first, end = start * SAMPLES_PER_FRAME, stop * SAMPLES_PER_FRAME
    out = np.zeros(end - first, np.float32)
    low, high = max(first, 0), min(end, len(waveform))
    if high > low:
        out[low - first : high - first] = waveform[low:high]
    return out


def _gain(waveform: NDArray[np.float32]) -> np.float32:
    """The factor that brings a clip to the loudness that speech encoders expect."""
    return np.float32(speech_loudness(measure([torch.from_numpy(waveform)[None]])).scale.item())

"""Levels of sound: what each network wants to hear."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from openfloat.audio.frames import num_frames, num_samples
from openfloat.config import SAMPLES_PER_FRAME

SPEECH_LEVEL = 0.1
"""Root mean square that voiced frames are brought to: -20 dBFS."""
LEVEL_FLOOR = 1e-3
"""Quieter recordings (-60 dBFS) are amplified no further, so that silence stays silent."""


class Levels(NamedTuple):
    """What is known of clips of one length."""

    mean: Float[Tensor, "b 1"]
    variance: Float[Tensor, "b 1"]
    """The population's."""
    frames: Float[Tensor, "b t"]
    """Root mean square over each 1/25 s."""


def measure(pieces: Iterable[Float[Tensor, "b s"]]) -> Levels:
    """Measure whole clips, given in pieces of whole frames; the last piece may end anywhere."""
    count = 0
    sums = torch.zeros(2, 1, dtype=torch.float64)
    # Small tensors that stay would be laid into the holes that large ones leave, one in each, and
    # the next large one would find none: 150 MB for an hour.
    frames: list[list[float]] = []
    for piece in pieces:
        exact = piece.double()
        count += piece.shape[-1]
        sums = sums.to(exact.device) + torch.stack([exact.sum(-1), exact.square().sum(-1)])
        frames = frames or [[] for _ in piece]
        for clip, more in zip(frames, _frame_levels(piece).tolist(), strict=True):
            clip += more
    levels = torch.tensor(frames, dtype=torch.float32, device=sums.device)
    mean, square = sums[..., None] / count  # each (b, 1)
    return Levels(mean.to(levels), (square - mean.square()).clamp(min=0).to(levels), levels)


class Normaliser(NamedTuple):
    """What brings every sample of a clip to the level that a network wants.

    It is found from the whole clip and applied to any piece of it, so that a long clip needs no
    second copy.
    """

    shift: Float[Tensor, "b 1"]
    scale: Float[Tensor, "b 1"]

    def __call__(self, piece: Float[Tensor, "b s"]) -> Float[Tensor, "b s"]:
        """The piece, shifted and then scaled."""
        return (piece - self.shift) * self.scale


def unit_variance(levels: Levels) -> Normaliser:
    """Brings each clip to mean 0 and variance 1, as wav2vec 2.0 was trained on.

    1e-7 is added to the variance (specification, released behaviour 4).
    """
    return Normaliser(levels.mean, (levels.variance + 1e-7).rsqrt())


def zero_mean_unit_variance(waveform: Float[Tensor, "b s"]) -> Float[Tensor, "b s"]:
    """Whole clips at the level of `unit_variance`."""
    return unit_variance(measure([waveform]))(waveform)


def speech_loudness(levels: Levels) -> Normaliser:
    """Brings each clip's voice to -20 dBFS; clips below -60 dBFS stay quieter than that."""
    level = speech_level(levels)
    return Normaliser(torch.zeros_like(level), SPEECH_LEVEL / level.clamp(min=LEVEL_FLOOR))


def normalise_loudness(waveform: Float[Tensor, "b s"]) -> Float[Tensor, "b s"]:
    """Whole clips at the level of `speech_loudness`."""
    return speech_loudness(measure([waveform]))(waveform)


def speech_level(levels: Levels) -> Float[Tensor, "b 1"]:
    """Loudness of the voice: the frame level that nine tenths of the frames stay below.

    Unlike the level of the whole clip this hardly depends on how long the speaker pauses.
    """
    rank = max(1, round(0.9 * levels.frames.shape[-1]))
    return levels.frames.kthvalue(rank, dim=-1, keepdim=True).values


def _frame_levels(waveform: Float[Tensor, "b s"]) -> Float[Tensor, "b t"]:
    missing = num_samples(num_frames(waveform.shape[-1])) - waveform.shape[-1]
    frames = rearrange(F.pad(waveform, (0, missing)), "b (t n) -> b t n", n=SAMPLES_PER_FRAME)
    return frames.square().mean(dim=-1).sqrt()

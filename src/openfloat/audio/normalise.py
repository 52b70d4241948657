"""Levels of sound: what each network wants to hear."""

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


def zero_mean_unit_variance(waveform: Float[Tensor, "b s"]) -> Float[Tensor, "b s"]:
    """Each clip with mean 0 and variance 1, as wav2vec 2.0 was trained on.

    The variance is the population's and 1e-7 is added to it (specification, released behaviour 4).
    """
    centred = waveform - waveform.mean(dim=-1, keepdim=True)
    variance = centred.square().mean(dim=-1, keepdim=True)
    return centred / (variance + 1e-7).sqrt()


def speech_level(waveform: Float[Tensor, "b s"]) -> Float[Tensor, "b 1"]:
    """Loudness of the voice: the frame level that nine tenths of the frames stay below.

    A frame's level is its root mean square over 1/25 s. Unlike the level of the whole clip this
    hardly depends on how long the speaker pauses.
    """
    missing = num_samples(num_frames(waveform.shape[-1])) - waveform.shape[-1]
    padded = F.pad(waveform, (0, missing))
    frames = rearrange(padded, "b (t n) -> b t n", n=SAMPLES_PER_FRAME)
    levels = frames.square().mean(dim=-1).sqrt()  # (b, t)
    rank = max(1, round(0.9 * levels.shape[-1]))
    return levels.kthvalue(rank, dim=-1, keepdim=True).values


def normalise_loudness(waveform: Float[Tensor, "b s"]) -> Float[Tensor, "b s"]:
    """Each clip with its voice at -20 dBFS; clips below -60 dBFS stay quieter than that."""
    return waveform * (SPEECH_LEVEL / speech_level(waveform).clamp(min=LEVEL_FLOOR))

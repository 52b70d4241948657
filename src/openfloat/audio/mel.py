"""Log-mel spectrogram at 100 Hz: four columns to a video frame, centred within it."""

import functools

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from openfloat.audio.frames import num_samples
from openfloat.config import SAMPLE_RATE, SAMPLES_PER_FRAME

MELS_PER_FRAME = 4
HOP = SAMPLES_PER_FRAME // MELS_PER_FRAME
WINDOW = 512
"""Samples that one column looks at: 32 ms."""
REACH = (WINDOW - HOP) // 2
"""Samples that a column's window reaches beyond its own hop, on either side."""
LOG_STEP = np.log(6.4)
QUIET = 1e-7
"""Band power that counts as silence: -70 dB relative to full scale."""


def log_mel(
    waveform: Float[Tensor, "b s"], num_frames: int, num_bands: int
) -> Float[Tensor, "b m n"]:
    """Log power in mel bands, n = 4 * num_frames columns.

    Column k is centred on sample 160 k + 80, so that the columns 4 j ... 4 j + 3 lie symmetric in
    video frame j. The value is log10(1 + power / QUIET): 0 for silence, which is therefore also
    what a convolution's zero padding stands for, about 3 to 6 for a voice at -20 dBFS.

    Args:
        waveform: cut, or continued with silence, to num_frames video frames.
        num_frames: video frames.
        num_bands: mel bands from 0 to 8 kHz.
    """
    with torch.autocast(waveform.device.type, enabled=False):  # quiet bands need every bit
        return _log_mel(waveform, num_frames, num_bands)


def _log_mel(waveform: Tensor, num_frames: int, num_bands: int) -> Tensor:
    missing = num_samples(num_frames) - waveform.shape[-1]
    padded = F.pad(waveform, (REACH, missing + REACH))
    window = torch.hann_window(WINDOW, dtype=waveform.dtype, device=waveform.device)
    spectrum = torch.stft(
        padded, WINDOW, HOP, window=window, center=False, return_complex=True
    )  # (b, bins, n)
    power = (spectrum.real.square() + spectrum.imag.square()) / window.square().sum()
    bands = torch.from_numpy(mel_filters(num_bands)).to(power)
    return torch.log10(1 + bands @ power / QUIET)


@functools.cache
def mel_filters(num_bands: int) -> NDArray[np.float32]:
    """Triangular filters (bands, bins), evenly spaced in mel from 0 to 8 kHz.

    Each has the sum 1, so that white noise is flat. Do not write to the result.
    """
    top = hertz_to_mel(np.array(SAMPLE_RATE / 2))
    corners = mel_to_hertz(np.linspace(0, top, num_bands + 2))
    bins = np.linspace(0, SAMPLE_RATE / 2, WINDOW // 2 + 1)
    low, centre, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising = (bins - low) / (centre - low)
    falling = (high - bins) / (high - centre)
    filters = np.clip(np.minimum(rising, falling), 0, None)
    return (filters / filters.sum(axis=1, keepdims=True)).astype(np.float32)


def hertz_to_mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slaney's scale: 3 mel to 200 Hz up to 1 kHz, then 27 mel to a factor of 6.4."""
    linear = hertz * 3 / 200
    return np.where(hertz < 1000, linear, 15 + 27 * np.log(np.maximum(hertz, 1) / 1000) / LOG_STEP)


def mel_to_hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of `hertz_to_mel`."""
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * LOG_STEP / 27))

"""Changes to voices that leave their words alone: pure functions of a generator."""

import torch
from torch import Tensor

from openfloat.config import SAMPLE_RATE
from openfloat.shapes import Waveform


def vary_voice(waveform: Waveform, generator: torch.Generator) -> Waveform:
    """Gain, noise and band limit, each drawn by itself for every sample of the batch."""
    return vary_gain(add_noise(limit_band(waveform, generator), generator), generator)


def vary_gain(waveform: Waveform, generator: torch.Generator, *, spread_db: float = 6) -> Waveform:
    """Louder or softer by up to `spread_db` decibels."""
    decibels = (2 * torch.rand(len(waveform), 1, generator=generator) - 1) * spread_db
    return waveform * 10 ** (decibels / 20)


def add_noise(
    waveform: Waveform,
    generator: torch.Generator,
    *,
    share: float = 0.5,
    snr_db: tuple[float, float] = (10, 40),
) -> Waveform:
    """White or (half of the time) low-passed noise on a share of the samples.

    Args:
        waveform: the voices.
        generator: the only source of chance.
        share: probability that a voice gets noise.
        snr_db: range of the voice's energy over the noise's, in decibels.
    """
    count = len(waveform)
    noise = torch.randn(waveform.shape, generator=generator)
    hum = torch.rand(count, 1, generator=generator) < 0.5
    smooth = torch.nn.functional.avg_pool1d(noise, 9, stride=1, padding=4) * 3
    noise = torch.where(hum, smooth, noise)
    low, high = snr_db
    ratio = low + (high - low) * torch.rand(count, 1, generator=generator)
    level = _rms(waveform) * 10 ** (-ratio / 20)
    noisy = torch.rand(count, 1, generator=generator) < share
    return waveform + noisy * level * noise


def limit_band(waveform: Waveform, generator: torch.Generator, *, share: float = 0.3) -> Waveform:
    """Cut a share of the voices above 2.5 ... 7 kHz and below 20 ... 300 Hz, as telephones do."""
    count, length = waveform.shape
    limited = torch.rand(count, 1, generator=generator) < share
    low = 20 + 280 * torch.rand(count, 1, generator=generator)
    high = 2500 + 4500 * torch.rand(count, 1, generator=generator)
    spectrum = torch.fft.rfft(waveform)
    hertz = torch.fft.rfftfreq(length, 1 / SAMPLE_RATE)
    kept = torch.sigmoid((hertz - low) / 20) * torch.sigmoid((high - hertz) / 100)
    return torch.where(limited, torch.fft.irfft(spectrum * kept, n=length), waveform)


def _rms(waveform: Waveform) -> Tensor:
    return waveform.square().mean(dim=1, keepdim=True).sqrt()

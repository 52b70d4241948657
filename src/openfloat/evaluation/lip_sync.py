"""LSE-D and LSE-C (Prajwal et al. 2020): how near SyncNet finds lips and sound to each other."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import dct

from openfloat.config import SAMPLE_RATE
from openfloat.errors import BadInput
from openfloat.models.published.syncnet import CEPSTRA, LIP_FRAMES, SOUND_STEPS, SyncNet

WINDOW, HOP, FFT, BANDS, LIFTER, PREEMPHASIS = 400, 160, 512, 26, 22, 0.97
STEPS_PER_FRAME = 4
MOST_SHIFT = 15
"""Frames that the sound is shifted either way."""
BATCH = 32
TINY = np.finfo(float).eps


class LipSync(NamedTuple):
    """What SyncNet says of one clip."""

    distance: float
    """LSE-D: mean distance at the best shift; lower is better."""
    confidence: float
    """LSE-C: median over shifts of the mean distance, less the smallest; higher is better."""
    shift: int
    """Frames by which the lips come after the sound, at the best shift."""


def cepstra(waveform: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, 13) mel-frequency cepstral coefficients at 100 Hz, as SyncNet was trained on.

    Pre-emphasis 0.97, rectangular windows of 25 ms, 512-point spectra, 26 triangular bands on
    O'Shaughnessy's mel scale from 0 to 8 kHz, cosine transform, lifter 22, and the logarithm of the
    window's energy in the first place; samples count in 16-bit units.

    Args:
        waveform: (s,) mono 16 kHz in [-1, 1], at least one window.
    """
    sound = np.asarray(waveform, np.float64) * 32768
    sound = np.append(sound[0], sound[1:] - PREEMPHASIS * sound[:-1])
    count = 1 + max(0, -(-(len(sound) - WINDOW) // HOP))
    sound = np.append(sound, np.zeros(max(0, (count - 1) * HOP + WINDOW - len(sound))))
    windows = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP][:count]
    power = np.abs(np.fft.rfft(windows, FFT)) ** 2 / FFT
    energy = power.sum(axis=1)
    bands = power @ mel_triangles().T
    found = dct(np.log(np.where(bands == 0, TINY, bands)), type=2, axis=1, norm="ortho")
    found = found[:, :CEPSTRA] * (1 + LIFTER / 2 * np.sin(np.pi * np.arange(CEPSTRA) / LIFTER))
    found[:, 0] = np.log(np.where(energy == 0, TINY, energy))
    return np.asarray(found)


def mel_triangles() -> NDArray[np.float64]:
    """(26, 257) triangles between whole bins, evenly spaced in 2595 log10(1 + f / 700)."""
    top = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    corners = 700 * (10 ** (np.linspace(0, top, BANDS + 2) / 2595) - 1)
    edges = np.floor((FFT + 1) * corners / SAMPLE_RATE)
    bins = np.arange(FFT // 2 + 1)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = np.where(
        (bins >= low) & (bins < middle), (bins - low) / np.maximum(middle - low, 1), 0
    )
    falling = np.where(
        (bins >= middle) & (bins < high), (high - bins) / np.maximum(high - middle, 1), 0
    )
    return np.asarray(rising + falling, np.float64)


@torch.inference_mode()
def lip_sync(network: SyncNet, faces: NDArray[np.uint8], waveform: NDArray[np.float32]) -> LipSync:
    """SyncNet's verdict on a clip at 25 fps.

    Args:
        network: with published weights, or others: then the figures are not LSE-D and LSE-C.
        faces: (t, 224, 224, 3) RGB crops.
        waveform: its sound, mono 16 kHz.

    Raises:
        BadInput: less than half a second.
    """
    sound = torch.from_numpy(cepstra(waveform).astype(np.float32).T)  # (13, n)
    last = min(len(faces) - LIP_FRAMES, (sound.shape[1] - SOUND_STEPS) // STEPS_PER_FRAME)
    if last < LIP_FRAMES:
        raise BadInput(f"{len(faces)} frames are too few for a lip-sync figure")
    pictures = torch.from_numpy(np.ascontiguousarray(faces[..., ::-1])).float()
    pictures = pictures.permute(3, 0, 1, 2)  # (3, t, h, w), blue first
    lips, sounds = [], []
    for start in range(0, last, BATCH):
        places = range(start, min(start + BATCH, last))
        lips.append(network.lips(torch.stack([pictures[:, p : p + LIP_FRAMES] for p in places])))
        heard = [sound[None, :, 4 * p : 4 * p + SOUND_STEPS] for p in places]
        sounds.append(network.sound(torch.stack(heard)))
    return best_shift(torch.cat(lips), torch.cat(sounds))


def best_shift(lips: torch.Tensor, sounds: torch.Tensor, most: int = MOST_SHIFT) -> LipSync:
    """Distances of embeddings (n, c) of lips to those of the sound around them.

    Beyond the ends the sound's embeddings are zeros, as in the published evaluation.
    """
    padded = torch.nn.functional.pad(sounds, (0, 0, most, most))
    distances = torch.stack(
        [
            torch.nn.functional.pairwise_distance(lips, padded[k : k + len(lips)]).mean()
            for k in range(2 * most + 1)
        ]
    )
    least, place = distances.min(dim=0)
    return LipSync(float(least), float(distances.median() - least), most - int(place))

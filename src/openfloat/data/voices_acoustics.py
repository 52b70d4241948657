"""Rooms, microphones and speeds for a voice: variety that leaves the time stamps exact."""

from collections.abc import Callable

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy import fft, ndimage, signal

from openfloat.config import SAMPLE_RATE
from openfloat.data.voices import Phone, Utterance

Samples = NDArray[np.float32]
Gain = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From frequencies in Hz to factors."""

LOUDNESS_RANGE_DB = 30.0
"""Below the loudest syllables by this much, sound counts as silence."""
LOUDNESS_WINDOW_S = 0.04
ROOM_SHARE = 0.6
TELEPHONE_SHARE = 0.08


def change_speed(utterance: Utterance, factor: float) -> Utterance:
    """Play faster (factor above 1): time shrinks and pitch rises by the factor, phones with it."""
    waveform = soxr.resample(
        utterance.waveform, SAMPLE_RATE * factor, SAMPLE_RATE, quality="HQ"
    ).astype(np.float32)
    end = len(waveform) / SAMPLE_RATE
    phones = [
        Phone(name, min(start / factor, end), min(stop / factor, end))
        for name, start, stop in utterance.phones
    ]
    if phones:
        phones[-1] = phones[-1]._replace(end_s=end)
    return Utterance(waveform, tuple(phones))


def colour(waveform: Samples, generator: np.random.Generator) -> Samples:
    """A random microphone, room, background noise and level.

    Every step leaves each sound at its place in time: the equaliser has no phase, and the direct
    path of the room comes first.

    Args:
        waveform: (s,) clean voice.
        generator: decides everything.

    Returns:
        (s,) in [-1, 1], signal-to-noise ratio 15 to 40 dB, peak -24 to -1 dB.
    """
    voice = equalise(waveform, tilt_db=float(generator.normal(0, 1.5)))
    if generator.random() < TELEPHONE_SHARE:
        voice = band_limit(voice, low_hz=250, high_hz=float(generator.uniform(3000, 4500)))
    if generator.random() < ROOM_SHARE:
        response = room_response(
            generator,
            decay_s=float(generator.uniform(0.1, 0.5)),
            direct_db=float(generator.uniform(2, 16)),
        )
        voice = signal.oaconvolve(voice, response)[: len(voice)].astype(np.float32)
    noisy = add_noise(
        voice,
        generator,
        snr_db=float(generator.uniform(15, 40)),
        slope=float(generator.uniform(0, 2)),
    )
    return to_peak(noisy, peak_db=float(generator.uniform(-24, -1)))


def equalise(waveform: Samples, *, tilt_db: float) -> Samples:
    """Tilt the spectrum about 1 kHz by so many decibels per octave, without phase."""

    def gain(frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
        octaves = np.log2(np.maximum(frequencies, 60.0) / 1000)
        return 10 ** (tilt_db * octaves / 20)

    return _filtered(waveform, gain)


def band_limit(waveform: Samples, *, low_hz: float, high_hz: float) -> Samples:
    """A telephone's band with soft edges, without phase."""

    def gain(frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
        positive = np.maximum(frequencies, 1.0)
        return 1 / (1 + (low_hz / positive) ** 6) / (1 + (positive / high_hz) ** 12)

    return _filtered(waveform, gain)


def room_response(generator: np.random.Generator, *, decay_s: float, direct_db: float) -> Samples:
    """Impulse response: the direct sound at sample 0, then noise that decays.

    Args:
        generator: draws the reflections.
        decay_s: time in which the reflections fall by 60 dB.
        direct_db: how much stronger the direct sound is than all reflections.
    """
    time = np.arange(int(decay_s * SAMPLE_RATE)) / SAMPLE_RATE
    tail = generator.standard_normal(len(time)) * 10 ** (-3 * time / decay_s)
    tail[: int(0.002 * SAMPLE_RATE)] = 0
    tail *= 10 ** (-direct_db / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1
    return tail.astype(np.float32)


def add_noise(
    waveform: Samples, generator: np.random.Generator, *, snr_db: float, slope: float
) -> Samples:
    """Add steady noise whose power falls with frequency to the power slope (0 white, 1 pink).

    The ratio is taken over the loud parts of the voice, those within 20 dB of its loudest 40 ms.
    """
    level = _speech_power(waveform)
    if level == 0:
        return waveform
    noise = _noise(len(waveform), slope, generator)
    return (waveform + noise * np.sqrt(level * 10 ** (-snr_db / 10))).astype(np.float32)


def background(samples: int, generator: np.random.Generator) -> Samples:
    """What a microphone hears where nobody speaks: (s,) hiss or rumble, slightly unsteady.

    Its level lies between -100 dBFS, hardly anything, and -35 dBFS, a noisy room.
    """
    noise = _noise(samples, float(generator.uniform(0, 2)), generator)
    time = np.arange(samples) / SAMPLE_RATE
    swell_db = float(generator.uniform(0, 3)) * np.sin(2 * np.pi * generator.uniform(0.1, 2) * time)
    level = 10 ** ((float(generator.uniform(-100, -35)) + swell_db) / 20)
    return (noise * level).astype(np.float32)


def to_peak(waveform: Samples, *, peak_db: float) -> Samples:
    """Scale so that the loudest sample has this level; silence stays."""
    peak = float(np.abs(waveform).max(initial=0))
    if peak == 0:
        return waveform
    return (waveform * (10 ** (peak_db / 20) / peak)).astype(np.float32)


def loudness(waveform: Samples, points: int, rate_hz: float) -> NDArray[np.float64]:
    """How loud the voice is at regular moments: 0 silent ... 1 its own loud syllables.

    Moment i is the centre of the i-th interval, at (i + 0.5) / rate_hz seconds. The scale is in
    decibels, relative to the recording's own 95th percentile.
    """
    power = _smooth_power(waveform)
    centres = ((np.arange(points) + 0.5) / rate_hz * SAMPLE_RATE).astype(np.int64)
    level = 10 * np.log10(power[np.minimum(centres, len(power) - 1)] + 1e-10)
    return np.clip(1 + (level - np.percentile(level, 95)) / LOUDNESS_RANGE_DB, 0, 1)


def _smooth_power(waveform: Samples) -> NDArray[np.float64]:
    window = int(LOUDNESS_WINDOW_S * SAMPLE_RATE)
    power = ndimage.uniform_filter1d(waveform.astype(np.float64) ** 2, window, mode="constant")
    return np.maximum(power, 0)


def _speech_power(waveform: Samples) -> float:
    """Mean power of the parts within 20 dB of the loudest."""
    power = _smooth_power(waveform)
    loud = power[power > 0.01 * power.max(initial=0)]
    return float(loud.mean()) if len(loud) else 0.0


def _noise(samples: int, slope: float, generator: np.random.Generator) -> Samples:
    """Noise of power 1 that falls with frequency to the power slope."""

    def gain(frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
        return (np.maximum(frequencies, 50.0) / 1000) ** (-slope / 2)

    shaped = _filtered(generator.standard_normal(samples).astype(np.float32), gain)
    return np.asarray(shaped / np.sqrt(np.mean(shaped**2)), dtype=np.float32)


def _filtered(waveform: Samples, gain: Gain) -> Samples:
    """Multiply the spectrum; the length is filled up with zeros to one that transforms fast."""
    length = fft.next_fast_len(len(waveform), real=True)
    spectrum = fft.rfft(waveform, length)
    factors = gain(fft.rfftfreq(length, 1 / SAMPLE_RATE)).astype(np.float32)
    return np.asarray(fft.irfft(spectrum * factors, length)[: len(waveform)], dtype=np.float32)

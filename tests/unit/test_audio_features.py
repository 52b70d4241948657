"""Frames, levels and the log-mel spectrogram."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from openfloat.audio.frames import num_frames, num_samples
from openfloat.audio.mel import QUIET, hertz_to_mel, log_mel, mel_filters, mel_to_hertz
from openfloat.audio.normalise import (
    measure,
    normalise_loudness,
    speech_level,
    unit_variance,
    zero_mean_unit_variance,
)


def tone(hertz: float, seconds: float = 1.0) -> torch.Tensor:
    time = torch.arange(round(seconds * 16_000), dtype=torch.float64) / 16_000
    return (0.1 * torch.sin(2 * torch.pi * hertz * time)).float()[None]


@given(samples=st.integers(1, 10**9))
def test_the_frames_are_the_fewest_that_cover_the_samples(samples: int) -> None:
    frames = num_frames(samples)
    assert num_samples(frames - 1) < samples <= num_samples(frames)


def test_mean_and_variance_are_as_numpy_computes_them() -> None:
    waveform = torch.rand(3, 5000) * 0.3 + 0.1
    double = waveform.double().numpy()
    mean, variance = double.mean(1, keepdims=True), double.var(1, keepdims=True)
    expected = (double - mean) / np.sqrt(variance + 1e-7)
    ours = zero_mean_unit_variance(waveform)
    np.testing.assert_allclose(ours.numpy(), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("gain", [0.05, 1.0, 7.0])
def test_loudness_after_normalising_does_not_depend_on_the_gain(gain: float) -> None:
    waveform = torch.randn(2, 16_000) * 0.05
    torch.testing.assert_close(
        normalise_loudness(gain * waveform), normalise_loudness(waveform), rtol=1e-5, atol=1e-6
    )


def test_pauses_do_not_make_a_voice_louder() -> None:
    voice = torch.randn(1, 16_000) * 0.05
    with_pauses = torch.cat([voice, torch.zeros(1, 48_000)], dim=1)
    levels = [speech_level(measure([sound])) for sound in (with_pauses, voice)]
    assert levels[0] / levels[1] == pytest.approx(1, abs=0.05)


def test_levels_of_pieces_are_those_of_the_whole() -> None:
    waveform = torch.randn(2, 10_000) * torch.linspace(0.01, 0.3, 10_000) + 0.05
    whole, pieces = measure([waveform]), measure(waveform.split(3 * 640, dim=1))
    for a, b in zip(pieces, whole, strict=True):
        torch.testing.assert_close(a, b)
    assert unit_variance(pieces)(waveform).var(dim=-1, correction=0) == pytest.approx(1, abs=1e-4)


def test_silence_stays_silent() -> None:
    assert normalise_loudness(torch.zeros(1, 16_000)).abs().max() == 0
    assert log_mel(torch.zeros(1, 1280), 2, 80).abs().max() == 0
    hiss = torch.randn(1, 16_000) * 1e-5
    assert normalise_loudness(hiss).std() < 2e-3, "-100 dBFS is raised to -60 at most"


def test_mel_and_hertz_are_each_others_inverse() -> None:
    hertz = np.linspace(0, 8000, 500)
    np.testing.assert_allclose(mel_to_hertz(hertz_to_mel(hertz)), hertz, rtol=1e-9, atol=1e-9)
    assert hertz_to_mel(np.array(1000.0)) == pytest.approx(15)


@pytest.mark.parametrize("num_bands", [24, 80])
def test_the_filters_weigh_white_noise_evenly_and_cover_every_frequency(num_bands: int) -> None:
    filters = mel_filters(num_bands)
    assert filters.shape == (num_bands, 257)
    np.testing.assert_allclose(filters.sum(axis=1), 1, atol=1e-6)
    assert (filters.sum(axis=0)[1:-1] > 0).all()


def test_the_spectrogram_equals_a_direct_fourier_sum() -> None:
    waveform = torch.randn(1, 1280) * 0.1
    ours = log_mel(waveform, 2, 24)[0]
    padded = np.pad(waveform.double().numpy()[0], 176)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)
    for column in range(8):
        piece = padded[160 * column :][:512] * window
        power = np.abs(np.fft.rfft(piece)) ** 2 / (window**2).sum()
        expected = np.log10(1 + mel_filters(24) @ power / QUIET)
        np.testing.assert_allclose(ours[:, column].numpy(), expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("hertz", [200, 1000, 3000, 6500])
def test_a_tone_is_strongest_in_its_own_band(hertz: float) -> None:
    centres = mel_to_hertz(np.linspace(0, hertz_to_mel(np.array(8000.0)), 82))[1:-1]
    strongest = int(log_mel(tone(hertz), 25, 80).mean(-1).argmax())
    assert abs(strongest - int(np.abs(centres - hertz).argmin())) <= 1


def test_a_click_in_the_middle_of_a_frame_lies_in_the_middle_of_its_columns() -> None:
    waveform = torch.zeros(1, 6400)
    waveform[0, 640 * 4 + 320] = 1.0
    energy = log_mel(waveform, 10, 24).sum(1)[0]
    centre = (energy * torch.arange(40)).sum() / energy.sum()
    assert centre == pytest.approx(4 * 4 + 1.5, abs=0.05)


def test_a_last_frame_begun_is_continued_with_silence() -> None:
    waveform = torch.randn(1, 1000) * 0.1
    whole = torch.cat([waveform, torch.zeros(1, 280)], dim=1)
    torch.testing.assert_close(log_mel(waveform, 2, 24), log_mel(whole, 2, 24), rtol=0, atol=0)

"""LSE-D and LSE-C: cepstra by another writing, known shifts, self-distance."""

import math

import numpy as np
import pytest
import torch

from openfloat.errors import BadInput
from openfloat.evaluation.lip_sync import best_shift, cepstra, lip_sync
from openfloat.models.published.syncnet import SyncNet


def cepstra_of_one_window(samples: list[float]) -> list[float]:
    """The definition, written as sums; samples are pre-emphasised."""
    power = []
    for k in range(257):
        turn = [2 * math.pi * k * n / 512 for n in range(400)]
        real = sum(s * math.cos(a) for s, a in zip(samples, turn, strict=True))
        imaginary = sum(s * math.sin(a) for s, a in zip(samples, turn, strict=True))
        power.append((real**2 + imaginary**2) / 512)
    top = 2595 * math.log10(1 + 8000 / 700)
    edges = [math.floor(513 * 700 * (10 ** (top * j / 27 / 2595) - 1) / 16000) for j in range(28)]
    logs = []
    for j in range(26):
        low, middle, high = edges[j : j + 3]
        rise = sum(power[i] * (i - low) / (middle - low) for i in range(low, middle))
        fall = sum(power[i] * (high - i) / (high - middle) for i in range(middle, high))
        logs.append(math.log(rise + fall))
    found = []
    for n in range(13):
        total = sum(v * math.cos(math.pi * n * (2 * j + 1) / 52) for j, v in enumerate(logs))
        scale = math.sqrt(1 / 26) if n == 0 else math.sqrt(2 / 26)
        found.append(scale * total * (1 + 11 * math.sin(math.pi * n / 22)))
    found[0] = math.log(sum(power))
    return found


def test_cepstra_follow_their_definition() -> None:
    rng = np.random.default_rng(0)
    sound = (0.1 * rng.normal(size=16_000)).astype(np.float32)
    found = cepstra(sound)
    assert found.shape == (1 + math.ceil((16_000 - 400) / 160), 13)
    whole = sound.astype(np.float64) * 32768
    emphasised = np.append(whole[0], whole[1:] - 0.97 * whole[:-1])
    expected = cepstra_of_one_window(emphasised[3 * 160 : 3 * 160 + 400].tolist())
    np.testing.assert_allclose(found[3], expected, rtol=1e-9)


@pytest.mark.parametrize("shift", [-4, 0, 7])
def test_a_known_shift_is_found_at_distance_zero(shift: int) -> None:
    """Lips that show at frame t what the sound says at t - shift come `shift` frames late."""
    sound = torch.randn(60, 8)
    lips = sound.roll(shift, dims=0)
    found = best_shift(lips[20:40], sound[20:40])
    # Within the stretch, frames whose partner lies outside meet zeros.
    inside = (20 - abs(shift)) / 20
    assert found.shift == shift
    assert found.distance < (1 - inside) * 8 + 1e-4
    assert found.confidence > 1
    if shift == 0:
        assert found.distance == pytest.approx(0, abs=1e-4)


def test_unrelated_lips_give_no_confidence() -> None:
    found = best_shift(torch.randn(400, 8), torch.randn(400, 8))
    assert found.distance > 3
    assert found.confidence < 0.5


def test_a_network_judges_frames_and_refuses_too_few() -> None:
    network = SyncNet(features=8).eval()
    faces = np.random.default_rng(0).integers(0, 255, (14, 224, 224, 3), dtype=np.uint8)
    sound = (0.1 * np.random.default_rng(1).normal(size=14 * 640)).astype(np.float32)
    found = lip_sync(network, faces, sound)
    assert found.distance > 0
    assert -15 <= found.shift <= 15
    with pytest.raises(BadInput, match="too few"):
        lip_sync(network, faces[:8], sound)

"""Both emotion classifiers."""

import dataclasses

import pytest
import torch
from torch import Tensor

from openfloat.audio.normalise import zero_mean_unit_variance
from openfloat.config import MelEmotionConfig, Wav2Vec2Config, Wav2Vec2EmotionConfig
from openfloat.models import emotion as emotion_module
from openfloat.models.emotion import MelEmotion, Wav2Vec2Emotion, build_emotion

KINDS = {
    "mel": MelEmotionConfig.tiny(),
    "wav2vec2": Wav2Vec2EmotionConfig(
        backbone=dataclasses.replace(
            Wav2Vec2Config.tiny(), conv_bias=True, conv_norm="layer", stable_layer_norm=True
        )
    ),
}


def voice(samples: int, batch: int = 1) -> Tensor:
    return 0.1 * torch.randn(batch, samples)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("samples", [1, 399, 640, 16_001])
def test_any_length_gives_seven_logits(kind: str, samples: int) -> None:
    logits = build_emotion(KINDS[kind])(voice(samples, batch=2))
    assert logits.shape == (2, 7)
    assert logits.isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_start_of_a_long_clip_decides(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emotion_module, "LONGEST_SAMPLES", 8000)
    classifier = build_emotion(KINDS[kind])
    waveform = voice(12_000)
    torch.testing.assert_close(
        classifier(waveform), classifier(waveform[:, :8000]), rtol=0, atol=1e-6
    )
    other = torch.cat([voice(8000), waveform[:, 8000:]], dim=1)
    assert (classifier(waveform) - classifier(other)).abs().max() > 1e-4


def test_the_head_is_mean_dense_tanh_out() -> None:
    config = KINDS["wav2vec2"]
    assert isinstance(config, Wav2Vec2EmotionConfig)
    classifier = Wav2Vec2Emotion(config)
    waveform = voice(8000)
    last = classifier.backbone(zero_mean_unit_variance(waveform))[-1]
    hidden = torch.tanh(last.mean(1) @ classifier.dense.weight.T + classifier.dense.bias)
    expected = hidden @ classifier.out.weight.T + classifier.out.bias
    torch.testing.assert_close(classifier(waveform), expected, rtol=0, atol=1e-5)


def test_the_mel_classifier_learns_to_tell_a_low_voice_from_a_high_one() -> None:
    classifier = MelEmotion(MelEmotionConfig.tiny())
    optimiser = torch.optim.Adam(classifier.parameters(), lr=1e-2)
    time = torch.arange(8000) / 16_000
    pitches = torch.tensor([150.0, 180.0, 210.0, 2000.0, 2200.0, 2500.0])
    waveform = 0.1 * torch.sin(2 * torch.pi * pitches[:, None] * time)
    waveform = waveform + 0.005 * torch.randn_like(waveform)
    labels = torch.tensor([0, 0, 0, 3, 3, 3])
    for _ in range(30):
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(classifier(waveform), labels)
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.2


def test_silence_has_finite_gradients() -> None:
    classifier = MelEmotion(MelEmotionConfig.tiny())
    classifier(torch.zeros(1, 8000)).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in classifier.parameters())

"""Speech emotion classifiers: a voice to logits over the seven emotions."""

from typing import Protocol

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from openfloat.audio.frames import num_frames
from openfloat.audio.mel import log_mel
from openfloat.audio.normalise import normalise_loudness, zero_mean_unit_variance
from openfloat.config import EMOTIONS, SAMPLE_RATE, MelEmotionConfig, Wav2Vec2EmotionConfig
from openfloat.models.mel import ChannelNorm, FoldToFrames
from openfloat.models.wav2vec2 import FEWEST_SAMPLES, Wav2Vec2
from openfloat.shapes import Waveform

LONGEST_SAMPLES = 30 * SAMPLE_RATE
"""The emotion is judged by the first 30 s of a clip."""

Logits = Float[Tensor, "b e"]


class EmotionClassifier(Protocol):
    """What every emotion classifier offers."""

    def __call__(self, waveform: Waveform) -> Logits:
        """Logits in the order of `openfloat.config.EMOTIONS`; the caller takes the softmax.

        Args:
            waveform: raw samples at 16 kHz in [-1, 1], of any length.
        """
        ...


class Wav2Vec2Emotion(nn.Module):
    """The released classifier's shape: frozen wav2vec 2.0, mean over time, two linear layers."""

    def __init__(self, config: Wav2Vec2EmotionConfig) -> None:
        super().__init__()
        width = config.backbone.hidden_dim
        self.backbone = Wav2Vec2(config.backbone)
        self.dense = nn.Linear(width, width)
        self.out = nn.Linear(width, len(EMOTIONS))

    def forward(self, waveform: Waveform) -> Logits:
        """Logits over the emotions (specification section 2, step 5).

        Deviations from the release: clips longer than 30 s are judged by their first 30 s, so that
        memory stays bounded; clips shorter than 25 ms, where the release fails, are continued with
        silence.
        """
        normalised = zero_mean_unit_variance(waveform[:, :LONGEST_SAMPLES])
        padded = F.pad(normalised, (0, max(0, FEWEST_SAMPLES - normalised.shape[-1])))
        pooled = self.backbone(padded)[-1].mean(dim=1)
        return self.out(torch.tanh(self.dense(pooled)))


class MelEmotion(nn.Module):
    """Our own classifier: log-mel, three convolutions, mean and deviation over time."""

    def __init__(self, config: MelEmotionConfig) -> None:
        super().__init__()
        width = config.hidden_dim
        self.num_mels = config.num_mels
        self.convolutions = nn.Sequential(
            FoldToFrames(config.num_mels, width),
            ChannelNorm(width),
            nn.SiLU(),
            nn.Conv1d(width, width, 5, stride=2, padding=2),
            ChannelNorm(width),
            nn.SiLU(),
            nn.Conv1d(width, width, 5, stride=2, padding=2),
            ChannelNorm(width),
            nn.SiLU(),
        )
        self.out = nn.Linear(2 * width, len(EMOTIONS))

    def forward(self, waveform: Waveform) -> Logits:
        """Logits over the emotions, judged by the first 30 s at most."""
        heard = normalise_loudness(waveform[:, :LONGEST_SAMPLES])
        mel = log_mel(heard, num_frames(heard.shape[-1]), self.num_mels)
        hidden = self.convolutions(mel)  # (b, c, t)
        deviation = (hidden.var(dim=-1, correction=0) + 1e-5).sqrt()
        return self.out(torch.cat([hidden.mean(dim=-1), deviation], dim=-1))


def build_emotion(
    config: Wav2Vec2EmotionConfig | MelEmotionConfig,
) -> Wav2Vec2Emotion | MelEmotion:
    """The emotion classifier that a config asks for, with random weights."""
    if isinstance(config, MelEmotionConfig):
        return MelEmotion(config)
    return Wav2Vec2Emotion(config)

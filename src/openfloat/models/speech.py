"""Speech encoders: a voice to one vector per video frame."""

from collections.abc import Iterator
from typing import Protocol

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from openfloat.audio.frames import num_samples
from openfloat.audio.mel import log_mel
from openfloat.audio.normalise import (
    Levels,
    Normaliser,
    normalise_loudness,
    speech_loudness,
    unit_variance,
    zero_mean_unit_variance,
)
from openfloat.audio.recording import Recording
from openfloat.config import FPS, MelSpeechConfig, Wav2Vec2SpeechConfig
from openfloat.models.mel import FoldToFrames, ResidualBlock
from openfloat.models.wav2vec2 import Wav2Vec2
from openfloat.shapes import Speech, Waveform

WHOLE_FRAMES = 20 * FPS
"""Longest clip that wav2vec 2.0 takes in one piece within `windows`: 20 s."""
MARGIN_FRAMES = 2 * FPS
"""Context on both sides of the pieces of a longer clip: 2 s."""


class SpeechEncoder(Protocol):
    """What every speech encoder offers."""

    margin_frames: int
    """Frames on either side that a frame's features want to know."""

    def normaliser(self, levels: Levels) -> Normaliser:
        """What brings sound of these levels to the level that `features` expects."""
        ...

    def features(self, normalised: Waveform, num_frames: int) -> Speech:
        """Features of normalised sound; what lies beyond its ends counts as unknown."""
        ...

    def __call__(self, waveform: Waveform, num_frames: int) -> Speech:
        """Features of the whole clip at once.

        Args:
            waveform: raw samples at 16 kHz in [-1, 1]; covers num_frames video frames, the last
                perhaps in part.
            num_frames: video frames at 25 per second.
        """
        ...

    def windows(self, recording: Recording, size: int) -> Iterator[Speech]:
        """The same features in pieces of `size` frames, the last one 1 to `size`.

        Memory does not grow with the recording's length.
        """
        ...


class Wav2Vec2Speech(nn.Module):
    """The paper's speech features: frozen wav2vec 2.0 and a trained projection."""

    def __init__(self, config: Wav2Vec2SpeechConfig, speech_dim: int) -> None:
        super().__init__()
        self.layers = config.layers
        self.margin_frames = MARGIN_FRAMES
        self.backbone = Wav2Vec2(config.backbone)
        used = config.backbone.num_layers if config.layers == "all" else 1
        self.projection = nn.Sequential(
            nn.Linear(used * config.backbone.hidden_dim, speech_dim), nn.LayerNorm(speech_dim)
        )

    def forward(self, waveform: Waveform, num_frames: int) -> Speech:
        """Features of the whole clip at once, as the release computes them.

        Mean and variance are those of the clip; then it is continued with its last sample to whole
        frames (specification, released behaviour 4).
        """
        return self.features(zero_mean_unit_variance(waveform), num_frames)

    def windows(self, recording: Recording, size: int) -> Iterator[Speech]:
        """The same features in pieces; the last one may be shorter.

        Deviation from the release, which runs any clip whole: clips longer than 20 s go through the
        network in pieces of about 16 s with 2 s of context on either side, so that memory stays
        bounded. Mean and variance are still the clip's.
        """
        normalised = self.normaliser(recording.levels)
        inner, margin = WHOLE_FRAMES, 0
        if recording.num_frames > WHOLE_FRAMES:
            margin = self.margin_frames
            inner = max(1, (WHOLE_FRAMES - 2 * margin) // size) * size
        for stretch in recording.stretches(inner, margin):
            heard = normalised(stretch.samples).to(next(self.parameters()).device)
            features = self.features(heard, stretch.num_frames)
            yield from features[:, stretch.inner].split(size, dim=1)

    def normaliser(self, levels: Levels) -> Normaliser:
        """Mean 0 and variance 1."""
        return unit_variance(levels)

    def features(self, normalised: Waveform, num_frames: int) -> Speech:
        """Features of sound that has mean 0 and variance 1 already, continued to whole frames."""
        missing = max(0, num_samples(num_frames) - normalised.shape[-1])
        padded = F.pad(normalised[:, None], (0, missing), mode="replicate")  # (b, 1, s)
        states = self.backbone(rearrange(padded, "b 1 s -> b s"), num_frames)
        used = states[1:] if self.layers == "all" else states[-1:]
        return F.silu(self.projection(torch.cat(used, dim=-1)))


class MelSpeech(nn.Module):
    """Our own speech features: log-mel and convolutions at the video frame rate.

    A frame depends on `margin_frames` frames to either side and on the clip's loudness, on nothing
    else: there is no attention and no norm across time.
    """

    def __init__(self, config: MelSpeechConfig, speech_dim: int) -> None:
        super().__init__()
        self.num_mels = config.num_mels
        self.margin_frames = FoldToFrames.REACH_FRAMES + sum(config.dilations)
        """Frames on either side that can change a frame's features."""
        self.fold = FoldToFrames(config.num_mels, config.hidden_dim)
        self.blocks = nn.Sequential(
            *(ResidualBlock(config.hidden_dim, dilation) for dilation in config.dilations)
        )
        self.projection = nn.Sequential(
            nn.LayerNorm(config.hidden_dim),
            nn.Linear(config.hidden_dim, speech_dim),
            nn.LayerNorm(speech_dim),
        )

    def forward(self, waveform: Waveform, num_frames: int) -> Speech:
        """Features of the whole clip at once; each clip of the batch has its own loudness."""
        return self.features(normalise_loudness(waveform), num_frames)

    def windows(self, recording: Recording, size: int) -> Iterator[Speech]:
        """The same features in pieces of `size` frames; the last one may be shorter."""
        normalised = self.normaliser(recording.levels)
        for stretch in recording.stretches(size, self.margin_frames):
            heard = normalised(stretch.samples).to(next(self.parameters()).device)
            yield self.features(heard, stretch.num_frames)[:, stretch.inner]

    def normaliser(self, levels: Levels) -> Normaliser:
        """The voice at -20 dBFS."""
        return speech_loudness(levels)

    def features(self, normalised: Waveform, num_frames: int) -> Speech:
        """Features of a clip whose loudness is normalised already, by `speech_loudness`."""
        mel = log_mel(normalised, num_frames, self.num_mels)
        hidden = self.blocks(self.fold(mel))
        return F.silu(self.projection(rearrange(hidden, "b c t -> b t c")))


def build_speech(
    config: Wav2Vec2SpeechConfig | MelSpeechConfig, speech_dim: int
) -> Wav2Vec2Speech | MelSpeech:
    """The speech encoder that a config asks for, with random weights."""
    if isinstance(config, MelSpeechConfig):
        return MelSpeech(config, speech_dim)
    return Wav2Vec2Speech(config, speech_dim)

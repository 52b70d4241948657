"""The speech-emotion classifier learns from acted speech.

EmoDB has no surprise, so that the classifier never learns it; boredom is left out.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from openfloat.config import SAMPLE_RATE, MelEmotionConfig
from openfloat.data.emotional_speech import EmotionalClip
from openfloat.errors import BadInput
from openfloat.models.emotion import build_emotion
from openfloat.shapes import Int, Waveform
from openfloat.training.augment import vary_voice
from openfloat.training.config import Stage, TrainConfig
from openfloat.training.descent import Losses
from openfloat.training.ema import averaged_copy
from openfloat.training.loop import Player
from openfloat.training.networks import optimizer_for, seeded

SECONDS = 2.5
"""Length of what the classifier hears in training; shorter recordings are repeated."""


class EmotionBatch(NamedTuple):
    """Voices and the emotion that their speakers acted."""

    waveform: Waveform
    emotion: Int[Tensor, " b"]


class EmotionTask:
    """Network, data and loss of the emotion classifier; see `openfloat.training.loop.Task`.

    Args:
        config: a recipe for the emotion.
        clips: labelled voices; each emotion is drawn equally often.

    Raises:
        BadInput: no clips, or a classifier on wav2vec 2.0, which is used as it was released.
    """

    frozen: tuple[nn.Module, ...] = ()

    def __init__(self, config: TrainConfig, clips: Sequence[EmotionalClip]) -> None:
        if not clips:
            raise BadInput("there is no emotional speech to train on")
        if not isinstance(config.model.emotion, MelEmotionConfig):
            raise BadInput(f"{config.model.name} uses a released emotion network as it is")
        self._augment = config.augment
        self._by_emotion = [
            [clip for clip in clips if clip.emotion == emotion]
            for emotion in sorted({clip.emotion for clip in clips})
        ]
        with seeded(config.seed):
            network = build_emotion(config.model.emotion).train()
        self._network = network
        self.average: nn.Module = averaged_copy(network)
        player = Player("emotion", network, optimizer_for(network, config), self._losses)
        self.players: tuple[Player, ...] = (player,)

    def enter(self, stage: Stage) -> None:
        """Nothing grows here."""

    def batch(self, stage: Stage, generator: torch.Generator) -> EmotionBatch:
        """Draw pieces of recordings, all emotions alike."""
        length = int(SECONDS * SAMPLE_RATE)
        voices, emotions = [], []
        for _ in range(stage.batch):
            same = self._by_emotion[_below(len(self._by_emotion), generator)]
            clip = same[_below(len(same), generator)]
            sound = torch.from_numpy(clip.waveform)
            sound = sound.repeat(-(-length // len(sound)))
            start = _below(len(sound) - length + 1, generator)
            voices.append(sound[start : start + length])
            emotions.append(clip.emotion)
        waveform = torch.stack(voices)
        if self._augment:
            waveform = vary_voice(waveform, generator)
        return EmotionBatch(waveform, torch.tensor(emotions))

    def _losses(self, batch: EmotionBatch, _clips: int) -> Losses:
        logits = self._network(batch.waveform)
        loss = F.cross_entropy(logits, batch.emotion, label_smoothing=0.1)
        right = (logits.argmax(dim=1) == batch.emotion).float().mean()
        return Losses(loss, {"cross_entropy": loss, "accuracy": right})

    def preview(self, _path: Path) -> tuple[Path, ...]:
        """There is nothing to draw."""
        return ()


@torch.inference_mode()
def accuracy(network: nn.Module, clips: Sequence[EmotionalClip]) -> float:
    """Share of whole recordings whose emotion is named rightly."""
    right = [
        int(network(torch.from_numpy(clip.waveform)[None]).argmax()) == clip.emotion
        for clip in clips
    ]
    return sum(right) / len(right)


def _below(count: int, generator: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=generator))

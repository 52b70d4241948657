"""The network that judges lips and voice learns to tell their own voice from shifted and others'.

Contrastive, both ways: of all voices of a batch the lips find theirs, and of all lips the voice.
A few windows of each clip are in a batch: wrong voices are also the same speaker's, shifted.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from openfloat.audio.frames import num_samples
from openfloat.data.mouths import APART, MouthClip, MouthSampler, SyncBatch
from openfloat.models.sync import SyncNet
from openfloat.shapes import Bool
from openfloat.training.augment import vary_voice
from openfloat.training.config import Stage, TrainConfig
from openfloat.training.descent import Losses
from openfloat.training.ema import averaged_copy
from openfloat.training.loop import Player
from openfloat.training.networks import optimizer_for, seeded

SEARCHED = 15
"""Frames to either side that the best lag is looked for in."""


class SyncTask:
    """Network, data and loss of the lip-sync network; see `openfloat.training.loop.Task`.

    Args:
        config: a recipe for the lip-sync network.
        sampler: where pairs come from.
    """

    frozen: tuple[nn.Module, ...] = ()

    def __init__(self, config: TrainConfig, sampler: MouthSampler) -> None:
        self._config, self._sampler = config, sampler
        with seeded(config.seed):
            network = SyncNet(config.sync).train()
        self._network = network
        self.average: nn.Module = averaged_copy(network)
        player = Player("sync", network, optimizer_for(network, config), self._losses)
        self.players: tuple[Player, ...] = (player,)

    def enter(self, stage: Stage) -> None:
        """Nothing grows here."""

    def batch(self, stage: Stage, generator: torch.Generator) -> SyncBatch:
        """Draw windows; all frames of one are lit alike, and some are seen in a mirror."""
        windows = self._sampler.draw(stage.batch, self._config.sync.frames, generator)
        if not self._config.augment:
            return windows
        draws = torch.rand(3, stage.batch, 1, 1, 1, 1, generator=generator)
        lit = windows.mouths * (1 + 0.4 * (draws[0] - 0.5)) + 0.4 * (draws[1] - 0.5)
        mirrored = torch.where(draws[2] < 0.5, lit.flip(-1), lit)
        voices = vary_voice(windows.waveform, generator)
        return windows._replace(mouths=mirrored.clamp(-1, 1), waveform=voices)

    def _losses(self, batch: SyncBatch, _clips: int) -> Losses:
        logits = self._network(batch.mouths, batch.waveform).float()
        logits = logits.masked_fill(nearly_same(batch), float("-inf"))
        own = torch.arange(len(logits), device=logits.device)
        loss = (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
        right = (logits.argmax(dim=1) == own).float().mean()
        return Losses(loss, {"cross_entropy": loss, "accuracy": right})

    def preview(self, _path: Path) -> tuple[Path, ...]:
        """There is nothing to draw."""
        return ()


def nearly_same(batch: SyncBatch) -> Bool[Tensor, "b b"]:
    """Rows of one clip that overlap in time, so that neither voice is wrong; not the row itself."""
    same = batch.clip[:, None] == batch.clip[None]
    near = (batch.start[:, None] - batch.start[None]).abs() < APART
    itself = torch.eye(len(batch.clip), dtype=torch.bool, device=same.device)
    return same & near & ~itself


class Judged(NamedTuple):
    """What the network says of a clip."""

    agreement: float
    """Mean cosine of lips and voice at the best lag, -1 ... 1."""
    margin: float
    """By how much that is above the median over all lags."""
    lag: int
    """Frames that the lips are late there."""


@torch.inference_mode()
def judge(network: SyncNet, clip: MouthClip) -> Judged:
    """Slide the voice of a clip over its lips.

    Args:
        network: in evaluation mode.
        clip: longer than the frames judged together and twice the lags searched.
    """
    frames = network.config.frames
    starts = range(len(clip.mouths) - frames + 1)
    mouths = np.stack([clip.mouths[k : k + frames] for k in starts])
    voices = np.stack([clip.waveform[num_samples(k) : num_samples(k + frames)] for k in starts])
    pictures = torch.from_numpy(mouths).permute(0, 1, 4, 2, 3).float() / 127.5 - 1
    cosines = network.see(pictures) @ network.hear(torch.from_numpy(voices)).T
    most = min(SEARCHED, len(starts) // 3)
    means = {lag: float(cosines.diagonal(-lag).mean()) for lag in range(-most, most + 1)}
    best = max(means, key=lambda lag: means[lag])
    return Judged(means[best], means[best] - float(np.median(list(means.values()))), best)

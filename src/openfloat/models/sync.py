"""A network that judges whether lips and voice belong together, after SyncNet.

Two towers of convolutions, one for a few frames of the lower half of a face and one for the sound
of the same time, end in embeddings whose cosine says how well they agree (Chung and Zisserman,
"Out of time", 2016; cosines as in Prajwal et al., 2020). It is trained here from nothing; its
figures are not those of the published network (LSE-D, LSE-C) and are named otherwise.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from openfloat.audio.mel import MELS_PER_FRAME, log_mel
from openfloat.config import SyncConfig
from openfloat.shapes import Float, Waveform

MOUTH_HEIGHT, MOUTH_WIDTH = 48, 96
HALVINGS = 3
Mouths = Float[Tensor, "b t 3 48 96"]
"""Frames in a row of the lower half of a face, RGB in [-1, 1]."""
Embedding = Float[Tensor, "b e"]
"""Of length 1."""


class Step(nn.Sequential):
    """3x3 convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int] = (1, 1)) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class Tower(nn.Module):
    """Maps to a vector of length 1: one convolution, then a halving and a convolution each time."""

    def __init__(
        self,
        inputs: int,
        size: tuple[int, int],
        width: int,
        outputs: int,
        first: tuple[int, int],
    ) -> None:
        """Build the tower.

        Args:
            inputs: channels of the maps.
            size: height and width of the maps.
            width: channels of the first layer; doubled with every halving.
            outputs: length of the vector.
            first: stride of the first layer; three halvings follow.
        """
        super().__init__()
        layers: list[nn.Module] = [Step(inputs, width, first)]
        channels = width
        height, length = -(-size[0] // first[0]), -(-size[1] // first[1])
        for _ in range(HALVINGS):
            layers += [Step(channels, 2 * channels, (2, 2)), Step(2 * channels, 2 * channels)]
            channels *= 2
            height, length = -(-height // 2), -(-length // 2)
        self.features = nn.Sequential(*layers)
        self.last = nn.Linear(channels * height * length, outputs)

    def forward(self, maps: Float[Tensor, "b c h w"]) -> Embedding:
        """Project all that the last maps hold."""
        return F.normalize(self.last(self.features(maps).flatten(1)), dim=1)


class SyncNet(nn.Module):
    """Lips and voice to how well each lips go with each voice."""

    def __init__(self, config: SyncConfig) -> None:
        super().__init__()
        self.config = config
        width, size = config.width, config.embedding_dim
        mouth, mel = (MOUTH_HEIGHT, MOUTH_WIDTH), (config.num_mels, config.frames * MELS_PER_FRAME)
        self.mouth = Tower(3 * config.frames, mouth, width, size, (1, 2))
        self.voice = Tower(1, mel, width, size, (2, 1))
        self.scale = nn.Parameter(torch.tensor(2.0))
        """Logarithm of what a cosine of 1 adds to a logit."""

    def see(self, mouths: Mouths) -> Embedding:
        """Embed `config.frames` frames."""
        return self.mouth(rearrange(mouths, "b t c h w -> b (t c) h w"))

    def hear(self, waveform: Waveform) -> Embedding:
        """Embed the sound of `config.frames` frames, 640 samples each."""
        mel = log_mel(waveform, self.config.frames, self.config.num_mels)
        return self.voice(mel[:, None] / 2 - 1)

    def forward(self, mouths: Mouths, waveform: Waveform) -> Float[Tensor, "b b"]:
        """Logits of every lips (rows) with every voice (columns)."""
        return self.scale.exp() * self.see(mouths) @ self.hear(waveform).T

"""A network that judges whether lips and voice belong together, after SyncNet.

Two towers of convolutions, one for a few frames of the lower half of a face and one for the sound
of the same time, end in embeddings whose cosine says how well they agree (Chung and Zisserman,
"Out of time", 2016; cosine and cross-entropy as in Prajwal et al., 2020). It is trained here from
nothing; its figures are not those of the published network (LSE-D, LSE-C) and are named otherwise.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from openfloat.audio.mel import MELS_PER_FRAME, log_mel
from openfloat.config import SyncConfig
from openfloat.shapes import Float, Waveform

MOUTH_HEIGHT, MOUTH_WIDTH = 48, 96
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
        strides: tuple[tuple[int, int], ...],
    ) -> None:
        """Build the tower.

        Args:
            inputs: channels of the maps.
            size: height and width of the maps.
            width: channels of the first layer; doubled with every halving, up to eight times.
            outputs: length of the vector.
            strides: of the halvings.
        """
        super().__init__()
        layers: list[nn.Module] = [Step(inputs, width)]
        channels, (height, length) = width, size
        for stride in strides:
            wider = min(2 * channels, 8 * width)
            layers += [Step(channels, wider, stride), Step(wider, wider)]
            channels = wider
            height, length = -(-height // stride[0]), -(-length // stride[1])
        self.features = nn.Sequential(*layers)
        self.last = nn.Linear(channels * height * length, outputs)

    def forward(self, maps: Float[Tensor, "b c h w"]) -> Embedding:
        """Project all that the last maps hold."""
        return F.normalize(self.last(self.features(maps).flatten(1)), dim=1)


class SyncNet(nn.Module):
    """Lips and voice to the logit that they belong together."""

    def __init__(self, config: SyncConfig) -> None:
        super().__init__()
        self.config = config
        width, size = config.width, config.embedding_dim
        mouth, mel = (MOUTH_HEIGHT, MOUTH_WIDTH), (config.num_mels, config.frames * MELS_PER_FRAME)
        halvings = ((2, 2), (2, 2), (2, 2))
        self.mouth = Tower(3 * config.frames, mouth, width, size, ((1, 2), *halvings))
        self.voice = Tower(1, mel, width, size, ((2, 1), *halvings))
        self.scale = nn.Parameter(torch.tensor(2.0))
        """Logarithm of what a cosine of 1 adds to the logit."""
        self.offset = nn.Parameter(torch.tensor(-2.0))

    def see(self, mouths: Mouths) -> Embedding:
        """Embed `config.frames` frames."""
        return self.mouth(rearrange(mouths, "b t c h w -> b (t c) h w"))

    def hear(self, waveform: Waveform) -> Embedding:
        """Embed the sound of `config.frames` frames, 640 samples each."""
        mel = log_mel(waveform, self.config.frames, self.config.num_mels)
        return self.voice(mel[:, None] / 2 - 1)

    def logits(self, seen: Embedding, heard: Embedding) -> Float[Tensor, " b"]:
        """How surely they belong together: above 0 rather than not."""
        return self.scale.exp() * (seen * heard).sum(dim=1) + self.offset

    def forward(self, mouths: Mouths, waveform: Waveform) -> Float[Tensor, " b"]:
        """Logits of pairs."""
        return self.logits(self.see(mouths), self.hear(waveform))

"""Discriminators of the adversarial and feature-style losses (paper, section 3.1; StyleGAN2)."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange, reduce, repeat
from torch import nn

from openfloat.config import AutoencoderConfig
from openfloat.errors import BadInput
from openfloat.nn.equalised import EqualConv2d, EqualLinear
from openfloat.nn.residual import ResidualDown
from openfloat.shapes import FeatureMap, Float, Image, Tensor

GROUP = 4
"""Pictures that share one standard deviation, where the batch divides so."""
VARIANCE_EPSILON = 1e-8


class Judgement(NamedTuple):
    """What a discriminator thinks of pictures, and the maps that it thinks with."""

    score: Float[Tensor, " b"]
    """Logit: positive is real."""
    features: tuple[FeatureMap, ...]
    """(b c r r), r = size/2, size/4, ... 4: for Gram and feature-matching losses."""


class Discriminator(nn.Module):
    """StyleGAN2's residual discriminator with the auto-encoder's channels, for one picture size.

    At the size of the model it judges pictures, at half of it their halves, and at a small size
    crops of the mouth or of the eyes: the component discriminators are this class.
    """

    def __init__(self, config: AutoencoderConfig, size: int | None = None) -> None:
        """Build the network.

        Args:
            config: gives the channels of each resolution.
            size: height and width of the pictures, a power of two from 8; none: the model's own.

        Raises:
            BadInput: `size` is not such a number.
        """
        super().__init__()
        self.size = config.size if size is None else size
        if self.size < 8 or self.size & (self.size - 1):
            raise BadInput(f"a discriminator of size {self.size}, which is no power of two from 8")
        channels = config.channels
        resolutions = [2**k for k in range(self.size.bit_length() - 1, 2, -1)]
        self.stem = EqualConv2d(3, channels(self.size), 1, activate=True)
        self.blocks = nn.ModuleDict(
            {str(r): ResidualDown(channels(r), channels(r // 2)) for r in resolutions}
        )
        self.last = EqualConv2d(channels(4) + 1, channels(4), 3, padding=1, activate=True)
        self.head = nn.Sequential(
            EqualLinear(channels(4) * 4 * 4, channels(4), activate=True),
            EqualLinear(channels(4), 1),
        )

    def forward(self, images: Image) -> Judgement:
        """Judge pictures (b 3 size size) in [-1, 1].

        Raises:
            BadInput: the pictures are of another size.
        """
        height, width = images.shape[-2:]
        if (height, width) != (self.size, self.size):
            raise BadInput(
                f"pictures of {width}x{height} pixels for a discriminator of "
                f"{self.size}x{self.size}"
            )
        hidden = self.stem(images)
        features = []
        for block in self.blocks.values():
            hidden = block(hidden)
            features.append(hidden)
        last = self.last(with_batch_deviation(hidden))
        score = self.head(rearrange(last, "b c h w -> b (c h w)"))
        return Judgement(rearrange(score, "b 1 -> b"), tuple(features))


class TwoScaleDiscriminator(nn.Module):
    """One discriminator for the pictures and one for the same at half the size."""

    def __init__(self, config: AutoencoderConfig) -> None:
        """Build both for pictures of `config.size`."""
        super().__init__()
        self.whole = Discriminator(config)
        self.reduced = Discriminator(config, config.size // 2)

    def forward(self, images: Image) -> tuple[Judgement, Judgement]:
        """Judgements of pictures (b 3 size size) in [-1, 1]: whole size, half size."""
        return self.whole(images), self.reduced(F.avg_pool2d(images, 2))


def with_batch_deviation(x: FeatureMap) -> Float[Tensor, "b more h w"]:
    """Append one channel: how much the pictures of a group differ, the same number everywhere.

    Groups are made of pictures b/g apart, g being the largest of 4, 3, 2, 1 that divides the batch
    (Karras et al. 2018).
    """
    group = next(g for g in range(GROUP, 0, -1) if len(x) % g == 0)
    groups = rearrange(x, "(g n) c h w -> g n c h w", g=group)
    deviation = torch.sqrt(groups.var(dim=0, correction=0) + VARIANCE_EPSILON)
    mean = reduce(deviation, "n c h w -> n 1 1 1", "mean")
    channel = repeat(mean, "n 1 1 1 -> (g n) 1 h w", g=group, h=x.shape[2], w=x.shape[3])
    return torch.cat((x, channel), dim=1)

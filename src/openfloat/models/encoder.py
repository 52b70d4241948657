"""From a picture to its identity latent and feature maps (specification, section 3)."""

from typing import NamedTuple

from einops import rearrange
from torch import nn

from openfloat.config import AutoencoderConfig
from openfloat.nn.equalised import EqualConv2d
from openfloat.nn.residual import ResidualDown
from openfloat.shapes import Float, Image, Latent, Tensor

SourceMap = Float[Tensor, "_ _ _ _"]
"""One of a picture's feature maps (b c r r); axes are not compared with those of other arguments,
since maps differ in c and r, and one picture's maps serve many latents."""


class Appearance(NamedTuple):
    """What a picture shows."""

    identity: Latent
    """(b d): the person in the reference pose, in no unit."""
    features: tuple[SourceMap, ...]
    """(b c r r) for r = 8, 16, ... size."""


class Encoder(nn.Module):
    """1x1 stem, one residual block per halving down to 4x4, one 4x4 convolution.

    Modules carry the resolution they read (`stem.64`, `blocks.64`), so that a tower for larger
    pictures holds the same names and a few new ones in front.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        """Build the tower for pictures of `config.size`."""
        super().__init__()
        size = config.size
        self.stem = nn.ModuleDict(
            {str(size): EqualConv2d(3, config.channels(size), 1, activate=True)}
        )
        self.blocks = nn.ModuleDict(
            {
                str(r): ResidualDown(config.channels(r), config.channels(r // 2))
                for r in reversed(config.resolutions)
            }
        )
        self.last = EqualConv2d(config.channels(4), config.latent_dim, 4)

    def forward(self, images: Image) -> Appearance:
        """Pictures (b 3 size size) in [-1, 1] to identity and feature maps, smallest map first."""
        (stem,) = self.stem.values()
        hidden = stem(images)
        features = []
        for block in self.blocks.values():
            features.append(hidden)
            hidden = block(hidden)
        identity = rearrange(self.last(hidden), "b d 1 1 -> b d")
        return Appearance(identity, tuple(reversed(features)))

"""From a latent and the source's feature maps to a picture (specification, section 3)."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from openfloat.config import AutoencoderConfig
from openfloat.models.encoder import SourceMap
from openfloat.nn.equalised import ACTIVATION_GAIN, NEGATIVE_SLOPE, EqualConv2d
from openfloat.nn.filters import upsample
from openfloat.nn.modulated import ModulatedConv2d, ModulatedHead
from openfloat.nn.warp import full_precision, sampling_grid, warp
from openfloat.shapes import FeatureMap, Float, Grid, Image, Latent, Mask, Tensor


class Level(NamedTuple):
    """What one resolution of the decoder decided."""

    resolution: int
    """Height and width r in pixels."""
    grid: Grid
    """(b r r 2): absolute position in the source, (x, y); [-1, 1] is the picture, edge to edge."""
    mask: Mask
    """(b 1 r r) in [0, 1]; 1 takes the warped source, 0 the decoder's own features."""
    flow: Float[Tensor, "b 3 r r"]
    """Sum of the flow heads so far: offsets (x, y) before tanh, mask before sigmoid."""
    image: Float[Tensor, "b 3 r r"]
    """Sum of the colour heads so far; of the last level it is the picture."""


class Synthesis(NamedTuple):
    """A decoded picture and how it came about."""

    image: Image
    """(b 3 size size) in about [-1, 1], not clamped; float32 even where the weights are half."""
    levels: tuple[Level, ...]
    """One for each resolution 8, 16, ... size."""


class ColourHead(nn.Module):
    """1x1 convolution to colours, activation, and a bias after it."""

    def __init__(self, inputs: int) -> None:
        """Build the head for feature maps of `inputs` channels."""
        super().__init__()
        self.conv = EqualConv2d(inputs, 3, 1)
        self.activation_bias = nn.Parameter(torch.zeros(3))
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, colours: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
        """Finish colours that `conv` has made of features, and that were masked since."""
        biased = (colours + self.activation_bias[:, None, None]) * ACTIVATION_GAIN
        return F.leaky_relu_(biased, NEGATIVE_SLOPE) + self.bias[:, None, None]


class SynthesisLevel(nn.Module):
    """One resolution: twice the size, one more convolution, then where to look in the source."""

    def __init__(
        self, inputs: int, outputs: int, style_dim: int, *, painted: bool, edge_goes_on: bool
    ) -> None:
        """Build the level.

        Args:
            inputs: channels of the level below.
            outputs: channels of this level.
            style_dim: width of the latent.
            painted: whether own features become colours where the mask turns from the source.
            edge_goes_on: what a grid finds beyond the source's border, see `warp`.
        """
        super().__init__()
        self.edge_goes_on = edge_goes_on
        self.up = ModulatedConv2d(inputs, outputs, 3, style_dim, up=True)
        self.conv = ModulatedConv2d(outputs, outputs, 3, style_dim)
        self.flow = ModulatedHead(outputs, 3, style_dim)
        self.colour = ColourHead(outputs)
        self.paint = ModulatedHead(outputs, 3, style_dim) if painted else None

    def blend(
        self, hidden: FeatureMap, source: SourceMap, grid: Grid, mask: Mask
    ) -> tuple[FeatureMap, Float[Tensor, "b 3 h w"]]:
        """Warped source where the mask says so, own features elsewhere; and the source's colours.

        The colour head sees the masked source alone. Its convolution has no bias, so that the mask
        is applied to three channels after it instead of to all before it.
        """
        warped = warp(source, grid, edge_goes_on=self.edge_goes_on)
        colours = self.colour(self.colour.conv(warped) * mask)
        return torch.lerp(hidden, warped.to(hidden.dtype), mask.to(hidden.dtype)), colours

    def finish(self, source: SourceMap, grid: Grid, mask: Mask) -> Float[Tensor, "b 3 h w"]:
        """The colours alone, as the last level needs them.

        Warp and 1x1 convolution commute, so that three channels are warped instead of all.
        """
        colours = warp(self.colour.conv(source), grid, edge_goes_on=self.edge_goes_on)
        return self.colour(colours * mask)

    def own_colours(
        self, hidden: FeatureMap, latent: Latent, mask: Mask
    ) -> Float[Tensor, "b 3 h w"]:
        """What the level paints itself where the source shows nothing fit (ours); 0 in the paper's.

        Args:
            hidden: the level's own features, before the source's are blended in.
            latent: style of the paint.
            mask: 1 where the source is taken.
        """
        if self.paint is None:
            return torch.zeros_like(mask).expand(-1, 3, -1, -1)
        return (1 - mask) * full_precision(self.paint(hidden, latent))


class Decoder(nn.Module):
    """A learned constant, then one level per resolution, all styled by one latent."""

    def __init__(self, config: AutoencoderConfig) -> None:
        """Build the decoder for pictures of `config.size`."""
        super().__init__()
        channels, style_dim = config.channels, config.latent_dim
        self.size = config.size
        self.constant = nn.Parameter(torch.randn(1, channels(4), 4, 4))
        self.conv = ModulatedConv2d(channels(4), channels(4), 3, style_dim)
        self.levels = nn.ModuleDict(
            {
                str(r): SynthesisLevel(
                    channels(r // 2),
                    channels(r),
                    style_dim,
                    painted=config.painted,
                    edge_goes_on=config.edge_goes_on,
                )
                for r in config.resolutions
            }
        )

    def forward(self, latent: Latent, features: Sequence[SourceMap]) -> Synthesis:
        """Decode latents (b d) from feature maps (b c r r) or (1 c r r), smallest first."""
        hidden = self.conv(self.constant.expand(len(latent), -1, -1, -1), latent)
        decided: list[Level] = []
        for (name, level), source in zip(self.levels.items(), features, strict=True):
            assert isinstance(level, SynthesisLevel)
            hidden = level.conv(level.up(hidden, latent), latent)
            flow = full_precision(level.flow(hidden, latent))
            if decided:
                flow = flow + upsample(decided[-1].flow)
            grid, mask = sampling_grid(flow[:, :2].tanh()), flow[:, 2:].sigmoid()
            own = level.own_colours(hidden, latent, mask)
            if int(name) < self.size:
                hidden, image = level.blend(hidden, source, grid, mask)
            else:
                image = level.finish(source, grid, mask)
            image = image + own
            if decided:
                image = image + upsample(decided[-1].image)
            decided.append(Level(int(name), grid, mask, flow, image))
        return Synthesis(decided[-1].image, tuple(decided))

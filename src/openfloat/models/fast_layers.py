"""Layers of the fast decoder: trained ones made ready for many calls, maps channels-last."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange, repeat

from openfloat.nn.equalised import ACTIVATION_GAIN, NEGATIVE_SLOPE
from openfloat.nn.filters import blur_kernel
from openfloat.nn.modulated import DEMODULATION_EPSILON, ModulatedConv2d, ModulatedHead
from openfloat.nn.short import ShortWeight, packed, phase_padding, phases, shortened
from openfloat.nn.short import convolved as short_convolved
from openfloat.nn.short import doubled as short_doubled
from openfloat.nn.winograd import TILE, convolved, transformed
from openfloat.shapes import Float, Tensor

CHANNELS_LAST = torch.channels_last
MANY_CHANNELS = 64
"""From so many on Winograd's transform costs less than it saves."""
SHORT_UP, SHORT_PLAIN = 16, 256
"""Resolutions of incoming maps from which 8-bit numbers are quicker."""

HALO = 2
"""Rows below and above that a strip needs of the map that it goes up from."""

Weight = Tensor | tuple[ShortWeight, ...]
"""Of one frame: numbers, or kernels of 8-bit numbers (going up, one for each phase)."""
Maps = Float[Tensor, "n h w c"]
Made = Float[Tensor, "n _ _ _"]
"""Maps of other channels or size than those that came in."""


class Style(NamedTuple):
    """What a modulated layer makes of its frames' styles."""

    scale: Float[Tensor, "n i"]
    norm: Float[Tensor, "n o"]

    def of(self, frames: slice) -> "Style":
        """Those of some frames."""
        return Style(self.scale[frames], self.norm[frames])


class Convolution:
    """`ModulatedConv2d`: one frame through weights that it scales, or several through shared ones.

    Where weights are larger than maps, the maps are scaled instead.
    """

    def __init__(self, layer: ModulatedConv2d, resolution: int, *, short: bool = False) -> None:
        """Fold scales and gains, choose the way.

        Args:
            layer: what to do.
            resolution: height and width of the maps that come in.
            short: where maps are large, in 8-bit numbers, unless Winograd's products are as quick.
        """
        weight, self._up = layer.weight.detach(), layer.up
        self._outputs, self._inputs = weight.shape[:2]
        scale = 1 / math.sqrt(weight[0].numel())
        self.modulation = folded(layer.modulation.weight, layer.modulation.bias, scale)
        self._energy = weight.square().sum(dim=(2, 3))
        self.bias = layer.bias * ACTIVATION_GAIN
        channels = min(weight.shape[:2])
        self._short = short and resolution >= (SHORT_UP if self._up else SHORT_PLAIN)
        many = channels >= MANY_CHANNELS and resolution >= 2 * TILE and not self._short
        self._winograd = transformed(weight) if many and not self._up else None
        self._kernels: tuple[Tensor, ...] = ()
        if self._short:
            self._kernels = phases(weight) if self._up else (weight,)
        ordered = weight.transpose(0, 1) if self._up else weight
        self._weight = ordered.clone(memory_format=CHANNELS_LAST)
        self._blur = repeat(blur_kernel(weight) * 4, "y x -> o 1 y x", o=self._outputs).contiguous()
        pixels_out = resolution**2 * (4 if self._up else 1)
        numbers = self._inputs * resolution**2 + self._outputs * pixels_out
        self._small_weight = weight.numel() < numbers
        self._shared: Weight = self._weight
        if self._short and not self._small_weight:
            self._shared = self._shortened(1, self._weight.new_ones(1, 1, 1, 1))

    def style(self, scale: Float[Tensor, "n i"]) -> Style:
        """Factors on channels in and out, from those on channels in."""
        energy = F.linear(scale.square(), self._energy) + DEMODULATION_EPSILON
        return Style(scale, energy.rsqrt() * ACTIVATION_GAIN)

    def weight(self, style: Style, *, rows_around: int = 1) -> Weight:
        """The weight for one frame: modulated, demodulated, gain folded in.

        Args:
            style: the frame's.
            rows_around: as for `linear`.
        """
        if self._winograd is not None:
            return self._winograd  # the maps are scaled
        factors = (style.norm[0, :, None] * style.scale[0])[..., None, None]  # (o, i, 1, 1)
        if self._short:
            return self._shortened(rows_around, factors)
        return self._weight * (factors.transpose(0, 1) if self._up else factors)

    def _shortened(
        self, rows_around: int, factors: Float[Tensor, "o i 1 1"]
    ) -> tuple[ShortWeight, ...]:
        """The kernels, multiplied, in 8-bit numbers."""
        around = phase_padding(rows_around) if self._up else ((rows_around, 1),)
        return tuple(
            packed(kernel * factors, padding)
            for kernel, padding in zip(self._kernels, around, strict=True)
        )

    def __call__(self, x: Maps, style: Style) -> Made:
        """Maps out; twice as large if the layer goes up."""
        if self._winograd is not None:
            scale = style.scale[:, None, None]
            return convolved(x, self._winograd, scale, style.norm, self.bias)
        if len(x) == 1 and self._small_weight:
            out = self.linear(x, self.weight(style), self.bias)
        else:
            out = self.linear(x * style.scale[:, None, None], self._shared)
            out = torch.addcmul(self.bias, out, style.norm[:, None, None])
        return F.leaky_relu_(out, NEGATIVE_SLOPE)

    def strip(self, x: Maps, style: Style, weight: Weight) -> Made:
        """Rows in the middle of one frame's map, from rows that reach further.

        Args:
            x: without going up one row more on either side; going up, `HALO` rows more than half
                the rows that come out, which are one more on either side than is asked for.
            style: the frame's.
            weight: what `weight` gives for it and no rows around.
        """
        if self._winograd is not None:
            scale = style.scale[:, None, None]
            return convolved(x, self._winograd, scale, style.norm, self.bias, rows_around=0)
        out = self.linear(x, weight, self.bias, rows_around=0)
        if self._up and isinstance(weight, Tensor):
            out = out[:, 2 : 2 * (x.shape[1] - 2 * HALO) + 4]
        return F.leaky_relu_(out, NEGATIVE_SLOPE)

    def linear(
        self, x: Maps, weight: Weight, bias: Tensor | None = None, *, rows_around: int = 1
    ) -> Made:
        """Everything but the activation.

        Args:
            x: maps in.
            weight: as `weight` gives it, or the shared one.
            bias: added at the end.
            rows_around: 1 for a whole map, with zeros around; 0 for a strip, without the rows that
                lack neighbours.
        """
        if not isinstance(weight, Tensor):
            if not self._up:
                return short_convolved(shortened(x), weight[0], (rows_around, 1), bias)
            raised = short_doubled(shortened(x), weight, rows_around)
        elif self._up:
            planes = rearrange(x, "n h w c -> n c h w")
            raised = rearrange(F.conv_transpose2d(planes, weight, stride=2), "n c h w -> n h w c")
        else:
            return _plane_by_plane(x, weight, bias, rows_around, 1)
        return _plane_by_plane(raised, self._blur, bias, rows_around, self._outputs)


def _plane_by_plane(
    x: Maps, weight: Tensor, bias: Tensor | None, rows_around: int, groups: int
) -> Made:
    """`conv2d` of channels-last maps."""
    planes = rearrange(x, "n h w c -> n c h w")
    out = F.conv2d(planes, weight, bias, padding=(rows_around, 1), groups=groups)
    return rearrange(out, "n c h w -> n h w c")


class Head:
    """The heads for flow and, where there is one, for paint, as one product."""

    def __init__(self, flow: ModulatedHead, paint: ModulatedHead | None) -> None:
        """Fold scales; the offsets of the flow come out doubled."""
        heads = (flow,) if paint is None else (flow, paint)
        scale = 1 / math.sqrt(flow.weight.shape[1])
        parts = [folded(h.modulation.weight, h.modulation.bias, scale) for h in heads]
        self.modulation = torch.cat([w for w, _ in parts]), torch.cat([b for _, b in parts])
        self._weight = torch.stack([head.weight[:, :, 0, 0] for head in heads])  # (n, 3, i)
        self.bias = torch.cat([head.bias for head in heads])[:, None].clone()
        self._weight[0, :2] *= 2
        self.bias[:2] *= 2

    def weights(self, scale: Float[Tensor, "n i"]) -> Float[Tensor, "n o _"]:
        """Scaled weights of each frame."""
        scales = rearrange(scale, "n (heads i) -> n heads 1 i", heads=len(self._weight))
        return rearrange(scales * self._weight, "n heads three i -> n (heads three) i")


def folded(weight: Tensor, bias: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Weight and bias of an equalised linear layer whose result is scaled."""
    return weight * (scale / math.sqrt(weight.shape[1])), bias * scale


def pointwise(
    x: Maps, weight: Float[Tensor, "n o c"], bias: Float[Tensor, "o 1"]
) -> Float[Tensor, "n o h w"]:
    """1x1 convolution of channels-last maps to a few planes, channels first."""
    pixels = rearrange(x, "n h w c -> n c (h w)")
    planes = torch.baddbmm(bias, weight, pixels)
    return rearrange(planes, "n o (h w) -> n o h w", h=x.shape[1])

"""The decoder for inference on processor cores: the pictures of `synthesis`, several times sooner.

One frame at a time goes through weights that its style has scaled: a convolution's modulation,
demodulation, gain and bias then cost no pass over the feature maps, and what one frame needs stays
in the cache. Several frames are decoded side by side, one core each. Feature maps lie
channels-last, and the source's largest one is brought to three colours before it is warped (warp
and 1x1 convolution commute). `synthesis.Decoder` is the reference, and what training uses.
"""

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from jaxtyping import UInt8

from openfloat.models.encoder import SourceMap
from openfloat.models.synthesis import Decoder, SynthesisLevel
from openfloat.nn.cores import side_by_side
from openfloat.nn.equalised import ACTIVATION_GAIN, NEGATIVE_SLOPE
from openfloat.nn.filters import blur_kernel
from openfloat.nn.modulated import DEMODULATION_EPSILON, ModulatedConv2d, ModulatedHead
from openfloat.nn.pixels import rgb_bytes
from openfloat.nn.warp import padding, sampling_grid
from openfloat.shapes import FeatureMap, Float, Image, Latent, Tensor

FLOWS, COLOURS = 3, 3
"""Planes of a frame's state: offsets (x, y) and mask before the sigmoid, then red, green, blue."""
CHANNELS_LAST = torch.channels_last

Planes = Float[Tensor, "1 _ _ _"]
"""One frame's maps, of other channels or size than those that came in."""
LARGEST_KEPT = 2**25 - 2**16
"""Bytes, a little below the 32 MiB that the GNU allocator never keeps."""
State = Float[Tensor, "1 6 _ _"]
"""Sums of the heads so far; offsets count double, since tanh(x) = 2 sigmoid(2 x) - 1."""


class FastDecoder:
    """Decodes frames of one portrait; holds copies of the weights, and leaves no trace of calls.

    It uses as many cores as torch was allowed when it was made.
    """

    def __init__(self, decoder: Decoder, features: Sequence[SourceMap]) -> None:
        """Make everything ready that does not depend on the frame.

        Args:
            decoder: the trained one, on a processor; if its weights change later, this one stays.
            features: one portrait's feature maps (1 c r r), r = 8 ... size.
        """
        _keep_freed_memory()
        self._cores = torch.get_num_threads()
        with torch.inference_mode():
            self._constant = decoder.constant.clone(memory_format=CHANNELS_LAST)
            self._first = _Convolution(decoder.conv, self._constant.shape[-1])
            self._levels = []
            for level, source in zip(decoder.levels.values(), features, strict=True):
                assert isinstance(level, SynthesisLevel)
                self._levels.append(_Level(level, source, last=source is features[-1]))
            parts = [self._first, *(part for level in self._levels for part in level.parts)]
            weights, biases = zip(*(part.modulation for part in parts), strict=True)
            self._parts, self._widths = parts, [len(bias) for bias in biases]
            self._weight, self._bias = torch.cat(weights), torch.cat(biases)

    def __call__(self, latent: Latent) -> Image:
        """Pictures (b 3 size size) of latents, about [-1, 1], not clamped."""
        return torch.cat(self._decode(latent, lambda image: image))

    def rgb(self, latent: Latent) -> UInt8[Tensor, "b h w 3"]:
        """The same pictures as RGB bytes."""
        return torch.cat(self._decode(latent, rgb_bytes))

    def _decode(self, latent: Latent, finish: Callable[[Tensor], Tensor]) -> list[Tensor]:
        """One finished picture for each latent."""
        with torch.inference_mode():
            scales = F.linear(latent, self._weight, self._bias).split(self._widths, dim=1)
            styles = [part.styles(s) for part, s in zip(self._parts, scales, strict=True)]

        def frame(number: int) -> Tensor:
            with torch.inference_mode():
                return finish(self._frame([style[number] for style in styles]))

        return side_by_side(frame, len(latent), self._cores)

    def _frame(self, styles: list[Tensor]) -> Float[Tensor, "1 3 h w"]:
        """One picture from what each layer makes of its style."""
        hidden = self._first(self._constant, styles[0])
        state = hidden.new_zeros(1, FLOWS + COLOURS, *hidden.shape[-2:])
        for number, level in enumerate(self._levels):
            hidden, state = level(hidden, state, *styles[1 + 3 * number : 4 + 3 * number])
        return state[:, FLOWS:]


class _Level:
    """`SynthesisLevel` for one source."""

    def __init__(self, level: SynthesisLevel, source: SourceMap, *, last: bool) -> None:
        size, colour = source.shape[-1], level.colour
        self._up = _Convolution(level.up, size // 2)
        self._conv = _Convolution(level.conv, size)
        self._head = _Head(level.flow, level.paint)
        self.parts = (self._up, self._conv, self._head)
        mesh = sampling_grid(source.new_zeros(1, 2, size, size))
        self._mesh = rearrange(mesh, "1 h w two -> 1 two h w").contiguous() - 1
        gain = ACTIVATION_GAIN / math.sqrt(source.shape[1])
        self._to_colours = colour.conv.weight[:, :, 0, 0] * gain
        self._source = source.clone(memory_format=CHANNELS_LAST)
        self._last, self._padding = last, padding(level.edge_goes_on)
        if last:
            self._source = _pointwise(self._source, self._to_colours).contiguous()
        self._activation_bias = colour.activation_bias[:, None, None] * ACTIVATION_GAIN
        self._bias = colour.bias[:, None, None].clone()
        kernel = blur_kernel(source) * 4
        self._doubling = repeat(kernel, "y x -> n 1 y x", n=FLOWS + COLOURS).contiguous()

    def __call__(
        self, hidden: FeatureMap, state: State, up: Tensor, conv: Tensor, head: Tensor
    ) -> tuple[Planes, State]:
        """The next hidden features and state, twice as wide and high."""
        hidden = self._conv(self._up(hidden, up), conv)
        told = self._head(hidden, head)
        state = F.conv_transpose2d(
            state, self._doubling, stride=2, padding=1, groups=FLOWS + COLOURS
        )
        flow, image = state.split((FLOWS, COLOURS), dim=1)
        decided = flow.add_(told[:, :FLOWS]).sigmoid()
        offsets, mask = decided[:, :2], decided[:, 2:]
        grid = torch.add(self._mesh, offsets, alpha=2)
        warped = F.grid_sample(
            self._source,
            rearrange(grid, "1 two h w -> 1 h w two"),
            padding_mode=self._padding,
            align_corners=False,
        )
        colours = warped if self._last else _pointwise(warped, self._to_colours)
        colours = torch.addcmul(self._activation_bias, colours, mask)
        image.add_(F.leaky_relu_(colours, NEGATIVE_SLOPE)).add_(self._bias)
        if told.shape[1] > FLOWS:
            image.addcmul_(1 - mask, told[:, FLOWS:])
        return (hidden if self._last else hidden.lerp_(warped, mask)), state


class _Convolution:
    """`ModulatedConv2d` for one picture at a time.

    Where the weights are smaller than the maps they are scaled, else the maps.
    """

    def __init__(self, layer: ModulatedConv2d, resolution: int) -> None:
        """Fold scales and gains.

        Args:
            layer: what to do.
            resolution: height and width of the maps that come in.
        """
        weight, self._up = layer.weight.detach(), layer.up
        self._outputs, self._inputs = weight.shape[:2]
        scale = 1 / math.sqrt(weight[0].numel())
        self.modulation = _folded(layer.modulation.weight, layer.modulation.bias, scale)
        self._energy = weight.square().sum(dim=(2, 3))
        self._bias = layer.bias * ACTIVATION_GAIN
        ordered = weight.transpose(0, 1) if self._up else weight
        self._weight = ordered.clone(memory_format=CHANNELS_LAST)
        self._blur = repeat(blur_kernel(weight) * 4, "y x -> o 1 y x", o=self._outputs)
        pixels_out = resolution**2 * (4 if self._up else 1)
        numbers = self._inputs * resolution**2 + self._outputs * pixels_out
        self._scales_weight = weight.numel() < numbers

    def styles(self, scale: Float[Tensor, "b i"]) -> Tensor:
        """What each frame's call takes: factors on the weight, or on the maps in and out."""
        energy = F.linear(scale.square(), self._energy) + DEMODULATION_EPSILON
        norm = energy.rsqrt() * ACTIVATION_GAIN
        if not self._scales_weight:
            return torch.cat((scale, norm), dim=1)[:, :, None, None]
        factors = norm[:, :, None] * scale[:, None]  # (b, o, i)
        return (factors.mT if self._up else factors)[..., None, None]

    def __call__(self, x: FeatureMap, style: Tensor) -> Planes:
        weight, norm = self._weight, None
        if self._scales_weight:
            weight = weight * style
        else:
            scale, norm = style.split((self._inputs, self._outputs))
            x = x * scale
        if self._up:
            x = F.conv_transpose2d(x, weight, stride=2)
            x = x if norm is None else x.mul_(norm)
            x = F.conv2d(x, self._blur, self._bias, padding=1, groups=self._outputs)
        elif norm is None:
            x = F.conv2d(x, weight, self._bias, padding=weight.shape[-1] // 2)
        else:
            x = F.conv2d(x, weight, padding=weight.shape[-1] // 2)
            x = x.mul_(norm).add_(self._bias[:, None, None])
        return F.leaky_relu_(x, NEGATIVE_SLOPE)


class _Head:
    """The heads for flow and, where there is one, for paint, as one product."""

    def __init__(self, flow: ModulatedHead, paint: ModulatedHead | None) -> None:
        heads = (flow,) if paint is None else (flow, paint)
        scale = 1 / math.sqrt(flow.weight.shape[1])
        folded = [_folded(h.modulation.weight, h.modulation.bias, scale) for h in heads]
        self.modulation = torch.cat([w for w, _ in folded]), torch.cat([b for _, b in folded])
        self._weight = torch.stack([head.weight[:, :, 0, 0] for head in heads])  # (n, 3, i)
        self._bias = torch.cat([head.bias for head in heads])[:, None].clone()
        self._weight[0, :2] *= 2
        self._bias[:2] *= 2

    def styles(self, scale: Float[Tensor, "b i"]) -> Tensor:
        """Scaled weights of each frame."""
        scales = rearrange(scale, "b (n i) -> b n 1 i", n=len(self._weight))
        return rearrange(scales * self._weight, "b n three i -> b (n three) i")

    def __call__(self, hidden: FeatureMap, style: Float[Tensor, "o i"]) -> Planes:
        return _pointwise(hidden, style, self._bias)


def _folded(weight: Tensor, bias: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Weight and bias of an equalised linear layer whose result is scaled."""
    return weight * (scale / math.sqrt(weight.shape[1])), bias * scale


def _pointwise(
    x: Float[Tensor, "1 i h w"],
    weight: Float[Tensor, "o i"],
    bias: Float[Tensor, "o 1"] | float = 0.0,
) -> Float[Tensor, "1 o h w"]:
    """1x1 convolution of one channels-last map (1 i h w) to a few planes, channels first."""
    height, width = x.shape[-2:]
    pixels = rearrange(x, "1 i h w -> i (h w)")
    bias = bias if isinstance(bias, Tensor) else x.new_zeros(1, 1)
    return rearrange(torch.addmm(bias, weight, pixels), "o (h w) -> 1 o h w", h=height, w=width)


def _keep_freed_memory() -> None:
    """Have the GNU allocator hand a frame's maps on to the next frame.

    It returns large blocks to the system, which costs a fifth of a frame's time in page faults,
    until it sees one of a size freed; from then on it keeps blocks up to that size.
    """
    torch.empty(LARGEST_KEPT, dtype=torch.uint8)

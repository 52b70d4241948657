"""The decoder as the paper's authors publish its arithmetic: the baseline that users come from.

One frame per call, weights made anew for every frame and layer, blurs as passes of their own, the
warped source and the mask multiplied at full width, full-width colours (specification, section 3).
The same pictures as `models.synthesis.Decoder`, without painted colours.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from openfloat.models.encoder import SourceMap
from openfloat.models.synthesis import Decoder, SynthesisLevel
from openfloat.nn.equalised import ACTIVATION_GAIN, NEGATIVE_SLOPE, EqualLinear
from openfloat.nn.filters import blur_kernel
from openfloat.nn.modulated import DEMODULATION_EPSILON, ModulatedConv2d, ModulatedHead
from openfloat.nn.warp import sampling_grid
from openfloat.shapes import Image, Latent


@torch.inference_mode()
def decode_frame(decoder: Decoder, latent: Latent, features: Sequence[SourceMap]) -> Image:
    """One picture (1 3 size size) of one latent (1 d)."""
    hidden = _activated(_convolved(decoder.conv, decoder.constant, latent), decoder.conv.bias)
    flow = image = None
    for level, source in zip(decoder.levels.values(), features, strict=True):
        assert isinstance(level, SynthesisLevel)
        hidden = _activated(_convolved(level.up, hidden, latent), level.up.bias)
        hidden = _activated(_convolved(level.conv, hidden, latent), level.conv.bias)
        told = _told(level.flow, hidden, latent)
        flow = told if flow is None else told + _upsampled(flow)
        grid, mask = sampling_grid(flow[:, :2].tanh()), flow[:, 2:].sigmoid()
        warped = F.grid_sample(source, grid, align_corners=False) * mask
        hidden = warped + hidden * (1 - mask)
        colours = _activated(level.colour.conv(warped), level.colour.activation_bias)
        colours = colours + level.colour.bias[:, None, None]
        image = colours if image is None else colours + _upsampled(image)
    assert image is not None
    return image


def _convolved(layer: ModulatedConv2d, x: Tensor, latent: Latent) -> Tensor:
    """Modulate and demodulate the weights for this frame, then convolve."""
    scale = _linear(layer.modulation, latent)[:, None, :, None, None]
    weight = scale * layer.weight / math.sqrt(layer.weight[0].numel())
    weight = weight * torch.rsqrt(
        weight.square().sum(dim=(2, 3, 4), keepdim=True) + DEMODULATION_EPSILON
    )
    weight = weight[0]
    if not layer.up:
        return F.conv2d(x, weight, padding=weight.shape[-1] // 2)
    out = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
    return _blurred(out, padding=1)


def _told(layer: ModulatedHead, x: Tensor, latent: Latent) -> Tensor:
    scale = _linear(layer.modulation, latent)[:, None, :, None, None]
    weight = scale * layer.weight / math.sqrt(layer.weight.shape[1])
    return F.conv2d(x, weight[0]) + layer.bias[:, None, None]


def _linear(layer: EqualLinear, latent: Latent) -> Tensor:
    scaled: Tensor = layer(latent)
    return scaled


def _activated(x: Tensor, bias: Tensor) -> Tensor:
    return F.leaky_relu(x + bias[:, None, None], NEGATIVE_SLOPE) * ACTIVATION_GAIN


def _blurred(x: Tensor, *, padding: int) -> Tensor:
    kernel = (blur_kernel(x) * 4).expand(x.shape[1], 1, 4, 4)
    return F.conv2d(F.pad(x, (padding,) * 4), kernel, groups=x.shape[1])


def _upsampled(x: Tensor) -> Tensor:
    """Zeros between the pixels, then the blur."""
    count, channels, height, width = x.shape
    spread = x.new_zeros(count, channels, height, 2, width, 2)
    spread[:, :, :, 0, :, 0] = x
    spread = spread.view(count, channels, 2 * height, 2 * width)
    kernel = (blur_kernel(x) * 4).expand(channels, 1, 4, 4)
    return F.conv2d(F.pad(spread, (2, 1, 2, 1)), kernel, groups=channels)

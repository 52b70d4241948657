"""Convolution whose input channels are scaled by a style vector (Karras et al. 2020)."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from openfloat.nn.equalised import ACTIVATION_GAIN, NEGATIVE_SLOPE, EqualLinear
from openfloat.nn.filters import blur
from openfloat.shapes import FeatureMap, Float, Latent, Tensor

DEMODULATION_EPSILON = 1e-8


class ModulatedConv2d(nn.Module):
    """Modulated, demodulated convolution with bias and activation, optionally to twice the size.

    Scaling a sample's weights per input channel equals scaling its input, and normalising them per
    output channel equals scaling its output; so the whole batch shares one dense convolution.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, style_dim: int, *, up: bool = False
    ) -> None:
        """Draw the weight from N(0, 1); the modulation starts near 1 and the bias at 0.

        Args:
            inputs: channels that come in.
            outputs: channels that go out.
            kernel: odd height and width of the kernel.
            style_dim: width of the style vector.
            up: double the height and width (transposed convolution of stride 2, then blur).
        """
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.modulation = EqualLinear(style_dim, inputs, bias_start=1.0)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.up = up

    def forward(self, x: FeatureMap, style: Latent) -> Float[Tensor, "b o y x"]:
        """Feature maps to feature maps, one style for each."""
        scale = self.modulation(style) / math.sqrt(self.weight[0].numel())
        out = x * scale[:, :, None, None]
        if self.up:
            out = F.conv_transpose2d(out, self.weight.transpose(0, 1), stride=2)
            out = blur(out, padding=1, gain=4.0)
        else:
            out = F.conv2d(out, self.weight, padding=self.weight.shape[-1] // 2)
        norm = self._demodulation(scale) * ACTIVATION_GAIN
        bias = (self.bias * ACTIVATION_GAIN)[:, None, None]
        return F.leaky_relu_(torch.addcmul(bias, out, norm[:, :, None, None]), NEGATIVE_SLOPE)

    def _demodulation(self, scale: Float[Tensor, "b i"]) -> Float[Tensor, "b o"]:
        """One over the length of each sample's weights per output channel."""
        energy = self.weight.square().sum(dim=(2, 3))
        return torch.rsqrt(F.linear(scale.square(), energy) + DEMODULATION_EPSILON)


class ModulatedHead(nn.Module):
    """Modulated 1x1 convolution with a bias, without demodulation or activation."""

    def __init__(self, inputs: int, outputs: int, style_dim: int) -> None:
        """Start with weight and bias 0, so that an untrained head says nothing.

        Args:
            inputs: channels that come in.
            outputs: channels that go out.
            style_dim: width of the style vector.
        """
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, inputs, 1, 1))
        self.modulation = EqualLinear(style_dim, inputs, bias_start=1.0)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: FeatureMap, style: Latent) -> Float[Tensor, "b o h w"]:
        """Feature maps to `outputs` channels of the same size."""
        scale = self.modulation(style) / math.sqrt(self.weight.shape[1])
        return F.conv2d(x * scale[:, :, None, None], self.weight, self.bias)

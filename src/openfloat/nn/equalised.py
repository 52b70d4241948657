"""Layers at equalised learning rate: weights stored at unit variance, scaled where they are used.

The effective weight is the stored one over the square root of its fan-in (Karras et al. 2018;
specification, section 3), so that one learning rate suits every layer.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from openfloat.shapes import FeatureMap, Float, Tensor

NEGATIVE_SLOPE = 0.2
ACTIVATION_GAIN = math.sqrt(2)
"""Keeps the variance through a leaky ReLU; always folded into what comes before it."""


class EqualLinear(nn.Module):
    """A linear layer whose stored weight is scaled by 1 / sqrt(inputs)."""

    def __init__(
        self, inputs: int, outputs: int, *, bias_start: float = 0.0, activate: bool = False
    ) -> None:
        """Draw the weight from N(0, 1) and set every bias to `bias_start`.

        Args:
            inputs: width of the vectors that come in.
            outputs: width of the vectors that go out.
            bias_start: 1 for modulations, so that an untrained one scales by about 1.
            activate: follow with leaky ReLU 0.2 times sqrt(2).
        """
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.full((outputs,), bias_start))
        self.activate = activate

    def forward(self, x: Float[Tensor, "b i"]) -> Float[Tensor, "b o"]:
        """Vectors to vectors."""
        gain = ACTIVATION_GAIN if self.activate else 1.0
        scale = gain / math.sqrt(self.weight.shape[1])
        out = F.linear(x, self.weight * scale, self.bias * gain)
        return F.leaky_relu_(out, NEGATIVE_SLOPE) if self.activate else out


class EqualConv2d(nn.Module):
    """A convolution whose stored weight is scaled by 1 / sqrt(inputs * kernel^2)."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        stride: int = 1,
        padding: int = 0,
        activate: bool = False,
    ) -> None:
        """Draw the weight from N(0, 1).

        Args:
            inputs: channels that come in.
            outputs: channels that go out.
            kernel: height and width of the kernel.
            stride: step between output pixels.
            padding: zeros around the input.
            activate: add a bias (it starts at 0) and follow with leaky ReLU 0.2 times sqrt(2);
                without it the layer has no bias.
        """
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if activate else None
        self.stride = stride
        self.padding = padding

    def forward(self, x: FeatureMap) -> Float[Tensor, "b o y x"]:
        """Feature maps to feature maps."""
        scale = 1.0 / math.sqrt(self.weight[0].numel())
        if self.bias is None:
            return F.conv2d(x, self.weight * scale, None, self.stride, self.padding)
        weight, bias = self.weight * (scale * ACTIVATION_GAIN), self.bias * ACTIVATION_GAIN
        out = F.conv2d(x, weight, bias, self.stride, self.padding)
        return F.leaky_relu_(out, NEGATIVE_SLOPE)

"""The residual block that halves a feature map; encoder and discriminators are made of it."""

import math

from torch import nn

from openfloat.nn.equalised import EqualConv2d
from openfloat.nn.filters import blur
from openfloat.shapes import FeatureMap, Float, Tensor


class ResidualDown(nn.Module):
    """Two 3x3 convolutions, the second to half the size, beside a linear skip (StyleGAN2)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        """Build the block.

        Args:
            inputs: channels that come in, at the full size.
            outputs: channels that go out, at half the size.
        """
        super().__init__()
        self.conv1 = EqualConv2d(inputs, inputs, 3, padding=1, activate=True)
        self.conv2 = EqualConv2d(inputs, outputs, 3, stride=2, activate=True)
        self.skip = EqualConv2d(inputs, outputs, 1)

    def forward(self, x: FeatureMap) -> Float[Tensor, "b o y x"]:
        """(b, inputs, h, w) to (b, outputs, h/2, w/2); h and w are even."""
        main = self.conv2(blur(self.conv1(x), padding=2))
        skip = self.skip(blur(x, padding=1, stride=2))
        return (main + skip) / math.sqrt(2)

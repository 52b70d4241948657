"""A network of its own that reads motion off a picture (ours; the paper reads it off the latent).

Identity and motion ask different things of an encoder: one describes what must be redrawn, the
other measures what moves. Measuring is a small regression that learns fast from the data engine's
truth, once it need not share its features.
"""

import torch.nn.functional as F
from einops import rearrange
from torch import nn

from openfloat.shapes import Coefficients, Image
from openfloat.vision.landmarks import ConvBlock, ResidualBlock

INPUT_SIZE = 128
GRID = INPUT_SIZE // 16
SQUEEZED = 40
"""Channels that are kept of every cell of the last feature map."""
HIDDEN = 192


class MotionReader(nn.Module):
    """Picture -> motion coefficients: four halvings, then two linear layers."""

    def __init__(self, width: int, num_directions: int) -> None:
        """Build the network.

        Args:
            width: channels of the first layer; doubled with every halving.
            num_directions: coefficients to read.
        """
        super().__init__()
        self.features = nn.Sequential(
            ConvBlock(3, width, 2),
            ConvBlock(width, 2 * width, 2),
            ResidualBlock(2 * width),
            ConvBlock(2 * width, 4 * width, 2),
            ResidualBlock(4 * width),
            ConvBlock(4 * width, 8 * width, 2),
            ResidualBlock(8 * width),
            nn.Conv2d(8 * width, SQUEEZED, 1, bias=False),
            nn.BatchNorm2d(SQUEEZED),
            nn.ReLU(inplace=True),
        )
        self.hidden = nn.Linear(SQUEEZED * GRID * GRID, HIDDEN)
        self.out = nn.Linear(HIDDEN, num_directions)

    def forward(self, images: Image) -> Coefficients:
        """Coefficients (b m) of pictures in [-1, 1] of any size; they are seen at 128x128."""
        size = images.shape[-1]
        if size > INPUT_SIZE:
            images = F.adaptive_avg_pool2d(images, INPUT_SIZE)
        elif size < INPUT_SIZE:
            images = F.interpolate(images, size=INPUT_SIZE, mode="bilinear", align_corners=False)
        flat = rearrange(self.features(images), "b c h w -> b (c h w)")
        coefficients: Coefficients = self.out(F.relu(self.hidden(flat)))
        return coefficients

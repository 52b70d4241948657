"""From an auto-encoder of one picture size to one of twice the size that does the same (ours).

The larger network starts as: halve the picture, do what the smaller one did, double the result.
What is new in it then only has to learn the detail that the smaller one could not see.
"""

import dataclasses
import math
from typing import cast

import torch
from torch import Tensor

from openfloat.models.autoencoder import FloatAutoencoder
from openfloat.models.synthesis import SynthesisLevel
from openfloat.nn.equalised import ACTIVATION_GAIN, NEGATIVE_SLOPE, EqualConv2d
from openfloat.nn.residual import ResidualDown
from openfloat.training.networks import seeded

NOVELTY = 0.1
"""Share of their usual random start that new, not yet useful weights keep."""


def grown(autoencoder: FloatAutoencoder, size: int, seed: int) -> FloatAutoencoder:
    """A network for larger pictures that begins where a smaller one is.

    Args:
        autoencoder: the smaller network, left as it is.
        size: picture size wanted; the network doubles until it is reached.
        seed: of what the new parts start from.
    """
    while autoencoder.config.size < size:
        config = dataclasses.replace(autoencoder.config, size=2 * autoencoder.config.size)
        with seeded(seed + config.size):
            larger = FloatAutoencoder(config)
        larger.grow_from(autoencoder.state_dict())
        _begin_as_before(autoencoder, larger)
        autoencoder = larger
    return autoencoder


@torch.no_grad()
def _begin_as_before(small: FloatAutoencoder, large: FloatAutoencoder) -> None:
    """Set the new parts so that they only halve the picture and add no flow and no colour."""
    old, new = str(small.config.size), str(large.config.size)
    _imitate_stem(
        cast(EqualConv2d, small.encoder.stem[old]),
        cast(EqualConv2d, large.encoder.stem[new]),
        cast(ResidualDown, large.encoder.blocks[new]),
    )
    level = cast(SynthesisLevel, large.decoder.levels[new])
    level.flow.weight.zero_()
    level.flow.bias.zero_()
    level.colour.conv.weight.zero_()


def _imitate_stem(old: EqualConv2d, stem: EqualConv2d, block: ResidualDown) -> None:
    """Make a new stem and block equal the old stem on the blurred and halved picture.

    A leaky ReLU loses nothing when it sees x and -x: lrelu(x) - lrelu(-x) = 1.2 x. So stem and
    first convolution hand on x and -x of the three colours in six channels, and the second
    convolution, whose blur halves them, applies the old stem.
    """
    both = torch.cat([torch.eye(3), -torch.eye(3)])
    pair_gain = 1 + NEGATIVE_SLOPE
    for layer in (stem, block.conv1):
        layer.weight[:6].zero_()
        _bias(layer)[:6].zero_()
    stem.weight[:6, :, 0, 0] = both / (_scale(stem) * ACTIVATION_GAIN)
    block.conv1.weight[:6, :6, 1, 1] = (both @ both.T) / (
        _scale(block.conv1) * ACTIVATION_GAIN * pair_gain
    )
    block.conv2.weight.mul_(NOVELTY)
    block.conv2.weight[:, :6].zero_()
    block.conv2.weight[:, :6, 1, 1] = (
        old.weight[:, :, 0, 0] @ both.T * math.sqrt(2) * _scale(old)
    ) / (_scale(block.conv2) * pair_gain)
    _bias(block.conv2).copy_(_bias(old) * math.sqrt(2))
    block.skip.weight.mul_(NOVELTY)
    block.skip.weight[:, :6].zero_()


def _scale(layer: EqualConv2d) -> float:
    return 1 / math.sqrt(layer.weight[0].numel())


def _bias(layer: EqualConv2d) -> Tensor:
    assert layer.bias is not None, "stems and main convolutions have a bias"
    return layer.bias

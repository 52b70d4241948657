"""An untrained auto-encoder that behaves like a trained one: what decoders are measured on."""

from typing import NamedTuple

import numpy as np
import torch

from openfloat.bench.command import PORTRAIT
from openfloat.config import AutoencoderConfig
from openfloat.models.autoencoder import FloatAutoencoder
from openfloat.models.synthesis import SynthesisLevel
from openfloat.shapes import Latent, Tensor
from openfloat.vision.face import crop_portrait
from openfloat.vision.image import load_image

HEADS, BIASES = 0.05, 0.1
"""Spread of heads' weights (the picture then moves by some pixels) and of biases."""
CONTRAST = 0.4
"""Spread of colours in [-1, 1]."""


class Subject(NamedTuple):
    """A network, one portrait and some frames of it."""

    network: FloatAutoencoder
    features: tuple[Tensor, ...]
    latents: Latent


@torch.inference_mode()
def untrained(config: AutoencoderConfig, frames: int) -> Subject:
    """The bundled portrait in the eyes of a network with seeded weights, the same each time.

    A fresh network decodes the same picture whatever it is told: heads start at zero. Here they
    have weights, and colours are brought to the spread that pictures have.
    """
    torch.manual_seed(0)
    network = FloatAutoencoder(config).eval()
    levels = [
        level for level in network.decoder.levels.values() if isinstance(level, SynthesisLevel)
    ]
    for level in levels:
        level.flow.weight.normal_(std=HEADS)
        if level.paint is not None:
            level.paint.weight.normal_(std=HEADS)
        for layer in (level.up, level.conv):
            layer.bias.normal_(std=BIASES)
    picture = crop_portrait(load_image(PORTRAIT), config.size).image
    image = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None] / 127.5 - 1
    appearance = network.encode(image)
    motion = network.basis.motion(torch.randn(frames, config.num_directions))
    latents = appearance.identity + motion
    drawn = network.decode(latents[:1], appearance.features)
    factor = CONTRAST / drawn.std()
    for level in levels:
        level.colour.conv.weight.mul_(factor)
        if level.paint is not None:
            level.paint.weight.mul_(factor)
    levels[-1].colour.bias.sub_(drawn.mean(dim=(0, 2, 3)) * factor)
    return Subject(network, appearance.features, latents)

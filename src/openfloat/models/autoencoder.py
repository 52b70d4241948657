"""The motion latent auto-encoder (paper, section 3.1; specification, section 3)."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import nn

from openfloat.config import AutoencoderConfig
from openfloat.errors import BadCheckpoint, BadInput
from openfloat.models.basis import MotionBasis
from openfloat.models.encoder import Appearance, Encoder, SourceMap
from openfloat.models.reader import MotionReader
from openfloat.models.synthesis import Decoder, Level, Synthesis
from openfloat.nn.equalised import EqualLinear
from openfloat.shapes import Coefficients, Image, Latent, Tensor

__all__ = ["Appearance", "FloatAutoencoder", "Level", "Reconstruction", "Synthesis"]

HEAD_LAYERS = 5


class Reconstruction(NamedTuple):
    """The driving picture rebuilt from the source picture and the driving motion."""

    image: Image
    """(b 3 size size), not clamped."""
    levels: tuple[Level, ...]
    """The decoder's decisions, for resolutions 8, 16, ... size."""
    coefficients_source: Coefficients
    coefficients_driving: Coefficients


class FloatAutoencoder(nn.Module):
    """Pictures to identity and motion and back; motion lies in an orthonormal basis."""

    def __init__(self, config: AutoencoderConfig) -> None:
        """Build the network with fresh weights for the given shape.

        The motion head starts as a chain of rotations, so that five layers pass on as much as one.
        """
        super().__init__()
        self.config = config
        widths = (config.latent_dim,) * HEAD_LAYERS + (config.num_directions,)
        self.encoder = Encoder(config)
        self.reader: MotionReader | None = None
        if config.reader_width:
            self.reader = MotionReader(config.reader_width, config.num_directions)
        else:
            self.motion_head = nn.Sequential(
                *(EqualLinear(i, o) for i, o in itertools.pairwise(widths))
            )
            for weight in (w for w in self.motion_head.parameters() if w.ndim == 2):
                nn.init.orthogonal_(weight, gain=math.sqrt(weight.shape[1]))
        self.basis = MotionBasis(config.latent_dim, config.num_directions)
        self.decoder = Decoder(config)

    def encode(self, images: Image) -> Appearance:
        """Identity (b d) and feature maps (b c r r), r = 8 ... size, of pictures in [-1, 1].

        Raises:
            BadInput: the pictures are not of the configured size.
        """
        size = self.config.size
        if images.shape[-2:] != (size, size):
            height, width = images.shape[-2:]
            raise BadInput(f"pictures of {width}x{height} pixels for a model of {size}x{size}")
        appearance: Appearance = self.encoder(images)
        return appearance

    def motion_of(self, images: Image, appearance: Appearance | None = None) -> Coefficients:
        """Coordinates (b m) of the pictures' own motion, roughly of unit spread.

        Args:
            images: pictures in [-1, 1].
            appearance: what `encode` made of them, where that is at hand.
        """
        if self.reader is not None:
            found: Coefficients = self.reader(images)
            return found
        return self.coefficients((appearance or self.encode(images)).identity)

    def coefficients(self, identity: Latent) -> Coefficients:
        """The paper's motion head: five linear layers on the identity latent; not with a reader.

        The layers have no activation between them (specification, section 2).
        """
        coefficients: Coefficients = self.motion_head(identity)
        return coefficients

    def anchor(self, identity: Latent, coefficients: Coefficients) -> Latent:
        """The identity that motion is added to before decoding.

        The paper's is the encoder's output as it is. In an anchored model its part inside the basis
        is replaced by minus the portrait's own motion (ours): identity + motion of other
        coefficients then holds exactly their difference inside the basis, and an error of the
        motion head cancels between the portrait and what is drawn around it.

        Args:
            identity: the encoder's output for the source.
            coefficients: the source's own, known or from the motion head.
        """
        if not self.config.anchored:
            return identity
        inside = self.basis.coefficients(identity) + coefficients
        return identity - self.basis.motion(inside)

    def decode(self, latent: Latent, features: Sequence[SourceMap]) -> Image:
        """Pictures (b 3 size size) of identity + motion, from one or b pictures' features.

        Values are about [-1, 1], not clamped.
        """
        return self.decode_levels(latent, features).image

    def decode_levels(self, latent: Latent, features: Sequence[SourceMap]) -> Synthesis:
        """As `decode`, with where each level looked and what it took."""
        synthesis: Synthesis = self.decoder(latent, features)
        return synthesis

    def forward(self, source: Image, driving: Image) -> Reconstruction:
        """Rebuild `driving` from the looks of `source` and the motion of `driving`.

        Both show the same people, in [-1, 1]: the training pass of phase 1.
        """
        appearance = self.encode(source)
        own = self.motion_of(source, appearance)
        coefficients = self.motion_of(driving)
        latent = self.anchor(appearance.identity, own) + self.basis.motion(coefficients)
        image, levels = self.decode_levels(latent, appearance.features)
        return Reconstruction(image, levels, own, coefficients)

    @torch.no_grad()
    def grow_from(self, smaller_state: Mapping[str, Tensor]) -> tuple[str, ...]:
        """Take over every tensor that a smaller auto-encoder has by the same name and shape.

        Args:
            smaller_state: the state dictionary of an auto-encoder for smaller pictures.

        Returns:
            Names of our tensors that keep their fresh values.

        Raises:
            BadCheckpoint: not one tensor fits.
        """
        ours = self.state_dict()
        fresh = tuple(
            name
            for name, tensor in ours.items()
            if name not in smaller_state or smaller_state[name].shape != tensor.shape
        )
        if len(fresh) == len(ours):
            raise BadCheckpoint("the smaller auto-encoder has no tensor in common with this one")
        for name in ours.keys() - set(fresh):
            ours[name].copy_(smaller_state[name])
        return fresh

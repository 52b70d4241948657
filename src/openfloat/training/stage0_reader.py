"""Before phase 1: the motion reader learns to measure what the data engine knows (ours)."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from openfloat.data.dataset import to_image
from openfloat.data.picture_cache import PictureCache
from openfloat.errors import BadInput
from openfloat.models.reader import INPUT_SIZE, MotionReader
from openfloat.shapes import Coefficients, Image
from openfloat.training.augment_pictures import mirror, recolour, shift_and_grow, soften
from openfloat.training.config import Stage, TrainConfig
from openfloat.training.descent import Losses
from openfloat.training.ema import averaged_copy
from openfloat.training.loop import Player
from openfloat.training.networks import optimizer_for, seeded
from openfloat.vision.landmarks import embedded_network


class ReaderBatch(NamedTuple):
    """Pictures and the coefficients that they show."""

    images: Image
    coefficients: Coefficients


class ReaderTask:
    """Network, data and loss of the reader; see `openfloat.training.loop.Task`.

    Where the widths agree, its convolutions begin as those of the embedded landmark network, which
    has seen faces before.

    Args:
        config: a recipe for the reader.
        pictures: made pictures with their controls.

    Raises:
        BadInput: the model reads motion off the identity latent.
    """

    frozen: tuple[nn.Module, ...] = ()

    def __init__(self, config: TrainConfig, pictures: PictureCache) -> None:
        shape = config.model.autoencoder
        if not shape.reader_width:
            raise BadInput(f"{config.model.name} has no motion reader: it reads the latent")
        self._config, self._pictures = config, pictures
        with seeded(config.seed):
            network = MotionReader(shape.reader_width, shape.num_directions)
        known = embedded_network().features.state_dict()
        ours = network.features.state_dict()
        if all(known[name].shape == tensor.shape for name, tensor in ours.items()):
            network.features.load_state_dict(known)
        self._network = network.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average: nn.Module = averaged_copy(network)
        player = Player("reader", network, optimizer_for(network, config), self._losses)
        self.players: tuple[Player, ...] = (player,)

    def enter(self, stage: Stage) -> None:
        """Nothing grows here."""

    def batch(self, stage: Stage, generator: torch.Generator) -> ReaderBatch:
        """Draw pictures of anybody and change them in known ways."""
        rows = torch.randint(len(self._pictures), (stage.batch,), generator=generator)
        chosen = np.sort(rows.numpy())
        images = to_image(self._pictures.images[chosen], INPUT_SIZE)
        coefficients = torch.from_numpy(self._pictures.controls[chosen])
        if self._config.augment:
            images, coefficients = mirror(images, coefficients, generator)
            images, coefficients = shift_and_grow(images, coefficients, generator)
            images = soften(recolour(images, generator), generator)
        return ReaderBatch(images, coefficients)

    def _losses(self, batch: ReaderBatch, _clips: int) -> Losses:
        found = self._network(batch.images.to(memory_format=torch.channels_last))
        loss = nn.functional.smooth_l1_loss(found, batch.coefficients)
        return Losses(loss, {"coefficients": loss})

    def preview(self, _path: Path) -> tuple[Path, ...]:
        """Numbers alone: there is nothing to see."""
        return ()

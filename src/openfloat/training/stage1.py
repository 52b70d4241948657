"""Phase 1: the motion latent auto-encoder learns to redraw one picture of a person as another."""

import dataclasses
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from openfloat.data.batch import PairBatch
from openfloat.data.dataset import PairSampler
from openfloat.models.autoencoder import FloatAutoencoder, Reconstruction
from openfloat.shapes import Image
from openfloat.training.checkpoint import optimizer_tensors, restore_optimizer, under_prefix
from openfloat.training.config import PictureWeights, Stage, TrainConfig
from openfloat.training.critics import Critics, critic_parts, fooling_parts, grown_critics
from openfloat.training.descent import Losses
from openfloat.training.ema import averaged_copy
from openfloat.training.export import read_run
from openfloat.training.growth import grown
from openfloat.training.loop import Player, step_generator
from openfloat.training.networks import optimizer_for, seeded
from openfloat.training.perceptual import (
    RandomPyramid,
    Vgg19Pyramid,
    component_loss,
    make_pyramid,
    multi_scale,
    perceptual_loss,
)
from openfloat.training.preview import contact_sheet
from openfloat.training.schedule import truth_weight
from openfloat.training.truth import coefficient_loss, grid_loss, mask_loss
from openfloat.weights.hub import resolve_model
from openfloat.weights.store import load_into, load_state

PREVIEW_PAIRS = 8


class AutoencoderTask:
    """Networks, data and losses of phase 1; see `openfloat.training.loop.Task`.

    Args:
        config: a recipe for the auto-encoder.
        sampler: where pairs come from.
    """

    players: tuple[Player, ...]

    def __init__(self, config: TrainConfig, sampler: PairSampler) -> None:
        self._config, self._sampler = config, sampler
        self._pyramid = make_pyramid(config.vgg)
        self.frozen: tuple[nn.Module, ...] = (self._pyramid,)
        self._made: list[Image] = []
        self._reader = read_run(Path(config.reader))[1] if config.reader else {}
        self.size = config.stages[0].size
        with seeded(config.seed):
            shape = dataclasses.replace(config.model.autoencoder, size=self.size)
            self._autoencoder = FloatAutoencoder(shape)
            self._critics = Critics(shape, config.pictures)
        if config.start:
            self._start_from(config.start)
        self.average: nn.Module = averaged_copy(self._autoencoder)
        self._seat()

    def _start_from(self, name: str) -> None:
        """Take over the auto-encoder of a finished model; its reader stays as it is."""
        weights = under_prefix("autoencoder", load_state(resolve_model(name)))
        load_into(self._autoencoder, weights)
        self._reader = self._reader or under_prefix("reader", weights)

    def _seat(self) -> None:
        """Make the players of the present networks, with optimisers that remember nothing."""
        for network in (self._autoencoder, self.average):
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._autoencoder.train()
        self._autoencoder.encoder.requires_grad_(not self._config.fixed_encoder)
        self._fix_reader()
        optimizer = optimizer_for(self._autoencoder, self._config)
        self.players = (
            Player("autoencoder", self._autoencoder, optimizer, self._autoencoder_losses),
        )
        if self._critics:
            optimizer = optimizer_for(self._critics, self._config)
            self.players += (Player("critics", self._critics, optimizer, self._critic_losses),)

    def _fix_reader(self) -> None:
        """A reader that was trained before stays as it is."""
        if self._reader:
            for network in (self._autoencoder, self.average):
                reader = network.get_submodule("reader")
                load_into(reader, {name: t.clone() for name, t in self._reader.items()})
                reader.eval().requires_grad_(requires_grad=False)

    def enter(self, stage: Stage) -> None:
        """Grow to the stage's picture size; what the optimisers know of the old parts is kept."""
        if stage.size <= self.size:
            return
        memories = [optimizer_tensors(p.module, p.optimizer) for p in self.players]
        seed = self._config.seed
        average = self.average
        assert isinstance(average, FloatAutoencoder)
        self._autoencoder = grown(self._autoencoder, stage.size, seed)
        self.average = averaged_copy(grown(average, stage.size, seed))
        self._critics = grown_critics(
            self._critics, self._autoencoder.config, self._config.pictures, seed
        )
        self.size = stage.size
        self._seat()
        for player, memory in zip(self.players, memories, strict=True):
            restore_optimizer(player.module, player.optimizer, memory)

    def batch(self, stage: Stage, generator: torch.Generator) -> PairBatch:
        """Draw pairs at the present size."""
        return self._sampler.draw(stage.batch, self.size, generator)

    def _autoencoder_losses(self, batch: PairBatch, clips: int) -> Losses:
        known = known_rows(batch.supervised, self._config.known_motion)
        made = reconstruct(self._autoencoder, batch, known)
        weights = self._config.pictures
        generator = step_generator(self._config.seed + 2, clips)
        window = draw_window(self.size, self._config.feature_window, generator)
        parts = picture_parts(made.image, batch, self._pyramid, weights, window)
        painted = self._config.model.autoencoder.painted
        parts |= truth_parts(made, batch, known, weights, painted=painted)
        if self._critics:
            self._made.append(made.image.detach())
            parts |= fooling_parts(self._critics, made.image, batch, weights)
        return Losses(weighted(parts, weights, truth_weight(self._config, clips)), parts)

    def _critic_losses(self, batch: PairBatch, clips: int) -> Losses:
        made = self._made.pop(0)  # of the first batch that they have not judged
        stage, _ = self._config.stage_at(clips)
        regularise = (clips // stage.batch) % 16 == 0
        parts = critic_parts(self._critics, made, batch, regularise=regularise)
        return Losses(torch.stack(list(parts.values())).sum(), parts)

    @torch.no_grad()
    def preview(self, path: Path) -> tuple[Path, ...]:
        """Rows: source, driving, what the averaged network makes of them; always the same pairs."""
        generator = step_generator(self._config.seed + 1, 0)
        batch = self._sampler.draw(PREVIEW_PAIRS, self.size, generator)
        device = next(self.average.parameters()).device
        made: Reconstruction = self.average(batch.source.to(device), batch.driving.to(device))
        picture = path.with_suffix(".png")
        contact_sheet(picture, [batch.source, batch.driving, made.image.cpu()])
        return (picture,)


def known_rows(supervised: Tensor, share: float) -> Tensor:
    """The first rows of those with known controls, so many that they are the given share."""
    return supervised & (supervised.cumsum(0) <= round(share * int(supervised.sum())))


def reconstruct(autoencoder: FloatAutoencoder, batch: PairBatch, known: Tensor) -> Reconstruction:
    """Redraw the driving pictures from the looks of the sources (paper, section 3.1).

    Args:
        autoencoder: in training mode.
        batch: pairs of pictures.
        known: rows whose driving motion is taken from the known controls; the motion head is not
            asked about their driving picture.

    Returns:
        `coefficients_driving` holds the known controls on those rows.
    """
    appearance = autoencoder.encode(batch.source.to(memory_format=torch.channels_last))
    driving = batch.controls_driving
    if not bool(known.all()):
        asked = batch.driving[~known].to(memory_format=torch.channels_last)
        found = autoencoder.motion_of(asked).float()
        driving = found.new_zeros(len(known), found.shape[1])
        if bool(known.any()):
            driving[known] = batch.controls_driving[known]
        driving = driving.index_put((~known,), found)
    own = autoencoder.motion_of(batch.source, appearance).float()
    source = own
    if bool(known.any()):  # of as many controls as there are directions
        source = torch.where(known[:, None], batch.controls_source, own)
    latent = autoencoder.anchor(appearance.identity, source) + autoencoder.basis.motion(driving)
    image, levels = autoencoder.decode_levels(latent, appearance.features)
    return Reconstruction(image, levels, own, driving)


def picture_parts(
    image: Tensor,
    batch: PairBatch,
    pyramid: Vgg19Pyramid | RandomPyramid,
    weights: PictureWeights,
    window: tuple[slice, slice] = (slice(None), slice(None)),
) -> dict[str, Tensor]:
    """What compares the reconstruction with the driving picture (paper, section 3.1).

    Args:
        image: the reconstruction, not clamped.
        batch: what it was made from.
        pyramid: the frozen network whose features are compared.
        weights: terms of weight 0 are left out.
        window: rows and columns in which features are compared.
    """
    parts = {"l1": F.l1_loss(image, batch.driving)}
    if weights.component_l1:
        inside = batch.region * (image - batch.driving).abs()
        parts["component_l1"] = inside.sum() / (3 * batch.region.sum()).clamp(min=1)
    if weights.hidden_l1:
        hidden = hidden_region(batch, image.shape[-1])
        parts["hidden_l1"] = (hidden * (image - batch.driving).abs()).sum() / (
            3 * hidden.sum()
        ).clamp(min=1)
    if weights.perceptual or weights.component:
        made = multi_scale(pyramid, image[(..., *window)])
        with torch.no_grad():
            real = multi_scale(pyramid, batch.driving[(..., *window)])
        pairs = list(zip(made, real, strict=True))
        if weights.perceptual:
            parts["perceptual"] = torch.stack([perceptual_loss(*pair) for pair in pairs]).mean()
        if weights.component:
            parts["component"] = component_loss(made[0], real[0], batch.region[(..., *window)])
    return parts


def draw_window(size: int, share: float, generator: torch.Generator) -> tuple[slice, slice]:
    """Rows and columns of a square window somewhere about the face of a standard crop.

    Args:
        size: height and width of the pictures.
        share: of it that the window is high and wide.
        generator: says where.
    """
    side = round(size * share / 16) * 16
    free = size - side
    down, across = torch.rand(2, generator=generator).tolist()
    top, left = round(free * (1 + 2 * down) / 3), round(free * (1 + 4 * across) / 6)
    return slice(top, top + side), slice(left, left + side)


def hidden_region(batch: PairBatch, size: int) -> Tensor:
    """(b, 1, size, size) 1 where mouth or eyes show what the source does not; 0 on real rows."""
    hidden = (1 - batch.visible) * batch.supervised[:, None, None, None]
    return batch.region * F.interpolate(hidden, size=size, mode="nearest")


def truth_parts(
    made: Reconstruction,
    batch: PairBatch,
    known: Tensor,
    weights: PictureWeights,
    *,
    painted: bool,
) -> dict[str, Tensor]:
    """What compares with the engine's truth; real rows count nothing (ours).

    Args:
        made: from `reconstruct`.
        batch: what it was made from.
        known: rows whose driving coefficients were not read off the picture.
        weights: terms of weight 0 are left out.
        painted: whether the decoder paints what the source does not show.
    """
    parts = {}
    if weights.coefficients:
        found = torch.cat([made.coefficients_source, made.coefficients_driving])
        wanted = torch.cat([batch.controls_source, batch.controls_driving])
        counted = torch.cat([batch.supervised, batch.supervised & ~known])
        parts["coefficients"] = coefficient_loss(found, wanted, counted)
    if weights.grid:
        parts["grid"] = grid_loss(
            made.levels, batch.grid, batch.visible, batch.supervised, batch.region
        )
    if weights.mask:
        parts["mask"] = mask_loss(made.levels, batch.visible, batch.supervised, painted=painted)
    return parts


def weighted(parts: dict[str, Tensor], weights: PictureWeights, truth: float) -> Tensor:
    """The sum of the terms by their weights; `grid` and `mask` count `truth` of theirs."""
    share = {"grid": truth, "mask": truth}
    terms = [getattr(weights, name) * share.get(name, 1) * part for name, part in parts.items()]
    return torch.stack(terms).sum()

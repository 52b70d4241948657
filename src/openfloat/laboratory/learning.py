"""A small vector field learns from heard clips: flow matching, or denoising on the same network."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from openfloat.config import POSE
from openfloat.flow.diffusion import Diffusion
from openfloat.flow.path import linear_path
from openfloat.flow.times import draw_times
from openfloat.laboratory.listening import HeardBatch, HeardWindows
from openfloat.laboratory.variant import Variant
from openfloat.models.cross_attention import build_field
from openfloat.shapes import Float, Motion
from openfloat.training.config import Stage, TrainConfig
from openfloat.training.descent import Losses
from openfloat.training.ema import averaged_copy
from openfloat.training.loop import Player
from openfloat.training.networks import optimizer_for, seeded
from openfloat.training.stage2 import (
    Conditions,
    Dropped,
    draw_dropped,
    drop_conditions,
    flow_parts,
    weighted_sum,
)


def token_directions(width: int, count: int = 20) -> Float[Tensor, "d m"]:
    """Orthonormal directions in which coefficients lie in wider tokens; the same every time."""
    noise = torch.randn(width, count, generator=torch.Generator().manual_seed(width))
    return torch.linalg.qr(noise).Q


class Drawn(NamedTuple):
    """Windows with everything that chance decides."""

    windows: HeardBatch
    noise: Motion
    time: Tensor
    """(b,) flow times, or steps of the diffusion as whole numbers."""
    dropped: Dropped


class AblationTask:
    """Network, data and losses of one variant; see `openfloat.training.loop.Task`.

    Args:
        variant: what is trained.
        config: `variant.recipe(seed)`.
        windows: where it learns from.
    """

    frozen: tuple[nn.Module, ...] = ()

    def __init__(self, variant: Variant, config: TrainConfig, windows: HeardWindows) -> None:
        self._variant, self._config, self._windows = variant, config, windows
        self._directions = token_directions(variant.latent_dim) if variant.latent_dim else None
        self._diffusion = None
        if variant.objective != "flow":
            self._diffusion = Diffusion(target=variant.objective)
        with seeded(config.seed):
            self.field = build_field(variant.token_field)
        self.average: nn.Module = averaged_copy(self.field)
        optimizer = optimizer_for(self.field, config)
        self.players: tuple[Player, ...] = (Player("field", self.field, optimizer, self._losses),)

    def enter(self, stage: Stage) -> None:
        """Nothing grows here."""

    def batch(self, stage: Stage, generator: torch.Generator) -> Drawn:
        """Draw windows, noise, times, and what is dropped."""
        windows = self._windows.draw(stage.batch, generator)
        field = self._variant.token_field
        noise = torch.randn(
            (stage.batch, field.window_frames, field.motion_dim), generator=generator
        )
        time = draw_times(stage.batch, generator, stratified=True)
        if self._diffusion is not None:
            time = (time * self._diffusion.steps).long()
        dropped = draw_dropped(stage.batch, self._config.drop, generator)
        return Drawn(windows, noise, time, dropped)

    def _losses(self, batch: Drawn, _clips: int) -> Losses:
        given = self._conditions(batch.windows)
        window = self._token(batch.windows.window)
        if self._diffusion is None:
            x_t, target = linear_path(batch.noise, window, batch.time)
            time = batch.time
        else:
            x_t, target = self._diffusion.noisy(window, batch.noise, batch.time)
            time = batch.time.float() / self._diffusion.steps
        seen = drop_conditions(given, batch.dropped)
        said = self.field(x_t, time, **seen._asdict())
        real = torch.ones(said.shape[:2], dtype=torch.bool)
        parts = flow_parts(said, target, given.past, real, batch.dropped)
        return Losses(weighted_sum(parts, self._config.motion), parts)

    def _conditions(self, windows: HeardBatch) -> Conditions:
        """What the field is told, nothing dropped; the pose too where it can be told one."""
        pose = self.field.pose
        return Conditions(
            past=self._token(windows.past),
            reference=self._token(windows.reference),
            speech=windows.speech,
            past_speech=windows.past_speech,
            emotion=windows.emotion,
            pose=None if pose is None else pose(windows.window[..., : len(POSE)]),
        )

    def _token(self, coefficients: Tensor) -> Tensor:
        return coefficients if self._directions is None else coefficients @ self._directions.T

    def preview(self, _path: Path, /) -> tuple[Path, ...]:
        """Motion alone shows nothing."""
        return ()

"""Phase 2: the vector field learns how motion flows from noise, given voice, past and emotion."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from openfloat.config import POSE
from openfloat.data.windows import WindowBatch, WindowSampler
from openfloat.flow.loss import difference_loss, velocity_loss
from openfloat.flow.path import linear_path
from openfloat.flow.times import draw_times
from openfloat.models.basis import MotionBasis
from openfloat.models.cross_attention import build_field
from openfloat.shapes import Bool, Emotion, Float, Motion, Speech, Time
from openfloat.training.augment import vary_voice
from openfloat.training.checkpoint import under_prefix
from openfloat.training.config import ConditionDrop, MotionWeights, Stage, TrainConfig
from openfloat.training.descent import Losses
from openfloat.training.ema import averaged_copy
from openfloat.training.loop import Player
from openfloat.training.networks import optimizer_for, seeded
from openfloat.training.start import go_on_from
from openfloat.training.voice import Voice
from openfloat.weights.hub import resolve_model
from openfloat.weights.store import load_into, load_state


class Conditions(NamedTuple):
    """All that steers the vector field."""

    past: Motion
    reference: Float[Tensor, "b f"]
    speech: Speech
    past_speech: Speech
    emotion: Emotion
    pose: Float[Tensor, "b t c"] | None = None
    """Features, in a field that has them."""


class MotionBatch(NamedTuple):
    """A window batch with everything that chance decides."""

    windows: WindowBatch
    noise: Motion
    time: Time
    dropped: "Dropped"


class Dropped(NamedTuple):
    """Which samples see a condition as zeros."""

    reference: Bool[Tensor, " b"]
    speech: Bool[Tensor, " b"]
    emotion: Bool[Tensor, " b"]
    past_motion: Bool[Tensor, " b"]
    past_speech: Bool[Tensor, " b"]
    pose: Bool[Tensor, " b"]


def draw_dropped(count: int, drop: ConditionDrop, generator: torch.Generator) -> Dropped:
    """Decide for every sample and condition by itself (paper, section 3.2)."""
    return Dropped(
        *(torch.rand(count, generator=generator) < getattr(drop, name) for name in Dropped._fields)
    )


def drop_conditions(given: Conditions, dropped: Dropped) -> Conditions:
    """Zero what is dropped, whole samples at a time; the given tensors are left alone."""
    return Conditions(
        past=_zero(given.past, dropped.past_motion),
        reference=_zero(given.reference, dropped.reference),
        speech=_zero(given.speech, dropped.speech),
        past_speech=_zero(given.past_speech, dropped.past_speech),
        emotion=_zero(given.emotion, dropped.emotion),
        pose=None if given.pose is None else _zero(given.pose, dropped.pose),
    )


def _zero(condition: Tensor, rows: Bool[Tensor, " b"]) -> Tensor:
    return condition.masked_fill(rows.view(-1, *[1] * (condition.ndim - 1)), 0)


def flow_parts(
    velocity: Motion, target: Motion, past: Motion, real: Tensor, dropped: Dropped
) -> dict[str, Tensor]:
    """The losses of phase 2 by name (paper, section 3.2, L_OT in two parts and L_vel).

    Args:
        velocity: what the field says, past frames first.
        target: x1 - x0 of the window.
        past: the clean motion before it.
        real: (b k) frames that lie within their clip.
        dropped: samples whose past motion was dropped are not asked to reproduce it.
    """
    num_past = past.shape[1]
    inside = real[:, num_past:, None].to(target.dtype)
    known = (real[:, :num_past] & ~dropped.past_motion[:, None])[..., None].to(target.dtype)
    return {
        "velocity": velocity_loss(velocity[:, num_past:], target, weight=inside),
        "past": velocity_loss(velocity[:, :num_past], past, weight=known),
        "difference": difference_loss(velocity[:, num_past:], target, weight=inside),
    }


class MotionTask:
    """Networks, data and losses of phase 2; see `openfloat.training.loop.Task`.

    Args:
        config: a recipe for the motion.
        sampler: where windows come from.
        voice: what turns sound into features; only its `trained` part learns.
        basis: motion directions of a trained auto-encoder, where the field works on latents.
    """

    frozen: tuple[nn.Module, ...] = ()
    draw: Callable[[nn.Module, Path], object] | None = None
    """Draws a video of what the averaged networks do."""

    def __init__(
        self,
        config: TrainConfig,
        sampler: WindowSampler,
        voice: Voice,
        basis: MotionBasis | None = None,
    ) -> None:
        self._config, self._sampler, self._voice = config, sampler, voice
        self._directions = None if basis is None else basis.eval().directions().detach()
        with seeded(config.seed):
            self._field = build_field(config.model.motion)
        if config.start:
            self._start_from(config.start)
        networks = nn.ModuleDict({"motion": self._field, "speech": voice.trained}).train()
        self.average: nn.Module = averaged_copy(networks)
        optimizer = optimizer_for(networks, config)
        self.players: tuple[Player, ...] = (Player("motion", networks, optimizer, self._losses),)

    def _start_from(self, name: str) -> None:
        """Take over the motion and its speech encoder from a finished model."""
        weights = load_state(resolve_model(name))
        go_on_from(self._field, under_prefix("motion", weights))
        load_into(self._voice.trained, under_prefix("speech", weights))

    def enter(self, stage: Stage) -> None:
        """Nothing grows here."""

    def batch(self, stage: Stage, generator: torch.Generator) -> MotionBatch:
        """Draw windows, noise, flow times, and what is dropped."""
        windows = self._sampler.draw(stage.batch, generator)
        if self._config.augment and self._voice.hears_sound:
            windows = windows._replace(waveform=vary_voice(windows.waveform, generator))
        shape = self._config.model.motion
        noise_shape = (stage.batch, shape.window_frames, shape.motion_dim)
        return MotionBatch(
            windows,
            torch.randn(noise_shape, generator=generator),
            draw_times(stage.batch, generator, stratified=True),
            draw_dropped(stage.batch, self._config.drop, generator),
        )

    def _losses(self, batch: MotionBatch, _clips: int) -> Losses:
        num_past = self._config.model.motion.past_frames
        windows = batch.windows
        motion, reference = self._as_tokens(windows.motion), self._as_tokens(windows.reference)
        speech = self._voice.features(windows)
        past, window = motion[:, :num_past], motion[:, num_past:]
        pose = self._field.pose
        given = Conditions(
            past,
            reference,
            speech[:, num_past:],
            speech[:, :num_past],
            windows.emotion,
            None if pose is None else pose(windows.motion[:, num_past:, : len(POSE)]),
        )
        point = linear_path(batch.noise, window, batch.time)
        seen = drop_conditions(given, batch.dropped)
        velocity = self._field(point.x_t, batch.time, **seen._asdict())
        parts = flow_parts(velocity, point.velocity, past, windows.real, batch.dropped)
        total = weighted_sum(parts, self._config.motion)
        if self._directions is not None:
            error = velocity[:, num_past:] - point.velocity
            parts["inside_basis"] = share_inside(error.detach(), self._directions.to(error.device))
        return Losses(total, parts)

    def _as_tokens(self, coefficients: Tensor) -> Tensor:
        """Coefficients as the field's motion tokens: themselves, or latents in the basis."""
        return (
            coefficients
            if self._directions is None
            else coefficients @ self._directions.T.to(coefficients.device)
        )

    def preview(self, path: Path) -> tuple[Path, ...]:
        """What `draw` makes of the averaged networks; motion alone shows nothing."""
        if self.draw is None:
            return ()
        video = path.with_suffix(".mp4")
        self.draw(self.average, video)
        return (video,)


def weighted_sum(parts: dict[str, Tensor], weights: MotionWeights) -> Tensor:
    """The sum of the terms by their weights."""
    return torch.stack([getattr(weights, name) * part for name, part in parts.items()]).sum()


def share_inside(latents: Tensor, directions: Float[Tensor, "d m"]) -> Tensor:
    """Share of the energy of latents (..., d) that lies in the span of the directions."""
    return (latents @ directions).square().sum() / latents.square().sum().clamp(min=1e-12)

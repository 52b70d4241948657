"""The vector field: a transformer over frames, told frame by frame what to do."""

from itertools import pairwise
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import nn

from openfloat.config import VectorFieldConfig
from openfloat.models.codes import PoseFeatures, TimeEmbedding, position_code
from openfloat.shapes import Bool, Emotion, Float, Int, Motion, Speech, Tensor, Time

Hidden = Float[Tensor, "b k h"]
Mask = Bool[Tensor, "q k"]
"""True where a frame may attend to another; the last q of k frames are those that look."""


class Steering(NamedTuple):
    """What each frame is told; frames that are told the same may share it."""

    told: Float[Tensor, "#b r h"]
    """One row for each frame, or the rows that all clips share."""
    row: Int[Tensor, "b k"] | None = None
    """Which of the shared rows each frame goes by; none: its own."""

    @classmethod
    def shared(cls, told: Float[Tensor, "b k c"]) -> "Steering":
        """Each distinct row once; its gradient is lost."""
        rows, row = torch.unique(told.flatten(0, 1), dim=0, return_inverse=True)
        return cls(rows[None], row.view(told.shape[:2]))

    def last(self, count: int) -> "Steering":
        """The same for the last `count` frames alone."""
        if self.row is None:
            return self._replace(told=self.told[:, -count:])
        return self._replace(row=self.row[:, -count:])

    def through(self, layer: nn.Module) -> Hidden:
        """What a layer makes of it, frame by frame, each shared row computed once."""
        made = layer(self.told)
        return cast(Tensor, made if self.row is None else F.embedding(self.row, made[0]))


class Prepared(NamedTuple):
    """Everything about a window that holds at any flow time."""

    past: Float[Tensor, "b p h"]
    """Embedded frames before the window."""
    steering: Steering
    """Embedded conditions, flow time still to be added."""
    masks: tuple[Mask, ...]
    """Who sees whom in each block, and which frames go on from it."""


def _every_frame(
    told: Float[Tensor, "b c"] | Float[Tensor, "b t c"], num_frames: int
) -> Float[Tensor, "b k c"]:
    """What all frames are told; past frames are told what the window's first one is."""
    if told.ndim == 2:
        return repeat(told, "b c -> b k c", k=num_frames)
    past = num_frames - told.shape[1]
    return torch.cat([told[:, :1].expand(-1, past, -1), told], dim=1)


def band_mask(
    num_frames: int, radius: int, device: torch.device | None = None
) -> Bool[Tensor, "k k"]:
    """True where frame i may attend to frame j: |i - j| <= radius, in both directions."""
    frame = torch.arange(num_frames, device=device)
    distance = rearrange(frame, "i -> i 1") - rearrange(frame, "j -> 1 j")
    return distance.abs() <= radius


def band_masks(
    config: VectorFieldConfig, *, window_only: bool, device: torch.device | None = None
) -> tuple[Mask, ...]:
    """One for each block; `window_only` drops past frames that no later block carries into it."""
    band = band_mask(config.total_frames, config.attention_radius, device)
    reach = [config.attention_radius * after for after in reversed(range(config.depth))]
    gone = [max(0, config.past_frames - frames) if window_only else 0 for frames in reach]
    return tuple(band[after:, before:] for before, after in pairwise([0, *gone]))


def modulate(x: Hidden, shift: Hidden, scale: Hidden) -> Hidden:
    """Move and stretch every frame's channels."""
    return x * (1 + scale) + shift


class Modulation(nn.Module):
    """What frames are told -> several vectors for each, all zero in an untrained network."""

    def __init__(self, hidden_dim: int, count: int) -> None:
        super().__init__()
        self.count = count
        self.linear = nn.Linear(hidden_dim, count * hidden_dim)

    def forward(self, steering: Steering) -> tuple[Hidden, ...]:
        return steering.through(self.linear).chunk(self.count, dim=-1)


class Attention(nn.Module):
    """Multi-head attention of the last frames to those that a mask allows them."""

    def __init__(self, hidden_dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(hidden_dim, 3 * hidden_dim)
        self.out = nn.Linear(hidden_dim, hidden_dim)

    def forward(self, x: Hidden, mask: Mask) -> Float[Tensor, "b q h"]:
        query, key, value = rearrange(
            self.qkv(x), "b k (three n c) -> three b n k c", three=3, n=self.num_heads
        )
        query = query[:, :, -len(mask) :]
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return cast(Tensor, self.out(rearrange(seen, "b n k c -> b k (n c)")))


class Block(nn.Module):
    """Attention and a two-layer network, both steered by what their frame is told."""

    def __init__(self, config: VectorFieldConfig) -> None:
        super().__init__()
        inner_dim = int(config.hidden_dim * config.mlp_ratio)
        self.norm = nn.LayerNorm(config.hidden_dim, eps=1e-6, elementwise_affine=False)
        self.modulation = Modulation(config.hidden_dim, 6)
        self.attention = Attention(config.hidden_dim, config.num_heads)
        self.mlp = nn.Sequential(
            nn.Linear(config.hidden_dim, inner_dim),
            nn.GELU(approximate="tanh"),
            nn.Linear(inner_dim, config.hidden_dim),
        )

    def forward(self, x: Hidden, steering: Steering, mask: Mask) -> Float[Tensor, "b q h"]:
        shift, scale, *later = self.modulation(steering)
        seen = self.attention(modulate(self.norm(x), shift, scale), mask)
        x, gate_1, shift, scale, gate_2 = (part[:, -len(mask) :] for part in (x, *later))
        x = x + gate_1 * seen
        return x + gate_2 * self.mlp(modulate(self.norm(x), shift, scale))


class Head(nn.Module):
    """Hidden frames -> velocities, exactly zero in an untrained network."""

    def __init__(self, config: VectorFieldConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.hidden_dim, eps=1e-6, elementwise_affine=False)
        self.modulation = Modulation(config.hidden_dim, 2)
        self.linear = nn.Linear(config.hidden_dim, config.motion_dim)

    def forward(self, x: Hidden, steering: Steering) -> Float[Tensor, "b k f"]:
        shift, scale = self.modulation(steering)
        return cast(Tensor, self.linear(modulate(self.norm(x), shift, scale)))


class VectorField(nn.Module):
    """Where motion flows, given past, portrait, speech and emotion (paper, section 3.2).

    One token per frame: first the clean past, then the window at flow time t. Each frame attends
    to its neighbours within `attention_radius` alone, forwards and backwards.
    """

    positions: Tensor

    def __init__(self, config: VectorFieldConfig) -> None:
        super().__init__()
        self.config = config
        hidden = config.hidden_dim
        told_dims = (config.motion_dim, config.speech_dim, config.num_emotions, config.pose_dim)
        self.embed_motion = nn.Linear(config.motion_dim, hidden)
        self.embed_time = TimeEmbedding(hidden)
        self.embed_condition = nn.Linear(sum(told_dims), hidden)
        # Never trained, yet stored: a checkpoint's own table is what its weights expect.
        self.register_buffer("positions", position_code(config.total_frames, hidden))
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.depth)])
        self.head = Head(config)
        self.pose = PoseFeatures(config.pose_dim) if config.pose_dim else None
        self._initialise()

    @property
    def dtype(self) -> torch.dtype:
        """What it computes in."""
        return self.embed_motion.weight.dtype

    def _initialise(self) -> None:
        """Xavier; N(0, 0.02) on the time network; zeros where the field must start as zero."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        for linear in (self.embed_time.inner, self.embed_time.outer):
            nn.init.normal_(linear.weight, std=0.02)
        for module in self.modules():
            if isinstance(module, Modulation):
                nn.init.zeros_(module.linear.weight)
        nn.init.zeros_(self.head.linear.weight)
        if self.pose is not None:
            nn.init.normal_(self.pose.linear.bias)

    def forward(
        self,
        x: Motion,
        t: Time,
        *,
        past: Float[Tensor, "b p f"],
        reference: Float[Tensor, "b f"],
        speech: Speech,
        past_speech: Float[Tensor, "b p a"],
        emotion: Emotion | Float[Tensor, "b t e"],
        pose: Float[Tensor, "b t c"] | None = None,
    ) -> Float[Tensor, "b k f"]:
        """Velocity dx/dt of the window, preceded by the network's idea of the clean past.

        A condition that is all zero counts as not given.

        Args:
            x: motion at flow time t, `window_frames` long.
            t: flow time of each clip, in [0, 1].
            past: clean motion of the `past_frames` before the window.
            reference: the portrait's own motion.
            speech: speech features of the window.
            past_speech: those of the past frames.
            emotion: weights of the emotions (b e), or of each frame of the window (b t e).
            pose: features of each frame's pose, by `pose`, in a field that has them.

        Returns:
            `past_frames + window_frames` positions; sampling drops the first `past_frames`.
        """
        prepared = self.prepare(
            past=past,
            reference=reference,
            speech=speech,
            past_speech=past_speech,
            emotion=emotion,
            pose=pose,
        )
        return self.velocity(x, t, prepared)

    def prepare(
        self,
        *,
        past: Float[Tensor, "b p f"],
        reference: Float[Tensor, "b f"],
        speech: Speech,
        past_speech: Float[Tensor, "b p a"],
        emotion: Emotion | Float[Tensor, "b t e"],
        pose: Float[Tensor, "b t c"] | None = None,
        drawing: bool = False,
    ) -> Prepared:
        """What does not depend on flow time, once for all evaluations of a window.

        The conditions are those of `forward`. `drawing` promises that all clips will be at one flow
        time and that the window's positions alone are asked for: frames that are told the same then
        share the work, and past frames are left out as soon as the window cannot see them.
        """
        sound = torch.cat([past_speech, speech], dim=1)
        num_frames = sound.shape[1]
        portrait = repeat(reference, "b f -> b k f", k=num_frames)
        condition = torch.cat([portrait, sound, _every_frame(emotion, num_frames)], dim=-1)
        if self.pose is not None:
            if pose is None:
                pose = condition.new_zeros(len(condition), self.config.pose_dim)
            condition = torch.cat([condition, _every_frame(pose, num_frames)], dim=-1)
        # Frames that shared a row would share its gradient too.
        # Devices that do all rows at once gain nothing, and would have to wait for the processor.
        share = drawing and not condition.requires_grad and condition.device.type == "cpu"
        steering = Steering.shared(condition) if share else Steering(condition)
        return Prepared(
            past=self.embed_motion(past) + self.positions[:, : past.shape[1]],
            steering=steering._replace(told=self.embed_condition(steering.told)),
            masks=band_masks(self.config, window_only=drawing, device=past.device),
        )

    def velocity(
        self, x: Motion, t: Float[Tensor, " #b"], prepared: Prepared
    ) -> Float[Tensor, "b k f"]:
        """`forward` from what was prepared, which may serve any number of times.

        After `prepare(drawing=True)`, t is one number for all clips and the window alone returns.
        """
        moment = rearrange(self.embed_time(t), "b h -> b 1 h")
        steering = prepared.steering
        steering = steering._replace(told=F.silu(steering.told + moment))
        window = self.embed_motion(x) + self.positions[:, prepared.past.shape[1] :]
        hidden = torch.cat([prepared.past, window], dim=1)
        for block, mask in zip(self.blocks, prepared.masks, strict=True):
            hidden = block(hidden, steering.last(mask.shape[1]), mask)
        return cast(Tensor, self.head(hidden, steering.last(hidden.shape[1])))

"""The vector field: a transformer over frames, told frame by frame what to do."""

import math
from typing import cast

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import nn

from openfloat.config import VectorFieldConfig
from openfloat.shapes import Bool, Emotion, Float, Motion, Speech, Tensor, Time

TIME_CHANNELS = 256
"""Width of the flow time's cosine-sine code."""
MAX_PERIOD = 10_000
"""Longest wave of both codes: flow time and frame position."""

Hidden = Float[Tensor, "b k h"]


def band_mask(
    num_frames: int, radius: int, device: torch.device | None = None
) -> Bool[Tensor, "k k"]:
    """True where frame i may attend to frame j: |i - j| <= radius, in both directions."""
    frame = torch.arange(num_frames, device=device)
    distance = rearrange(frame, "i -> i 1") - rearrange(frame, "j -> 1 j")
    return distance.abs() <= radius


def position_code(num_frames: int, channels: int) -> Float[Tensor, "1 k h"]:
    """The fixed table of frame positions: sine on even channels, cosine on odd.

    Channels 2i and 2i + 1 turn with frequency 10000^(-2i / channels).
    """
    frequencies = MAX_PERIOD ** -(torch.arange(0, channels, 2, dtype=torch.float64) / channels)
    angles = torch.outer(torch.arange(num_frames, dtype=torch.float64), frequencies)
    code = rearrange([angles.sin(), angles.cos()], "two k half -> 1 k (half two)")
    return code.to(torch.get_default_dtype())


def time_code(t: Time) -> Float[Tensor, "b c"]:
    """Flow time in [0, 1], not scaled up, as 128 cosines and then 128 sines."""
    half = TIME_CHANNELS // 2
    exponents = torch.arange(half, device=t.device, dtype=t.dtype) / half
    angles = torch.outer(t, torch.exp(-math.log(MAX_PERIOD) * exponents))
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def modulate(x: Hidden, shift: Hidden, scale: Hidden) -> Hidden:
    """Move and stretch every frame's channels."""
    return x * (1 + scale) + shift


class TimeEmbedding(nn.Module):
    """Flow time -> one vector per clip."""

    def __init__(self, hidden_dim: int) -> None:
        super().__init__()
        self.inner = nn.Linear(TIME_CHANNELS, hidden_dim)
        self.outer = nn.Linear(hidden_dim, hidden_dim)

    def forward(self, t: Time) -> Float[Tensor, "b h"]:
        return cast(Tensor, self.outer(F.silu(self.inner(time_code(t)))))


class Modulation(nn.Module):
    """Condition -> several per-frame vectors, all zero in an untrained network."""

    def __init__(self, hidden_dim: int, count: int) -> None:
        super().__init__()
        self.count = count
        self.linear = nn.Linear(hidden_dim, count * hidden_dim)

    def forward(self, condition: Hidden) -> tuple[Hidden, ...]:
        return self.linear(F.silu(condition)).chunk(self.count, dim=-1)


class Attention(nn.Module):
    """Multi-head self-attention within the frames that a mask allows."""

    def __init__(self, hidden_dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(hidden_dim, 3 * hidden_dim)
        self.out = nn.Linear(hidden_dim, hidden_dim)

    def forward(self, x: Hidden, mask: Bool[Tensor, "k k"]) -> Hidden:
        query, key, value = rearrange(
            self.qkv(x), "b k (three n c) -> three b n k c", three=3, n=self.num_heads
        )
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return cast(Tensor, self.out(rearrange(seen, "b n k c -> b k (n c)")))


class Block(nn.Module):
    """Attention and a two-layer network, both steered by the condition of their frame."""

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

    def forward(self, x: Hidden, condition: Hidden, mask: Bool[Tensor, "k k"]) -> Hidden:
        shift_1, scale_1, gate_1, shift_2, scale_2, gate_2 = self.modulation(condition)
        x = x + gate_1 * self.attention(modulate(self.norm(x), shift_1, scale_1), mask)
        return x + gate_2 * self.mlp(modulate(self.norm(x), shift_2, scale_2))


class Head(nn.Module):
    """Hidden frames -> velocities, exactly zero in an untrained network."""

    def __init__(self, config: VectorFieldConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.hidden_dim, eps=1e-6, elementwise_affine=False)
        self.modulation = Modulation(config.hidden_dim, 2)
        self.linear = nn.Linear(config.hidden_dim, config.motion_dim)

    def forward(self, x: Hidden, condition: Hidden) -> Float[Tensor, "b k f"]:
        shift, scale = self.modulation(condition)
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
        condition_dim = config.motion_dim + config.speech_dim + config.num_emotions
        self.embed_motion = nn.Linear(config.motion_dim, hidden)
        self.embed_time = TimeEmbedding(hidden)
        self.embed_condition = nn.Linear(condition_dim, hidden)
        # Never trained, yet stored: a checkpoint's own table is what its weights expect.
        self.register_buffer("positions", position_code(config.total_frames, hidden))
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.depth)])
        self.head = Head(config)
        self._initialise()

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

    def forward(
        self,
        x: Motion,
        t: Time,
        *,
        past: Float[Tensor, "b p f"],
        reference: Float[Tensor, "b f"],
        speech: Speech,
        past_speech: Float[Tensor, "b p a"],
        emotion: Emotion,
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
            emotion: weights of the emotions, the same for every frame.

        Returns:
            `past_frames + window_frames` positions; sampling drops the first `past_frames`.
        """
        sound = torch.cat([past_speech, speech], dim=1)
        num_frames = sound.shape[1]
        condition = torch.cat(
            [
                repeat(reference, "b f -> b k f", k=num_frames),
                sound,
                repeat(emotion, "b e -> b k e", k=num_frames),
            ],
            dim=-1,
        )
        moment = rearrange(self.embed_time(t), "b h -> b 1 h")
        condition = self.embed_condition(condition) + moment
        mask = band_mask(num_frames, self.config.attention_radius, x.device)

        hidden = self.embed_motion(torch.cat([past, x], dim=1)) + self.positions
        for block in self.blocks:
            hidden = block(hidden, condition, mask)
        return cast(Tensor, self.head(hidden, condition))

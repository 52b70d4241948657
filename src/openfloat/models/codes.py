"""Numbers as the vector field hears them: a frame's place, the flow's time, a head's pose."""

import math
from typing import cast

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from openfloat.config import POSE
from openfloat.shapes import Float, Pose, Tensor, Time

TIME_CHANNELS = 256
"""Width of the flow time's cosine-sine code."""
MAX_PERIOD = 10_000
"""Longest wave of both codes: flow time and frame position."""


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


class TimeEmbedding(nn.Module):
    """Flow time -> one vector per clip."""

    def __init__(self, hidden_dim: int) -> None:
        super().__init__()
        self.inner = nn.Linear(TIME_CHANNELS, hidden_dim)
        self.outer = nn.Linear(hidden_dim, hidden_dim)

    def forward(self, t: Time) -> Float[Tensor, "b h"]:
        return cast(
            Tensor, self.outer(F.silu(self.inner(time_code(t).to(self.inner.weight.dtype))))
        )


class PoseFeatures(nn.Module):
    """Head pose -> what the condition says of it (paper, appendix: a linear layer, then its norm).

    The paper's are as many as the pose's numbers; the norm then leaves only four of six degrees of
    freedom. More channels, with a bias that starts at random, keep all six.
    """

    def __init__(self, pose_dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(len(POSE), pose_dim)
        self.norm = nn.LayerNorm(pose_dim)

    def forward(self, pose: Pose) -> Float[Tensor, "b t c"]:
        """The six numbers of each frame are motion coefficients."""
        return cast(Tensor, self.norm(self.linear(pose)))

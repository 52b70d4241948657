"""Convolutional layers over log-mel features, shared by our own speech and emotion networks."""

import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from openfloat.audio.mel import MELS_PER_FRAME

Sequence = Float[Tensor, "b c t"]


class ChannelNorm(nn.Module):
    """Layer norm over the channels of each frame alone: no frame learns of another through it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Sequence) -> Sequence:
        """Each frame with mean 0 and variance 1 over its channels, then gain and bias."""
        return rearrange(self.norm(rearrange(x, "b c t -> b t c")), "b t c -> b c t")


class FoldToFrames(nn.Conv1d):
    """Eight mel columns to one video frame: its own four and two of either neighbour."""

    REACH_FRAMES = 1

    def __init__(self, num_mels: int, channels: int) -> None:
        super().__init__(
            num_mels,
            channels,
            kernel_size=2 * MELS_PER_FRAME,
            stride=MELS_PER_FRAME,
            padding=MELS_PER_FRAME // 2,
        )


class ResidualBlock(nn.Module):
    """Norm, SiLU, dilated convolution of kernel 3, norm, SiLU, pointwise convolution; added."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.norm_inner = ChannelNorm(channels)
        self.dilated = nn.Conv1d(channels, channels, 3, dilation=dilation, padding=dilation)
        self.norm_outer = ChannelNorm(channels)
        self.pointwise = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Sequence) -> Sequence:
        """Same shape; each frame sees itself and the frames `dilation` before and after."""
        inner = self.dilated(F.silu(self.norm_inner(x)))
        return x + self.pointwise(F.silu(self.norm_outer(inner)))

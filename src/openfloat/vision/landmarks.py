"""Our small landmark network: where the 478 points of a face are, and whether it is a face at all.

The points are those of the MediaPipe face mesh with irises (468 vertices of
`canonical_face_mediapipe.obj`, then 5 points for each iris). `recipes/landmarks.py` trains the
network; its weights are embedded in the package.

What the embedded weights are good for, on held-out portraits: points are off by 4.6 % of the
distance between the eyes and the opening of the mouth follows the truth (correlation 0.93). Lids
follow weakly (0.63), the turn of the head hardly at all (0.2): the training pictures are frontal.
"""

import functools
from importlib.resources import as_file, files
from typing import NamedTuple

import torch
from einops import rearrange
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn

INPUT_SIZE = 112
NUM_LANDMARKS = 478
CONTEXT = 1.4
"""Side of the network's square as a multiple of the longer side of the face box."""


class LandmarkOutput(NamedTuple):
    """What the network says about a batch of squares."""

    points: Float[Tensor, "b 478 2"]
    """(x, y) as a share of the square: 0 and 1 are its edges."""
    score: Float[Tensor, " b"]
    """Logit: above 0 the square holds a face of about the expected size."""


class ConvBlock(nn.Sequential):
    """3x3 convolution, batch norm, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvBlock(channels, channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return torch.relu(x + self.norm(self.second(self.first(x))))


class LandmarkNetwork(nn.Module):
    """Square picture of a face -> 478 points and a face score: 1.0 M parameters, 56 M products."""

    mean_shape: Tensor
    """(478, 2) the mean face about the origin, its longer side 1 / CONTEXT."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            ConvBlock(3, 16, 2),
            ConvBlock(16, 32, 2),
            ResidualBlock(32),
            ConvBlock(32, 64, 2),
            ResidualBlock(64),
            ConvBlock(64, 128, 2),
            ResidualBlock(128),
            nn.Conv2d(128, 40, 1, bias=False),
            nn.BatchNorm2d(40),
            nn.ReLU(inplace=True),
        )
        self.hidden = nn.Linear(40 * 7 * 7, 160)
        self.offsets = nn.Linear(160, NUM_LANDMARKS * 2)
        self.pose = nn.Linear(160, 4)
        self.score = nn.Linear(160, 1)
        self.register_buffer("mean_shape", torch.zeros(NUM_LANDMARKS, 2))
        for head in (self.offsets, self.pose):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    def forward(self, squares: Float[Tensor, "b 3 112 112"]) -> LandmarkOutput:
        """Locate the points.

        Args:
            squares: RGB in [-1, 1], the face about 1 / CONTEXT of the side.
        """
        flat = rearrange(self.features(squares), "b c h w -> b (c h w)")
        hidden = torch.relu(self.hidden(flat))
        offsets = rearrange(self.offsets(hidden), "b (n xy) -> b n xy", xy=2)
        shape = self.mean_shape + 0.05 * offsets
        return LandmarkOutput(
            points=_place(shape, 0.2 * self.pose(hidden)),
            score=rearrange(self.score(hidden), "b 1 -> b"),
        )


def _place(shape: Float[Tensor, "b n 2"], pose: Float[Tensor, "b 4"]) -> Float[Tensor, "b n 2"]:
    """Turn, scale and shift shapes about the origin to the middle of the square.

    Args:
        shape: upright faces about the origin.
        pose: shift x, shift y, logarithm of the size, angle in radians (clockwise).
    """
    shift, size, angle = pose[:, None, :2], pose[:, 2].exp(), pose[:, 3]
    cos, sin = size * angle.cos(), size * angle.sin()
    turn = torch.stack([torch.stack([cos, sin], dim=-1), torch.stack([-sin, cos], dim=-1)], dim=1)
    return shape @ turn + shift + 0.5


@functools.cache
def embedded_network() -> LandmarkNetwork:
    """The network with the weights of this package, in eval mode on the CPU, loaded once."""
    network = LandmarkNetwork()
    with as_file(files("openfloat") / "assets" / "face" / "landmarks.safetensors") as path:
        state = load_file(path)
    # float16 in the file, float32 in memory; integer counters stay what they are
    wide = {name: t.float() if t.is_floating_point() else t for name, t in state.items()}
    network.load_state_dict(wide, strict=True)
    return network.eval().requires_grad_(requires_grad=False)

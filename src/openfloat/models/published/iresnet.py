"""The residual network of ArcFace (Deng et al. 2019, "improved ResNet"), for CSIM.

Names are those of the published PyTorch weights (`layer1.0.bn1.weight` ... `features.bias`).
"""

from typing import Literal

import torch
from torch import nn

from openfloat.shapes import Float, Image, Tensor

SIZE, FEATURES = 112, 512
Depth = Literal[18, 34, 50, 100]
_BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 14, 3), 100: (3, 13, 30, 3)}


class IBlock(nn.Module):
    """Norm, convolution, norm, PReLU, convolution, norm; the sum is not rectified."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.prelu = nn.PReLU(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.downsample = None
        if stride != 1 or channels != width:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        kept = x if self.downsample is None else self.downsample(x)
        return self.bn3(self.conv2(hidden)) + kept


class IResNet(nn.Module):
    """Aligned faces -> embeddings, not normalised."""

    def __init__(self, depth: Depth = 50) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.prelu = nn.PReLU(64)
        channels = 64
        for number, count in enumerate(_BLOCKS[depth], start=1):
            width = 32 * 2**number
            blocks = [IBlock(channels, width, 2)]
            blocks += [IBlock(width, width, 1) for _ in range(count - 1)]
            setattr(self, f"layer{number}", nn.Sequential(*blocks))
            channels = width
        self.bn2 = nn.BatchNorm2d(512)
        self.fc = nn.Linear(512 * 7 * 7, FEATURES)
        self.features = nn.BatchNorm1d(FEATURES)
        self.features.weight.requires_grad = False

    def forward(self, faces: Image) -> Float[Tensor, "b c"]:
        """Embeddings of faces (b 3 112 112) in [-1, 1], aligned to ArcFace's five points."""
        x = self.prelu(self.bn1(self.conv1(faces)))
        for number in (1, 2, 3, 4):
            x = getattr(self, f"layer{number}")(x)
        return self.features(self.fc(torch.flatten(self.bn2(x), 1)))


def depth_of(names: set[str]) -> Depth:
    """Depth of the network whose tensors have these names; 50 where none fits."""
    for depth, blocks in _BLOCKS.items():
        last = f"layer3.{blocks[2] - 1}.conv1.weight"
        beyond = f"layer3.{blocks[2]}.conv1.weight"
        if last in names and beyond not in names:
            return depth  # type: ignore[return-value]
    return 50

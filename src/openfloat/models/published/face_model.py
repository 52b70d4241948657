"""The regressor of 3-D morphable face coefficients of Deng et al. 2019, for E-FID and P-FID.

A ResNet-50 (He et al. 2016, stride in the 3x3 convolutions) and seven 1x1 convolutions on its
pooled features, with the names of the published PyTorch weights (`backbone.conv1.weight` ...
`final_layers.6.bias`).
"""

from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import nn

from openfloat.shapes import Float, Tensor

SIZE = 224
HEADS = {
    "identity": 80, "expression": 64, "texture": 80, "angles": 3, "light": 27, "shift": 2,
    "depth": 1,
}  # fmt: skip


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1, each with its norm, and the input added."""

    def __init__(self, channels: int, inner: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, inner, 1, bias=False), nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, 4 * inner, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * inner)
        self.downsample = None
        if stride != 1 or channels != 4 * inner:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, 4 * inner, 1, stride, bias=False), nn.BatchNorm2d(4 * inner)
            )

    def forward(self, x: Tensor) -> Tensor:
        kept = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        return F.relu(self.bn3(self.conv3(x)) + kept)


class ResNet50(nn.Module):
    """Pictures -> (b 2048 1 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        channels = 64
        for number, count in enumerate((3, 4, 6, 3), start=1):
            inner = 32 * 2**number
            blocks = [Bottleneck(channels, inner, 1 if number == 1 else 2)]
            blocks += [Bottleneck(4 * inner, inner, 1) for _ in range(count - 1)]
            setattr(self, f"layer{number}", nn.Sequential(*blocks))
            channels = 4 * inner

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for number in (1, 2, 3, 4):
            x = getattr(self, f"layer{number}")(x)
        return x.mean(dim=(2, 3), keepdim=True)


class FaceCoefficients(NamedTuple):
    """What E-FID and P-FID compare."""

    expression: Float[Tensor, "b 64"]
    pose: Float[Tensor, "b 6"]
    """Three angles and a translation."""


class FaceModelRegressor(nn.Module):
    """Aligned faces -> coefficients of the morphable model."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = ResNet50()
        self.final_layers = nn.ModuleList([nn.Conv2d(2048, width, 1) for width in HEADS.values()])

    def forward(self, faces: Float[Tensor, "b 3 224 224"]) -> FaceCoefficients:
        """Coefficients of faces in [0, 1], aligned by five points to the model's mean face."""
        pooled = self.backbone(faces)
        found = {
            name: cast(nn.Conv2d, layer)(pooled).flatten(1)
            for name, layer in zip(HEADS, self.final_layers, strict=True)
        }
        pose = torch.cat([found[name] for name in ("angles", "shift", "depth")], dim=1)
        return FaceCoefficients(found["expression"], pose)

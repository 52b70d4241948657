"""I3D (Carreira and Zisserman 2017), whose 400 Kinetics logits FVD compares.

Names are those of the published PyTorch weights (`Conv3d_1a_7x7.conv3d.weight` ...
`logits.conv3d.bias`). Padding is TensorFlow's "same": what is missing, the odd one at the end.
"""

from itertools import chain

import torch
import torch.nn.functional as F
from torch import nn

from openfloat.shapes import Float, Tensor

SIZE, CLASSES, FEWEST_FRAMES = 224, 400, 16
Clip = Float[Tensor, "b _ _ _ _"]
"""(b c t h w)."""
_MIXED = {
    "Mixed_3b": (192, 64, 96, 128, 16, 32, 32), "Mixed_3c": (256, 128, 128, 192, 32, 96, 64),
    "Mixed_4b": (480, 192, 96, 208, 16, 48, 64), "Mixed_4c": (512, 160, 112, 224, 24, 64, 64),
    "Mixed_4d": (512, 128, 128, 256, 24, 64, 64), "Mixed_4e": (512, 112, 144, 288, 32, 64, 64),
    "Mixed_4f": (528, 256, 160, 320, 32, 128, 128),
    "Mixed_5b": (832, 256, 160, 320, 32, 128, 128), "Mixed_5c": (832, 384, 192, 384, 48, 128, 128),
}  # fmt: skip
"""Channels: input; 1x1x1; before and of the first 3x3x3; of the second; after the pooling."""


def pad_same(x: Clip, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Clip:
    """Zeros around, so that every stride-th place is a centre."""
    missing = [
        max(k - (s if size % s == 0 else size % s), 0)
        for size, k, s in zip(x.shape[2:], kernel, stride, strict=True)
    ]
    return F.pad(x, [*chain(*((m // 2, m - m // 2) for m in reversed(missing)))])


def pool_same(x: Clip, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Clip:
    """Largest of each neighbourhood; the padding counts as zero."""
    return F.max_pool3d(pad_same(x, kernel, stride), kernel, stride)


class Unit(nn.Module):
    """Convolution, batch norm, ReLU; or the convolution alone, with a bias."""

    def __init__(
        self, channels: int, width: int, kernel: int = 1, stride: int = 1, *, plain: bool = False
    ) -> None:
        super().__init__()
        self._kernel, self._stride = (kernel,) * 3, (stride,) * 3
        self.conv3d = nn.Conv3d(channels, width, kernel, stride, bias=plain)
        self.bn = None if plain else nn.BatchNorm3d(width, eps=0.001, momentum=0.01)

    def forward(self, x: Clip) -> Clip:
        x = self.conv3d(pad_same(x, self._kernel, self._stride))
        return x if self.bn is None else F.relu(self.bn(x))


class MixedUnit(nn.Module):
    """Four branches side by side."""

    def __init__(self, channels: int, *widths: int) -> None:
        super().__init__()
        self.b0 = Unit(channels, widths[0])
        self.b1a, self.b1b = Unit(channels, widths[1]), Unit(widths[1], widths[2], 3)
        self.b2a, self.b2b = Unit(channels, widths[3]), Unit(widths[3], widths[4], 3)
        self.b3b = Unit(channels, widths[5])

    def forward(self, x: Clip) -> Clip:
        pooled = pool_same(x, (3, 3, 3), (1, 1, 1))
        branches = (self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(pooled))
        return torch.cat(branches, dim=1)


class I3d(nn.Module):
    """Clips -> 400 logits, averaged over time."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = Unit(3, 64, 7, 2)
        self.Conv3d_2b_1x1 = Unit(64, 64)
        self.Conv3d_2c_3x3 = Unit(64, 192, 3)
        for name, widths in _MIXED.items():
            setattr(self, name, MixedUnit(*widths))
        self.logits = Unit(1024, CLASSES, plain=True)

    def forward(self, clips: Clip) -> Float[Tensor, "b k"]:
        """Logits of clips (b 3 t 224 224) in [-1, 1], at least 16 frames."""
        x = pool_same(self.Conv3d_1a_7x7(clips), (1, 3, 3), (1, 2, 2))
        x = pool_same(self.Conv3d_2c_3x3(self.Conv3d_2b_1x1(x)), (1, 3, 3), (1, 2, 2))
        for name in _MIXED:
            if name == "Mixed_4b":
                x = pool_same(x, (3, 3, 3), (2, 2, 2))
            if name == "Mixed_5b":
                x = pool_same(x, (2, 2, 2), (2, 2, 2))
            x = getattr(self, name)(x)
        x = F.avg_pool3d(x, (2, 7, 7), stride=1)
        return self.logits(x).mean(dim=(2, 3, 4))

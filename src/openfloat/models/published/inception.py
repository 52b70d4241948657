"""Inception-v3 as FID uses it (Szegedy et al. 2016; the network of 2015-12-05 of Heusel et al.).

Names are those of the port to PyTorch (`Conv2d_1a_3x3.conv.weight` ... `fc.bias`, 1008 classes). It
differs from the usual Inception-v3 in three ways: average pooling leaves out the padding, and the
last block pools by maximum.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from openfloat.shapes import Float, Image, Tensor

SIZE, FEATURES, CLASSES = 299, 2048, 1008
Kernel = int | tuple[int, int]
Layer = tuple[str, int, Kernel, int, Kernel]
"""Name, channels, kernel, stride, padding."""


class Conv(nn.Module):
    """Convolution without bias, batch norm, ReLU."""

    def __init__(
        self, channels: int, width: int, kernel: Kernel, stride: int = 1, padding: Kernel = 0
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(width, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class Mixed(nn.Module):
    """Chains of convolutions side by side, and a pooled one; a fork ends in two at once.

    Args:
        channels: of the input.
        chains: layers one after the other, each chain's results joined in this order.
        pool: `average` (then `branch_pool` of so many channels), `maximum`, or `halve` (stride 2,
            no convolution after).
    """

    def __init__(
        self, channels: int, chains: Sequence[Sequence[Layer]], pool: str, pooled: int = 0
    ) -> None:
        super().__init__()
        self._chains = [[name for name, *_ in chain] for chain in chains]
        self._pool = pool
        for chain in chains:
            before = channels
            for name, width, kernel, stride, padding in chain:
                if hasattr(self, name):
                    before = width
                    continue
                setattr(self, name, Conv(before, width, kernel, stride, padding))
                before = width
        if pooled:
            self.branch_pool = Conv(channels, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        found: list[Tensor] = []
        known: dict[str, Tensor] = {}
        for names in self._chains:
            hidden = x
            for name in names:
                # Forked chains share their first layers.
                known[name] = hidden = known[name] if name in known else getattr(self, name)(hidden)
            found.append(hidden)
        found.append(self._pooled(x))
        return torch.cat(found, dim=1)

    def _pooled(self, x: Tensor) -> Tensor:
        if self._pool == "halve":
            return F.max_pool2d(x, 3, stride=2)
        if self._pool == "maximum":
            return self.branch_pool(F.max_pool2d(x, 3, stride=1, padding=1))
        return self.branch_pool(F.avg_pool2d(x, 3, 1, padding=1, count_include_pad=False))


def _block_a(channels: int, pooled: int) -> Mixed:
    chains: list[list[Layer]] = [
        [("branch1x1", 64, 1, 1, 0)],
        [("branch5x5_1", 48, 1, 1, 0), ("branch5x5_2", 64, 5, 1, 2)],
        [("branch3x3dbl_1", 64, 1, 1, 0), ("branch3x3dbl_2", 96, 3, 1, 1),
         ("branch3x3dbl_3", 96, 3, 1, 1)],
    ]  # fmt: skip
    return Mixed(channels, chains, "average", pooled)


def _block_b(channels: int) -> Mixed:
    chains: list[list[Layer]] = [
        [("branch3x3", 384, 3, 2, 0)],
        [("branch3x3dbl_1", 64, 1, 1, 0), ("branch3x3dbl_2", 96, 3, 1, 1),
         ("branch3x3dbl_3", 96, 3, 2, 0)],
    ]  # fmt: skip
    return Mixed(channels, chains, "halve")


def _block_c(channels: int, inner: int) -> Mixed:
    across, down = ((1, 7), 1, (0, 3)), ((7, 1), 1, (3, 0))
    chains: list[list[Layer]] = [
        [("branch1x1", 192, 1, 1, 0)],
        [("branch7x7_1", inner, 1, 1, 0), ("branch7x7_2", inner, *across),
         ("branch7x7_3", 192, *down)],
        [("branch7x7dbl_1", inner, 1, 1, 0), ("branch7x7dbl_2", inner, *down),
         ("branch7x7dbl_3", inner, *across), ("branch7x7dbl_4", inner, *down),
         ("branch7x7dbl_5", 192, *across)],
    ]  # fmt: skip
    return Mixed(channels, chains, "average", 192)


def _block_d(channels: int) -> Mixed:
    chains: list[list[Layer]] = [
        [("branch3x3_1", 192, 1, 1, 0), ("branch3x3_2", 320, 3, 2, 0)],
        [("branch7x7x3_1", 192, 1, 1, 0), ("branch7x7x3_2", 192, (1, 7), 1, (0, 3)),
         ("branch7x7x3_3", 192, (7, 1), 1, (3, 0)), ("branch7x7x3_4", 192, 3, 2, 0)],
    ]  # fmt: skip
    return Mixed(channels, chains, "halve")


def _block_e(channels: int, pool: str) -> Mixed:
    across, down = ((1, 3), 1, (0, 1)), ((3, 1), 1, (1, 0))
    first: Layer = ("branch3x3_1", 384, 1, 1, 0)
    second: list[Layer] = [("branch3x3dbl_1", 448, 1, 1, 0), ("branch3x3dbl_2", 384, 3, 1, 1)]
    chains: list[list[Layer]] = [
        [("branch1x1", 320, 1, 1, 0)],
        [first, ("branch3x3_2a", 384, *across)],
        [first, ("branch3x3_2b", 384, *down)],
        [*second, ("branch3x3dbl_3a", 384, *across)],
        [*second, ("branch3x3dbl_3b", 384, *down)],
    ]
    return Mixed(channels, chains, pool, 192)


class FidInception(nn.Module):
    """Pictures -> the 2048 features that FID compares."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Conv(3, 32, 3, 2)
        self.Conv2d_2a_3x3 = Conv(32, 32, 3)
        self.Conv2d_2b_3x3 = Conv(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Conv(64, 80, 1)
        self.Conv2d_4a_3x3 = Conv(80, 192, 3)
        self.Mixed_5b = _block_a(192, 32)
        self.Mixed_5c = _block_a(256, 64)
        self.Mixed_5d = _block_a(288, 64)
        self.Mixed_6a = _block_b(288)
        self.Mixed_6b = _block_c(768, 128)
        self.Mixed_6c = _block_c(768, 160)
        self.Mixed_6d = _block_c(768, 160)
        self.Mixed_6e = _block_c(768, 192)
        self.Mixed_7a = _block_d(768)
        self.Mixed_7b = _block_e(1280, "average")
        self.Mixed_7c = _block_e(2048, "maximum")
        self.fc = nn.Linear(FEATURES, CLASSES)

    def forward(self, images: Image) -> Float[Tensor, "b c"]:
        """Pooled features of pictures in [-1, 1], of any size; they are seen at 299x299.

        Resized bilinearly, corners not aligned, as the PyTorch port does.
        """
        x = F.interpolate(images, (SIZE, SIZE), mode="bilinear", align_corners=False)
        for stage in ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3"):
            x = getattr(self, stage)(x)
        x = F.max_pool2d(x, 3, 2)
        x = F.max_pool2d(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x)), 3, 2)
        for name, block in self.named_children():
            if name.startswith("Mixed"):
                x = block(x)
        return x.mean(dim=(2, 3))

"""LPIPS (Zhang et al. 2018): distances in a classifier's features, weighed by linear heads.

Two published files: the classifier (VGG-16 or AlexNet with torchvision's names, of which only
`features.*` is used) and the heads (`lin0.model.1.weight` ...).
"""

from typing import Literal, cast

import torch
from torch import nn

from openfloat.shapes import Float, Image, Tensor

Backbone = Literal["vgg", "alex"]
WIDTHS = {"vgg": (64, 128, 256, 512, 512), "alex": (64, 192, 384, 256, 256)}
TAPS = {"vgg": (3, 8, 15, 22, 29), "alex": (1, 4, 7, 9, 11)}
"""Layers after whose ReLU features are compared."""
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
_EPSILON = 1e-8


def _vgg() -> nn.Sequential:
    layers: list[nn.Module] = []
    channels = 3
    for number, (width, count) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))):
        if number:
            layers.append(nn.MaxPool2d(2, 2))
        for _ in range(count):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
    return nn.Sequential(*layers)


def _alex() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(),
    )  # fmt: skip


class LinearHead(nn.Module):
    """One weight for each channel; the drop-out before it counts in training alone."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Dropout(), nn.Conv2d(width, 1, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.model(x))


class Lpips(nn.Module):
    """Pairs of pictures -> their distance."""

    shift: Tensor
    scale: Tensor

    def __init__(self, backbone: Backbone = "alex") -> None:
        super().__init__()
        self.features = _vgg() if backbone == "vgg" else _alex()
        self._taps = TAPS[backbone]
        for number, width in enumerate(WIDTHS[backbone]):
            setattr(self, f"lin{number}", LinearHead(width))
        for name, value in (("shift", _SHIFT), ("scale", _SCALE)):
            self.register_buffer(name, torch.tensor(value)[:, None, None], persistent=False)

    def forward(self, pictures: Image, others: Image) -> Float[Tensor, " b"]:
        """Distance of each pair of pictures in [-1, 1]; 0 for equal ones."""
        a, b = ((x - self.shift) / self.scale for x in (pictures, others))
        total = torch.zeros(len(pictures), device=a.device, dtype=a.dtype)
        head = 0
        for number, layer in enumerate(self.features):
            a, b = layer(a), layer(b)
            if number in self._taps:
                difference = (_unit(a) - _unit(b)).square()
                total = total + getattr(self, f"lin{head}")(difference).mean(dim=(1, 2, 3))
                head += 1
        return total


def _unit(x: Tensor) -> Tensor:
    return x / torch.sqrt(_EPSILON + x.square().sum(dim=1, keepdim=True))

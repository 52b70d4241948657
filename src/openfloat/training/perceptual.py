"""Feature pyramids that a picture loss is measured in, and the losses measured in them."""

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from openfloat.errors import BadCheckpoint
from openfloat.shapes import FeatureMap, Image, Mask
from openfloat.training.networks import seeded

Pyramid = Sequence[FeatureMap]

_VGG19_BLOCKS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)


class Vgg19Pyramid(nn.Module):
    """The first convolution's output of each of VGG-19's five blocks (relu1_1 ... relu5_1).

    Weights come from a user's file with torchvision's names (`features.0.weight` ...); none are
    shipped. The network is frozen.
    """

    scales = 3
    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleDict()
        position, channels = 0, 3
        for block, (width, depth) in enumerate(_VGG19_BLOCKS):
            for _ in range(1 if block == len(_VGG19_BLOCKS) - 1 else depth):
                self.convolutions[str(position)] = nn.Conv2d(channels, width, 3, padding=1)
                channels, position = width, position + 2
            position += 1
        self.register_buffer(
            "mean", torch.tensor(_IMAGENET_MEAN)[None, :, None, None], persistent=False
        )
        self.register_buffer(
            "std", torch.tensor(_IMAGENET_STD)[None, :, None, None], persistent=False
        )
        self.eval().requires_grad_(requires_grad=False)

    @classmethod
    def from_file(cls, path: Path) -> "Vgg19Pyramid":
        """Read the weights from .safetensors or .pth.

        Raises:
            BadCheckpoint: the file is missing, or is not VGG-19.
        """
        pyramid = cls()
        try:
            state = (
                load_file(path)
                if path.suffix == ".safetensors"
                else torch.load(path, map_location="cpu", weights_only=True)
            )
            wanted = pyramid.convolutions.state_dict()
            pyramid.convolutions.load_state_dict({n: state[f"features.{n}"] for n in wanted})
        except Exception as error:
            raise BadCheckpoint(f"{path} does not hold VGG-19 weights: {error}") from error
        return pyramid

    def forward(self, images: Image) -> list[Tensor]:
        """Five feature maps, at 1, 1/2 ... 1/16 of the picture's size."""
        x = ((images + 1) / 2 - self.mean) / self.std
        levels = []
        position = 0
        for block, (_, depth) in enumerate(_VGG19_BLOCKS):
            for layer in range(depth):
                x = F.relu(self.convolutions[str(position)](x))
                position += 2
                if layer == 0:
                    levels.append(x)
                if block == len(_VGG19_BLOCKS) - 1:
                    return levels
            position += 1
            x = F.max_pool2d(x, 2)
        raise AssertionError("VGG-19 has five blocks")


class RandomPyramid(nn.Module):
    """A frozen convolutional pyramid with seeded random weights: structure without foreign weights.

    Each level is a 3x3 convolution with orthogonal filters, leaky ReLU and average pooling; the
    first level and half of the others are blind to flat areas. Random filters see edges and
    textures at several scales, though not their meaning.
    """

    scales = 1

    def __init__(self, widths: tuple[int, ...] = (24, 32, 48, 64), seed: int = 0) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList()
        channels = 3
        with seeded(seed):
            for width in widths:
                convolution = nn.Conv2d(channels, width, 3, padding=1, bias=False)
                nn.init.orthogonal_(convolution.weight, gain=2**0.5)
                with torch.no_grad():  # these see differences between neighbours alone
                    blind = convolution.weight[: width if channels == 3 else width // 2]
                    blind -= blind.mean(dim=(2, 3), keepdim=True)
                self.convolutions.append(convolution)
                channels = width
        self.eval().requires_grad_(requires_grad=False)

    def forward(self, images: Image) -> list[Tensor]:
        """One feature map per level, at 1, 1/2, 1/4 ... of the picture's size."""
        levels, x = [], images
        for index, convolution in enumerate(self.convolutions):
            x = F.leaky_relu(convolution(x if index == 0 else F.avg_pool2d(x, 2)), 0.2)
            levels.append(x)
        return levels


def perceptual_loss(made: Pyramid, real: Pyramid) -> Tensor:
    """Mean absolute difference of features, averaged over the levels (paper, L_lp).

    Args:
        made: features of the reconstruction.
        real: features of the driving picture.
    """
    return torch.stack([F.l1_loss(a, b) for a, b in zip(made, real, strict=True)]).mean()


def component_loss(made: Pyramid, real: Pyramid, region: Mask, num_levels: int = 4) -> Tensor:
    """Feature difference inside the mouth-and-eyes mask, per masked pixel (paper, L_comp-lp).

    Sum over levels of ||M (phi(made) - phi(real))||_1 / |M|, where |M| counts the one-channel mask
    resized to the level; levels where no pixel is masked add nothing.

    Args:
        made: features of the reconstruction.
        real: features of the driving picture.
        region: 1 inside mouth and eyes, at any resolution.
        num_levels: how many levels, from the finest.
    """
    total = torch.zeros((), device=region.device)
    for a, b in zip(made[:num_levels], real[:num_levels], strict=True):
        mask = F.interpolate(region, size=a.shape[-2:], mode="area")
        total = total + (mask * (a - b).abs()).sum() / mask.sum().clamp(min=1)
    return total


def multi_scale(pyramid: Vgg19Pyramid | RandomPyramid, images: Image) -> list[list[Tensor]]:
    """The pyramid's features of the picture at full, half, quarter ... size.

    Args:
        pyramid: `scales` of it says how many sizes.
        images: pictures in [-1, 1].
    """
    scales = []
    for _ in range(pyramid.scales):
        scales.append(pyramid(images))
        images = F.avg_pool2d(images, 2)
    return scales


def make_pyramid(vgg: str) -> Vgg19Pyramid | RandomPyramid:
    """VGG-19 from a file, or the random pyramid where no file is named."""
    return Vgg19Pyramid.from_file(Path(vgg)) if vgg else RandomPyramid()

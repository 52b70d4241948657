"""The paper's phase 1 with a VGG-19 file of your own, e.g. torchvision's vgg19 as .safetensors."""

from dataclasses import replace

from openfloat.training.config import TrainConfig
from openfloat.training.recipes import float_autoencoder


def recipe() -> TrainConfig:
    """The preset with perceptual losses on VGG-19 instead of the random pyramid."""
    return replace(float_autoencoder(), vgg="vgg19.safetensors", seed=1)

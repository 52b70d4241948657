"""Every official name of the auto-encoder is known exactly once and fits ours by a reshape."""

from dataclasses import replace

import pytest
import torch

from openfloat.config import AutoencoderConfig
from openfloat.models.autoencoder import FloatAutoencoder
from openfloat.weights.official_autoencoder import autoencoder_names

PREFIX = "autoencoder."


def names_and_shapes(config: AutoencoderConfig) -> dict[str, torch.Size]:
    with torch.device("meta"):
        state = FloatAutoencoder(config).state_dict()
    return {name: tensor.shape for name, tensor in state.items()}


@pytest.mark.parametrize("size", [64, 128, 256, 512, 1024])
def test_every_tensor_of_ours_has_exactly_one_official_name(size: int) -> None:
    config = replace(AutoencoderConfig.tiny(), size=size, painted=False, reader_width=0)
    ours = [name for name in autoencoder_names(config).values() if name is not None]
    assert len(ours) == len(set(ours))
    assert set(ours) == {PREFIX + name for name in names_and_shapes(config)}


def test_what_is_dropped_is_noise_constants_and_the_first_colour_head() -> None:
    dropped = [
        name for name, ours in autoencoder_names(AutoencoderConfig()).items() if ours is None
    ]
    kinds = (".noise.weight", ".kernel")
    rest = [name for name in dropped if not name.endswith(kinds) and ".to_rgb1." not in name]
    assert rest == []
    assert sum(name.endswith(".noise.weight") for name in dropped) == 15

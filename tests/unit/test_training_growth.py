"""A grown auto-encoder begins as the smaller one on halved pictures."""

import torch
import torch.nn.functional as F

from openfloat.config import AutoencoderConfig
from openfloat.models.autoencoder import FloatAutoencoder
from openfloat.nn.filters import blur, upsample
from openfloat.training.growth import grown


def small_network() -> FloatAutoencoder:
    network = FloatAutoencoder(AutoencoderConfig.tiny())
    for level in network.decoder.levels.values():
        torch.nn.init.normal_(level.flow.weight, std=0.1)
    return network.eval()


def smooth_pictures(size: int) -> torch.Tensor:
    return F.interpolate(torch.rand(2, 3, 6, 6) * 2 - 1, size=size, mode="bicubic").clamp(-1, 1)


@torch.no_grad()
def test_a_grown_encoder_sees_in_a_large_picture_what_the_small_one_sees_in_its_half() -> None:
    small = small_network()
    large = grown(small, 128, seed=0).eval()
    pictures = smooth_pictures(128)
    halved = blur(pictures, padding=1, stride=2)
    before, after = small.encode(halved), large.encode(pictures)
    # NOVELTY lets a little of the fresh weights through.
    change = (after.identity - before.identity).norm() / before.identity.norm()
    assert change < 0.2
    fresh = FloatAutoencoder(large.config).eval().encode(pictures).identity
    assert (fresh - before.identity).norm() / before.identity.norm() > 0.6


@torch.no_grad()
def test_a_grown_decoder_doubles_the_small_ones_picture() -> None:
    small = small_network()
    large = grown(small, 128, seed=0).eval()
    appearance = large.encode(smooth_pictures(128))
    latent = torch.randn(2, small.config.latent_dim)
    expected = small.decode(latent, appearance.features[:-1])
    torch.testing.assert_close(
        large.decode(latent, appearance.features), upsample(expected), atol=1e-5, rtol=1e-4
    )


def test_growth_repeats_for_larger_steps_and_follows_its_seed() -> None:
    small = small_network()
    first, second, other = (grown(small, 256, seed) for seed in (3, 3, 4))
    assert first.config.size == 256
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    assert any(
        not torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True)
    )

"""The auto-encoder as a whole, at tiny size."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from openfloat.config import AutoencoderConfig, ModelConfig
from openfloat.errors import BadCheckpoint, BadInput
from openfloat.models.autoencoder import FloatAutoencoder
from openfloat.nn.warp import warp


@pytest.fixture
def config() -> AutoencoderConfig:
    return AutoencoderConfig.tiny()


@pytest.fixture
def model(config: AutoencoderConfig) -> FloatAutoencoder:
    return with_flow(FloatAutoencoder(config)).eval()


def with_flow(model: FloatAutoencoder) -> FloatAutoencoder:
    """Untrained heads are zero; give them something to say."""
    for level in model.decoder.levels.values():
        torch.nn.init.normal_(level.flow.weight, std=0.3)
        torch.nn.init.normal_(level.flow.bias, std=0.3)
        torch.nn.init.normal_(level.paint.weight, std=0.3)
    return model


def pictures(count: int, size: int = 64) -> Tensor:
    return torch.rand(count, 3, size, size) * 2 - 1


def count_parameters(config: AutoencoderConfig) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in FloatAutoencoder(config).parameters())


def test_the_papers_autoencoder_has_45_million_parameters() -> None:
    """The released one holds 45,209,826; 1,557 of them are unused and do not exist here."""
    unused = 15 + 3 * 512 + 3 + 3  # noise weights; the first colour head
    assert count_parameters(AutoencoderConfig()) == 45_239_560 - unused


def test_our_autoencoder_has_under_four_million_parameters() -> None:
    assert 3_000_000 < count_parameters(ModelConfig.openfloat_256().autoencoder) < 4_000_000


@torch.no_grad()
def test_without_a_reader_the_latent_tells_the_motion(config: AutoencoderConfig) -> None:
    model = FloatAutoencoder(replace(config, reader_width=0)).eval()
    images = pictures(2)
    expected = model.coefficients(model.encode(images).identity)
    assert torch.equal(model.motion_of(images), expected)
    assert expected.shape == (2, 20)


@pytest.mark.parametrize("size", [64, 128, 256, 512, 1024])
def test_every_size_builds_and_runs_on_the_meta_device(size: int) -> None:
    config = replace(AutoencoderConfig.tiny(), size=size)
    with torch.device("meta"):
        out = FloatAutoencoder(config)(pictures(2, size), pictures(2, size))
    assert out.image.shape == (2, 3, size, size)
    assert [level.resolution for level in out.levels] == list(config.resolutions)


def test_features_come_smallest_first_with_the_configured_channels(
    model: FloatAutoencoder, config: AutoencoderConfig
) -> None:
    identity, features = model.encode(pictures(2))
    assert identity.shape == (2, config.latent_dim)
    expected = [(2, config.channels(r), r, r) for r in config.resolutions]
    assert [tuple(feature.shape) for feature in features] == expected


def test_a_picture_of_another_size_is_refused_in_one_sentence(model: FloatAutoencoder) -> None:
    with pytest.raises(BadInput, match=r"^pictures of 96x64 pixels for a model of 64x64$"):
        model.encode(torch.zeros(1, 3, 64, 96))


@torch.no_grad()
def test_forward_is_encode_coefficients_anchor_motion_decode(model: FloatAutoencoder) -> None:
    source, driving = pictures(2), pictures(2)
    out = model(source, driving)
    appearance = model.encode(source)
    coefficients = model.motion_of(driving)
    torch.testing.assert_close(out.coefficients_driving, coefficients)
    own = model.motion_of(source, appearance)
    torch.testing.assert_close(out.coefficients_source, own)
    latent = model.anchor(appearance.identity, own) + coefficients @ model.basis.directions().T
    torch.testing.assert_close(out.image, model.decode(latent, appearance.features))


@torch.no_grad()
def test_an_anchored_latent_holds_the_difference_of_motions(model: FloatAutoencoder) -> None:
    assert model.config.anchored
    identity, own, other = torch.randn(2, 32), torch.randn(2, 20), torch.randn(2, 20)
    directions = model.basis.directions()
    latent = model.anchor(identity, own) + model.basis.motion(other)
    torch.testing.assert_close(latent @ directions, other - own, atol=1e-5, rtol=1e-5)
    outside = torch.eye(32) - directions @ directions.T
    torch.testing.assert_close(latent @ outside, identity @ outside, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_papers_identity_is_the_encoders_output() -> None:
    plain = FloatAutoencoder(replace(AutoencoderConfig.tiny(), anchored=False))
    identity = torch.randn(2, 32)
    assert plain.anchor(identity, torch.randn(2, 20)) is identity


@torch.no_grad()
def test_one_portrait_serves_many_frames(model: FloatAutoencoder) -> None:
    identity, features = model.encode(pictures(1))
    latents = identity + torch.randn(3, identity.shape[1])
    together = model.decode(latents, features)
    for number in range(3):
        alone = model.decode(latents[number : number + 1], features)
        torch.testing.assert_close(together[number : number + 1], alone, rtol=0, atol=1e-4)
    assert (together[0] - together[1]).abs().max() > 0.01


@torch.no_grad()
def test_every_latent_of_a_batch_is_decoded_from_its_own_picture(model: FloatAutoencoder) -> None:
    identity, features = model.encode(pictures(2))
    together = model.decode(identity, features)
    second = model.decode(identity[1:], [feature[1:] for feature in features])
    torch.testing.assert_close(together[1:], second, rtol=0, atol=1e-4)


@torch.no_grad()
def test_levels_tell_where_the_decoder_looked(model: FloatAutoencoder) -> None:
    identity, features = model.encode(pictures(1))
    image, levels = model.decode_levels(identity, features)
    assert torch.equal(image, levels[-1].image)
    for level in levels:
        size = level.resolution
        assert level.grid.shape == (1, size, size, 2)
        assert level.mask.shape == (1, 1, size, size)
        assert 0 <= level.mask.min() <= level.mask.max() <= 1
        mesh = torch.linspace(-1, 1, size)
        offsets = level.flow[0, :2].tanh()
        torch.testing.assert_close(level.grid[0, ..., 0], offsets[0] + mesh)
        torch.testing.assert_close(level.grid[0, ..., 1], offsets[1] + mesh[:, None])
        torch.testing.assert_close(level.mask[0, 0], level.flow[0, 2].sigmoid())


@torch.no_grad()
def test_the_last_level_equals_warping_all_its_channels(model: FloatAutoencoder) -> None:
    """The shortcut of the last level (colours first, then warp) against the order of the paper."""
    model.decoder.levels["64"].paint = None
    identity, features = model.encode(pictures(1))
    _, levels = model.decode_levels(identity, features)
    last, before = levels[-1], levels[-2]
    head = model.decoder.levels["64"].colour
    edge = model.config.edge_goes_on
    masked = warp(features[-1], last.grid, edge_goes_on=edge) * last.mask
    channels = torch.einsum("oc,bchw->bohw", head.conv.weight[:, :, 0, 0], masked)
    biased = channels / features[-1].shape[1] ** 0.5 + head.activation_bias[:, None, None]
    colours = torch.where(biased > 0, biased, 0.2 * biased) * 2**0.5 + head.bias[:, None, None]
    padded = torch.nn.functional.pad(before.image, (1, 1, 1, 1))
    below = torch.nn.functional.interpolate(padded, scale_factor=2, mode="bilinear")
    expected = colours + below[..., 2:-2, 2:-2]
    torch.testing.assert_close(last.image, expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_an_untrained_network_looks_straight_ahead(config: AutoencoderConfig) -> None:
    fresh = FloatAutoencoder(config)
    for level in fresh(pictures(1), pictures(1)).levels:
        mesh = torch.linspace(-1, 1, level.resolution)
        x, y = torch.meshgrid(mesh, mesh, indexing="xy")
        assert torch.equal(level.grid[0], torch.stack((x, y), dim=-1))
        assert (level.mask == 0.5).all()


def test_every_parameter_learns(model: FloatAutoencoder) -> None:
    model.train()
    out = model(pictures(2), pictures(2))
    (out.image.square().mean() + out.coefficients_source.square().mean()).backward()
    idle = [
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().max() > 0
    ]
    assert idle == []


def test_one_batch_is_learnt(config: AutoencoderConfig) -> None:
    model = FloatAutoencoder(config).eval()
    source, driving = pictures(1), torch.full((1, 3, 64, 64), 0.5)
    driving[:, :, :, :32] = -0.5
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01, betas=(0.0, 0.99))
    losses = []
    for _ in range(25):
        loss = (model(source, driving).image - driving).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert min(losses[-5:]) < 0.5 * losses[0]


@torch.no_grad()
def test_half_precision_stays_near_single(model: FloatAutoencoder) -> None:
    source, driving = pictures(1), pictures(1)
    single = model(source, driving).image
    half = model.bfloat16()(source.bfloat16(), driving.bfloat16()).image
    assert half.dtype == torch.float32
    assert (half - single).square().mean().sqrt() < 0.1 * single.std()


def test_inputs_are_left_as_they_were(model: FloatAutoencoder) -> None:
    source = pictures(1)
    kept = source.clone()
    identity, features = model.encode(source)
    maps = [feature.clone() for feature in features]
    model.decode(identity, features)
    assert torch.equal(source, kept)
    assert all(torch.equal(a, b) for a, b in zip(features, maps, strict=True))


def test_growing_takes_over_all_but_what_is_new(config: AutoencoderConfig) -> None:
    smaller = with_flow(FloatAutoencoder(config))
    larger = FloatAutoencoder(replace(config, size=128))
    fresh = larger.grow_from(smaller.state_dict())
    new = ("encoder.stem.128.", "encoder.blocks.128.", "decoder.levels.128.")
    assert {name for name in larger.state_dict() if name.startswith(new)} == set(fresh)
    ours, theirs = larger.state_dict(), smaller.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours.keys() - set(fresh))


@torch.no_grad()
def test_a_grown_decoder_makes_the_same_small_picture(config: AutoencoderConfig) -> None:
    smaller = with_flow(FloatAutoencoder(config))
    larger = FloatAutoencoder(replace(config, size=128))
    larger.grow_from(smaller.state_dict())
    identity, features = smaller.encode(pictures(1))
    new_map = torch.randn(1, config.channels(128), 128, 128)
    _, levels = larger.decode_levels(identity, (*features, new_map))
    small = smaller.decode(identity, features)
    torch.testing.assert_close(levels[-2].image, small, rtol=0, atol=1e-5)


def test_a_tensor_of_another_shape_stays_fresh(config: AutoencoderConfig) -> None:
    fewer = FloatAutoencoder(replace(config, num_directions=7))
    model = FloatAutoencoder(config)
    names = {"reader.out.weight", "reader.out.bias", "basis.parameter"}
    assert set(model.grow_from(fewer.state_dict())) == names


def test_growing_from_something_else_is_refused(model: FloatAutoencoder) -> None:
    with pytest.raises(BadCheckpoint, match="no tensor in common"):
        model.grow_from({"weight": torch.zeros(3)})

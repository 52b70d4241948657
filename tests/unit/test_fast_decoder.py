"""The decoder for processor cores against the readable one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from openfloat import FloatPipeline, SampleOptions
from openfloat.audio.io import load_audio
from openfloat.config import AutoencoderConfig, ModelConfig
from openfloat.errors import BadInput
from openfloat.models.autoencoder import FloatAutoencoder
from openfloat.models.fast import FastDecoder, FastWeights
from openfloat.models.fast_layers import pointwise
from openfloat.models.fast_levels import LevelWeights, strips
from openfloat.models.model import FloatModel
from openfloat.models.synthesis import SynthesisLevel
from openfloat.nn.pixels import rgb_bytes
from openfloat.options import Precision

FRAMES = 5


def lively(config: AutoencoderConfig) -> FloatAutoencoder:
    """An untrained auto-encoder whose biases and zero heads have something to say."""
    model = FloatAutoencoder(config).eval().requires_grad_(requires_grad=False)
    for name, parameter in model.decoder.named_parameters():
        if name.endswith("bias") or "flow.weight" in name or "paint.weight" in name:
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model


def encoded(model: FloatAutoencoder) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Latents (FRAMES d) around one picture, and its feature maps."""
    size, directions = model.config.size, model.config.num_directions
    dtype = next(model.parameters()).dtype
    picture = torch.rand(1, 3, size, size, dtype=dtype) * 2 - 1
    appearance = model.encode(picture)
    identity = model.anchor(appearance.identity, model.motion_of(picture, appearance))
    motion = model.basis.motion(torch.randn(FRAMES, directions, dtype=dtype))
    return identity + motion, appearance.features


SHAPES = [
    replace(AutoencoderConfig.tiny(), size=size, painted=painted, anchored=anchored)
    for size in (64, 128)
    for painted in (False, True)
    for anchored in (False, True)
]


@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_it_decodes_what_the_readable_decoder_does(config: AutoencoderConfig) -> None:
    model = lively(config)
    latents, features = encoded(model)
    expected = model.decode(latents, features)
    assert expected.std(dim=0).mean() > 0.05, "the frames are all alike"
    fast = FastDecoder(FastWeights(model.decoder), features)
    torch.testing.assert_close(fast(latents), expected, atol=2e-4, rtol=0)
    torch.testing.assert_close(fast.rgb(latents), rgb_bytes(fast(latents)), atol=0, rtol=0)


@pytest.mark.parametrize("channels", [16, 96])
def test_in_double_precision_nothing_but_rounding_is_left(channels: int) -> None:
    """96 channels: the weights of small maps outnumber them, so that the maps are scaled."""
    config = replace(AutoencoderConfig.tiny(), channel_base=8192, max_channels=channels)
    model = lively(config).double()
    latents, features = encoded(model)
    fast = FastDecoder(FastWeights(model.decoder), features)
    expected = model.decode(latents, features)
    torch.testing.assert_close(fast(latents), expected, atol=1e-9, rtol=1e-9)


def test_a_frame_does_not_depend_on_the_frames_beside_it_or_on_the_cores() -> None:
    model = lively(AutoencoderConfig.tiny())
    latents, features = encoded(model)
    fast = FastDecoder(FastWeights(model.decoder), features)
    alone = torch.cat([fast(latent[None]) for latent in latents])
    torch.testing.assert_close(fast(latents), alone, atol=1e-4, rtol=0)
    torch.set_num_threads(2)
    on_two_cores = FastDecoder(FastWeights(model.decoder), features)
    torch.testing.assert_close(on_two_cores(latents), alone, atol=1e-4, rtol=0)
    assert torch.equal(on_two_cores(latents), on_two_cores(latents))


def test_two_portraits_do_not_share_their_looks() -> None:
    model = lively(AutoencoderConfig.tiny())
    (latents, first), (_, second) = encoded(model), encoded(model)
    one, two = (FastDecoder(FastWeights(model.decoder), features) for features in (first, second))
    before = one(latents)
    assert not torch.allclose(before, two(latents), atol=1e-2)
    assert torch.equal(one(latents), before)


def test_it_keeps_the_weights_it_was_made_of() -> None:
    model = lively(AutoencoderConfig.tiny())
    latents, features = encoded(model)
    fast = FastDecoder(FastWeights(model.decoder), features)
    before = fast(latents)
    for parameter in model.decoder.parameters():
        parameter.zero_()
    assert torch.equal(fast(latents), before)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_short_numbers_draw_nearly_the_same(
    portrait: Path, speech: Path, precision: Precision
) -> None:
    exact = FloatPipeline.from_pretrained()
    short = FloatPipeline.from_pretrained(precision=precision)
    sound = load_audio(speech)[:8000]
    options = SampleOptions(nfe=4)
    motion = torch.cat(list(exact.motion(exact.encode(portrait), sound, options)))
    ready = short.encode(portrait)
    drawn = torch.cat(list(short.motion(ready, sound, options)))
    assert drawn.dtype == torch.float32
    assert 0 < (drawn - motion).square().mean().sqrt() < 0.02
    frames = exact.decode(exact.encode(portrait), motion[:3]).astype(float)
    error = ((short.decode(ready, motion[:3]) - frames) ** 2).mean()
    assert 10 * np.log10(255**2 / error) > 40


@pytest.mark.filterwarnings("default:.*quantize_per_tensor.*:UserWarning")
def test_8_bit_numbers_draw_nearly_the_same(portrait: Path) -> None:
    exact = FloatPipeline.from_pretrained()
    short = FloatPipeline.from_pretrained(precision="int8")
    ready, shortly = exact.encode(portrait), short.encode(portrait)
    motion = ready.coefficients + 0.5 * torch.randn(3, 20)
    frames = exact.decode(ready, motion).astype(float)
    error = ((short.decode(shortly, motion) - frames) ** 2).mean()
    assert 40 < 10 * np.log10(255**2 / error) < 80


def test_8_bit_numbers_are_refused_where_there_is_no_processor_to_use_them() -> None:
    config = ModelConfig.tiny()
    with pytest.raises(BadInput, match="int8 is for processors"):
        FloatPipeline(FloatModel(config), config, torch.device("meta"), "int8")


@pytest.mark.filterwarnings("default:.*quantize_per_tensor.*:UserWarning")
@pytest.mark.parametrize(("channels", "short"), [(16, False), (64, False), (16, True)])
def test_levels_done_in_strips_have_no_seams(channels: int, short: bool) -> None:
    """64 channels: by Winograd."""
    config = replace(AutoencoderConfig.tiny(), size=256, min_channels=channels, max_channels=64)
    decoder = lively(config).decoder
    level = decoder.levels["256"]
    assert isinstance(level, SynthesisLevel)
    weights, exact = (LevelWeights(level, 256, short=eight) for eight in (short, False))
    hidden = torch.randn(1, 128, 128, level.up.weight.shape[1])
    latent = torch.randn(1, level.up.modulation.weight.shape[1])
    styles = exact.styles(*(F.linear(latent, *modulation) for modulation in exact.modulations))
    expected = exact.conv(exact.up(hidden, styles.up), styles.conv)
    slices, made, told = zip(*strips(weights, hidden, styles), strict=True)
    assert len(slices) > 1
    assert [rows.start for rows in slices] == [0, *(rows.stop for rows in slices[:-1])]
    found = torch.cat(made, dim=1)
    apart = (found - expected).square().mean(dim=(0, 2, 3)).sqrt() / expected.std()
    assert apart.max() < (0.04 if short else 1e-5)
    heads = pointwise(found, styles.head, weights.head.bias)
    torch.testing.assert_close(torch.cat(told, dim=2), heads)


def test_compiling_without_a_compiler_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    config = ModelConfig.tiny()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BadInput, match=r"needs a C\+\+ compiler"):
        FloatPipeline(FloatModel(config), config, torch.device("cpu"), compiled=True)

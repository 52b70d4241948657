"""The auto-encoder against the released one, on seeded weights."""

import json

import pytest
import torch
from einops import rearrange
from recipe import Case, assert_close_to_reference, cases, parity_folder
from torch import Tensor

from openfloat.config import AutoencoderConfig
from openfloat.models.autoencoder import FloatAutoencoder
from openfloat.weights.official_autoencoder import autoencoder_names

PREFIX = "autoencoder."


def config_of(case: Case) -> AutoencoderConfig:
    options = case.options
    return AutoencoderConfig(size=options["input_size"], num_directions=options.get("dim_m", 20))


def autoencoder_of(case: Case) -> FloatAutoencoder:
    """Ours with the case's weights, built as a released file is loaded."""
    config = config_of(case)
    with torch.device("meta"):
        model = FloatAutoencoder(config)
    fresh = model.state_dict()
    state = {
        ours.removeprefix(PREFIX): case.weight(theirs, fresh[ours.removeprefix(PREFIX)].shape)
        for theirs, ours in autoencoder_names(config).items()
        if ours is not None
    }
    model.load_state_dict(state, strict=True, assign=True)
    return model.eval()


def source_picture(case: Case) -> Tensor:
    pixels = case.input("in.image_u8").float()
    return rearrange((pixels / 255 - 0.5) / 0.5, "h w c -> 1 c h w")


def as_bytes(image: Tensor) -> Tensor:
    return rearrange((image.clamp(-1, 1) + 1) / 2 * 255, "b c h w -> b h w c").to(torch.uint8)


def compare_encoder(model: FloatAutoencoder, case: Case) -> tuple[Tensor, tuple[Tensor, ...]]:
    identity, features = model.encode(source_picture(case))
    coefficients = model.coefficients(identity)
    motion = model.basis.motion(coefficients)
    assert_close_to_reference(identity, case, "out.s_r")
    assert_close_to_reference(coefficients, case, "out.lambda")
    assert_close_to_reference(model.basis.directions(), case, "out.Q")
    assert_close_to_reference(motion, case, "out.r_s")
    for position, feature in enumerate(features):
        assert_close_to_reference(feature, case, f"out.feats{position}")
    return identity + motion, features


def compare_decoder(
    model: FloatAutoencoder, case: Case, latent: Tensor, features: tuple[Tensor, ...]
) -> None:
    shifts = sorted(key for key in case.stored if key.startswith("in.delta"))
    image, levels = model.decode_levels(
        latent + torch.cat([case.input(key) for key in shifts]), features
    )
    for number in range(len(shifts)):
        frame = image[number : number + 1]
        assert_close_to_reference(frame, case, f"out.frame{number}")
        assert_close_to_reference(as_bytes(frame), case, f"out.frame{number}_u8")
        if f"out.frame{number}.block64" in case.stored:
            assert_close_to_reference(frame, case, f"out.frame{number}.block64")
        (at_64,) = (level for level in levels if level.resolution == 64)
        assert_close_to_reference(at_64.grid[number : number + 1], case, f"out.flow64_{number}")
    for position, level in enumerate(levels):
        assert_close_to_reference(level.image[:1], case, f"out.f0.rgb{position}")
        assert_close_to_reference(level.flow[:1], case, f"out.f0.flowraw{position}")
        assert_close_to_reference(level.grid[:1], case, f"out.f0.grid{position}")


@pytest.mark.parametrize("case", cases("ae"), indirect=True)
def test_the_autoencoder_equals_the_released_one(case: Case) -> None:
    model = autoencoder_of(case)
    with torch.inference_mode():
        latent, features = compare_encoder(model, case)
        compare_decoder(model, case, latent, features)
    assert not case.uncompared()


@pytest.mark.parametrize("case", cases("ae"), indirect=True)
def test_the_prepared_picture_equals_the_stored_one(case: Case) -> None:
    picture = source_picture(case)
    if "in.s" in case.stored:
        expected = case.stored["in.s"]
    else:
        picture, expected = (
            picture.flatten()[:: case.tensors["in.s"]["stride"]],
            case.stored["in.s@sub"],
        )
    torch.testing.assert_close(picture, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("case", cases("ae"), indirect=True)
def test_every_official_parameter_of_a_case_is_known(case: Case) -> None:
    names = autoencoder_names(config_of(case))
    assert set(case.weight_sums) <= set(names)
    assert {name for name, ours in names.items() if ours} <= set(case.weight_sums)


@pytest.mark.usefixtures("references")
def test_every_tensor_of_the_released_autoencoder_is_known_and_only_reshaped() -> None:
    """Against the list of all 947 tensors of the released model at 512."""
    listed = json.loads((parity_folder() / "state_dict_512.json").read_text())["keys"]
    official = {
        name: facts for name, facts in listed.items() if name.startswith("motion_autoencoder.")
    }
    names = autoencoder_names(AutoencoderConfig())
    assert set(names) == set(official)
    with torch.device("meta"):
        ours = FloatAutoencoder(AutoencoderConfig()).state_dict()
    for name, facts in official.items():
        wanted = names[name]
        assert (wanted is None) != facts.get("used_at_inference", False), name
        if wanted is not None:
            slim = [length for length in facts["shape"] if length != 1]
            own = [length for length in ours[wanted.removeprefix(PREFIX)].shape if length != 1]
            assert slim == own, name

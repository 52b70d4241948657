"""Every tensor of the released model at 512 is known by name and shape, and used exactly once.

`official_512.txt` lists them: name, shape, and where it comes from (float.pth, the audio networks'
folders, or a constant buffer), with "unused" where the released network never reads it.
"""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from openfloat.config import PRESETS, ModelConfig
from openfloat.errors import BadCheckpoint
from openfloat.models.model import FloatModel, count_parameters
from openfloat.weights.manifest import float_512_shapes, read_shapes, write_shapes
from openfloat.weights.official import from_official, official_names

MANIFEST = Path(__file__).with_name("official_512.txt")


class Line(NamedTuple):
    shape: tuple[int, ...]
    source: str
    unused: bool

    @property
    def elements(self) -> int:
        return torch.Size(self.shape).numel()


@functools.cache
def manifest() -> Mapping[str, Line]:
    lines = {}
    for text in MANIFEST.read_text(encoding="utf-8").splitlines():
        name, shape, source, *unused = text.split()
        (only,) = read_shapes([f"{name} {shape}"]).values()
        lines[name] = Line(only, source, bool(unused))
    return lines


def hollow_release() -> dict[str, torch.Tensor]:
    return {name: torch.empty(line.shape, device="meta") for name, line in manifest().items()}


@functools.cache
def hollow_model(config: ModelConfig) -> FloatModel:
    with torch.device("meta"):
        return FloatModel(config)


def test_the_manifest_has_the_released_sizes() -> None:
    parameters = [line for line in manifest().values() if line.source != "buffer"]
    in_float = [line for line in parameters if line.source == "float"]
    assert (len(parameters), sum(line.elements for line in parameters)) == (911, 617_525_007)
    assert (len(in_float), sum(line.elements for line in in_float)) == (274, 206_657_800)


def test_the_converter_knows_exactly_the_released_names() -> None:
    assert official_names(ModelConfig.float_512()).keys() == manifest().keys()


def test_only_what_the_released_network_never_reads_goes_unused() -> None:
    unused = {name for name, line in manifest().items() if line.unused or line.source == "buffer"}
    names = official_names(ModelConfig.float_512())
    assert {name for name, ours in names.items() if ours is None} == unused


def test_every_used_tensor_becomes_one_of_ours_and_none_is_left_over() -> None:
    shapes = float_512_shapes()
    converted = from_official(hollow_release(), ModelConfig.float_512(), shapes)
    assert {name: tuple(tensor.shape) for name, tensor in converted.items()} == shapes
    used = [ours for ours in official_names(ModelConfig.float_512()).values() if ours]
    assert len(used) == len(set(used)) == len(shapes)


def test_each_released_name_is_needed_unless_it_is_unused() -> None:
    names, shapes = official_names(ModelConfig.float_512()), float_512_shapes()
    release = hollow_release()
    for left_out in ("fmt.pos_embed", "motion_autoencoder.dec.input.input", *list(names)[::40]):
        rest = {name: tensor for name, tensor in release.items() if name != left_out}
        if names[left_out] is None:
            from_official(rest, ModelConfig.float_512(), shapes)
            continue
        with pytest.raises(BadCheckpoint, match=f"lack {left_out[:60]}"):
            from_official(rest, ModelConfig.float_512(), shapes)


def test_the_stored_shapes_are_those_of_the_model() -> None:
    state = hollow_model(ModelConfig.float_512()).state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    assert float_512_shapes() == shapes, "write_shapes(shapes) belongs in float_512.txt"
    assert read_shapes(write_shapes(shapes).splitlines()) == shapes


def test_parameter_counts_are_pinned() -> None:
    model = hollow_model(ModelConfig.float_512())
    counts = {name: count_parameters(part) for name, part in model.named_children()}
    assert counts == {
        "autoencoder": 45_238_003,
        "motion": 156_636_672,
        "speech": 99_091_072,
        "emotion": 316_494_471,
    }
    unused = sum(line.elements for line in manifest().values() if line.unused)
    positions = 60 * 1024
    assert count_parameters(model) + positions + unused == 617_525_007


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_builds_without_memory(preset: str) -> None:
    model = hollow_model(PRESETS[preset]())
    assert all(tensor.is_meta for tensor in model.state_dict().values())

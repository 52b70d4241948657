"""The ComfyUI nodes do what the pipeline does, in ComfyUI's types."""

import asyncio
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import comfy
import numpy as np
import pytest
import soxr
import torch
from PIL import Image

from openfloat import FloatPipeline, MotionEdit, SampleOptions
from openfloat.audio.io import load_audio
from openfloat.errors import BadInput
from openfloat.ui.fields import fields_of

FOLDER = Path(__file__).parents[2] / "integrations" / "comfyui"


@dataclass
class Nodes:
    """The nodes of the folder by their ids, and where models are."""

    by_id: dict[str, Any]
    models: Path

    def run(self, node: str, **given: Any) -> tuple[Any, ...]:
        """Run a node with its own defaults where nothing is given, as ComfyUI does."""
        schema = self.by_id[node].define_schema()
        filled = {one.name: one.given["default"] for one in schema.inputs if "default" in one.given}
        required = {one.name for one in schema.inputs if not one.given.get("optional")}
        values = filled | given
        assert required <= set(values)
        result = self.by_id[node].execute(**values).result
        assert len(result) == len(schema.outputs)
        return tuple(result)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    models = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        for name, module in comfy.modules(models).items():
            patch.setitem(sys.modules, name, module)
        module = comfy.load_folder(FOLDER, "openfloat_nodes")
        extension = asyncio.run(module.comfy_entrypoint())
        found = asyncio.run(extension.get_node_list())
        yield Nodes({node.define_schema().node_id: node for node in found}, models)


@pytest.fixture(scope="module")
def model(nodes: Nodes) -> FloatPipeline:
    return nodes.run("OpenFloatLoad")[0]


def image(path: Path) -> torch.Tensor:
    with Image.open(path) as picture:
        return torch.from_numpy(np.array(picture.convert("RGB"))).float()[None] / 255


def audio(path: Path, rate: int = 44_100) -> dict[str, Any]:
    """One second in stereo, at another rate than ours."""
    sound = soxr.resample(load_audio(path)[:16_000], 16_000, rate)
    return {"waveform": torch.from_numpy(np.stack([sound, sound]))[None], "sample_rate": rate}


def test_a_portrait_is_loaded_animated_and_pasted_back(
    nodes: Nodes, model: FloatPipeline, portrait: Path, speech: Path
) -> None:
    options = nodes.run("OpenFloatEdit", nfe=2, seed=7, yaw=5.0, emotion="happy", gaze_x="0.5")[0]
    edit = MotionEdit(yaw=5.0, gaze_x=0.5)
    assert options == SampleOptions(nfe=2, seed=7, emotion="happy", edit=edit)
    comfy.Bar.made.clear()
    photo, voice = image(portrait), audio(speech)
    frames, sound, fps, ready = nodes.run(
        "OpenFloatAnimate", model=model, portrait=photo, speech=voice, options=options
    )
    assert frames.shape == (25, 256, 256, 3)
    assert frames.dtype == torch.float32
    assert 0 <= frames.min() < 0.1 < 0.9 < frames.max() <= 1
    assert fps == 25.0
    assert sound["sample_rate"] == 44_100
    heard = soxr.resample(voice["waveform"][0, 0].numpy(), 44_100, 16_000, quality="HQ")
    ours = model(portrait, heard, options).frames
    assert np.abs((frames * 255).numpy() - ours).max() < 1, "the same frames as the pipeline's"
    (full,) = nodes.run("OpenFloatPasteBack", model=model, portrait=ready, frames=frames[:3])
    assert full.shape == (3, *photo.shape[1:])
    torch.testing.assert_close(full[:, :2], photo[:, :2].expand(3, -1, -1, -1))
    assert (full[2] - photo[0]).abs().max() > 0.05, "the face moves"
    assert [(bar.done, bar.total) for bar in comfy.Bar.made] == [(25, 25), (3, 3)]


def test_every_option_is_an_input_with_its_help(nodes: Nodes) -> None:
    inputs = {one.name: one for one in nodes.by_id["OpenFloatEdit"].define_schema().inputs}
    for field in fields_of(SampleOptions):
        assert inputs[field.name].given["tooltip"] == field.help
    assert inputs["seed"].given["control_after_generate"]
    assert nodes.run("OpenFloatEdit")[0] == SampleOptions()


def test_a_value_that_is_not_allowed_is_told(nodes: Nodes) -> None:
    with pytest.raises(BadInput, match="emotion"):
        nodes.run("OpenFloatEdit", emotion="hungry")


def test_model_folders_in_comfyui_are_offered(nodes: Nodes) -> None:
    from openfloat.weights.hub import embedded_models

    place = nodes.models / "float" / "mine"
    shutil.copytree(embedded_models()["openfloat-256"], place)
    (names,) = [
        one.given["options"]
        for one in nodes.by_id["OpenFloatLoad"].define_schema().inputs
        if one.name == "model"
    ]
    assert names == ["openfloat-256", "mine"]
    assert nodes.run("OpenFloatLoad", model="mine")[0].config.name == "openfloat-256"

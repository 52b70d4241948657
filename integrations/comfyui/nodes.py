"""Four nodes in ComfyUI's V3 schema: load, edit, animate, paste back.

IMAGE is float (batch, height, width, 3) from 0 to 1, AUDIO a waveform (batch, channels, samples)
with its sample rate. Inputs are made of openfloat's own options, with their docstrings as tooltips.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import folder_paths
import numpy as np
import soxr
import torch
from comfy.utils import ProgressBar
from comfy_api.latest import ComfyExtension, io

from openfloat.clip import Portrait
from openfloat.config import FPS, SAMPLE_RATE
from openfloat.options import CropOptions, SampleOptions
from openfloat.pipeline import FloatPipeline
from openfloat.ui.fields import Field, build, fields_of
from openfloat.weights.hub import embedded_models
from openfloat.weights.store import CONFIG

CATEGORY = "OpenFLOAT"
FOLDER = "float"
"""Below ComfyUI's models folder: model folders of openfloat."""
MOST_SEED = 2**53
MODEL, OPTIONS, PORTRAIT = (
    io.Custom(f"OPENFLOAT_{name}") for name in ("MODEL", "OPTIONS", "PORTRAIT")
)


def options_input(field: Field) -> Any:
    """The input of one option; what is not set is an empty text."""
    named: dict[str, Any] = {"tooltip": field.help, "default": field.default}
    if field.kind is bool:
        return io.Boolean.Input(field.name, **named)
    if field.choices:
        return io.Combo.Input(field.name, options=list(field.choices), **named)
    if field.kind in (int, float) and not field.optional:
        low, high = field.range or (0, MOST_SEED)
        if field.kind is int:
            control = field.name == "seed"
            return io.Int.Input(
                field.name, min=int(low), max=int(high), control_after_generate=control, **named
            )
        return io.Float.Input(field.name, min=low, max=high, step=0.01, **named)
    shown = field.shown(field.default)
    return io.String.Input(
        field.name, tooltip=field.help, default="" if shown is None else str(shown)
    )


def read_options(kind: type, values: Mapping[str, Any]) -> Any:
    """A dataclass of options out of a node's inputs."""
    fields = {field.name: field for field in fields_of(kind)}
    return build(kind, {fields[name].path: fields[name].parse(v) for name, v in values.items()})


def model_names() -> list[str]:
    """Embedded models, and folders below ComfyUI's models folder."""
    folder = Path(folder_paths.models_dir) / FOLDER
    own = [place.parent.name for place in sorted(folder.glob(f"*/{CONFIG}"))]
    return [*embedded_models(), *own]


class Load(io.ComfyNode):
    """Loads a model once."""

    @classmethod
    def define_schema(cls) -> Any:
        """Name and inputs."""
        return io.Schema(
            node_id="OpenFloatLoad",
            display_name="OpenFLOAT: load",
            category=CATEGORY,
            description="An embedded model, or a model folder in models/float.",
            inputs=[
                io.Combo.Input("model", options=model_names(), default="openfloat-256"),
                io.Combo.Input("device", options=["cpu", "cuda", "mps"], default="cpu"),
            ],
            outputs=[MODEL.Output(display_name="model")],
        )

    @classmethod
    def execute(cls, model: str, device: str) -> Any:
        """Load it."""
        folder = Path(folder_paths.models_dir) / FOLDER / model
        place = model if model in embedded_models() else folder
        return io.NodeOutput(FloatPipeline.from_pretrained(place, device=device))


class Edit(io.ComfyNode):
    """How motion is drawn and what is changed about it."""

    @classmethod
    def define_schema(cls) -> Any:
        """Name and inputs: every option there is."""
        return io.Schema(
            node_id="OpenFloatEdit",
            display_name="OpenFLOAT: edit",
            category=CATEGORY,
            description="Mood, movement, gaze, blinks and how motion is drawn.",
            inputs=[options_input(field) for field in fields_of(SampleOptions)],
            outputs=[OPTIONS.Output(display_name="options")],
        )

    @classmethod
    def execute(cls, **values: Any) -> Any:
        """Check the options."""
        return io.NodeOutput(read_options(SampleOptions, values))


class Animate(io.ComfyNode):
    """A portrait speaks."""

    @classmethod
    def define_schema(cls) -> Any:
        """Name, inputs and outputs."""
        return io.Schema(
            node_id="OpenFloatAnimate",
            display_name="OpenFLOAT: animate",
            category=CATEGORY,
            description=f"A portrait speaks a voice, at {FPS} frames a second.",
            inputs=[
                MODEL.Input("model"),
                io.Image.Input("portrait", tooltip="The first picture of the batch is taken."),
                io.Audio.Input("speech"),
                OPTIONS.Input("options", optional=True),
                *[options_input(field) for field in fields_of(CropOptions)],
            ],
            outputs=[
                io.Image.Output(display_name="frames"),
                io.Audio.Output(display_name="speech"),
                io.Float.Output(display_name="fps"),
                PORTRAIT.Output(display_name="portrait"),
            ],
        )

    @classmethod
    def execute(
        cls,
        model: FloatPipeline,
        portrait: torch.Tensor,
        speech: Mapping[str, Any],
        options: SampleOptions | None = None,
        **crop: Any,
    ) -> Any:
        """Draw all frames; progress and interruption are ComfyUI's."""
        picture = to_bytes(portrait[:1])[0]
        ready = model.encode(picture, read_options(CropOptions, crop))
        voice = to_voice(speech)
        bar = ProgressBar(-(-len(voice) * FPS // SAMPLE_RATE))
        frames = []
        for chunk in model.stream(ready, voice, options or SampleOptions()):
            frames.append(to_image(chunk.frames))
            bar.update(len(chunk.frames))
        return io.NodeOutput(torch.cat(frames), dict(speech), float(FPS), ready)


class PasteBack(io.ComfyNode):
    """The whole photo with the moving face in it."""

    @classmethod
    def define_schema(cls) -> Any:
        """Name, inputs and outputs."""
        return io.Schema(
            node_id="OpenFloatPasteBack",
            display_name="OpenFLOAT: paste back",
            category=CATEGORY,
            description="Puts animated crops back into the photo, at the photo's size.",
            inputs=[MODEL.Input("model"), PORTRAIT.Input("portrait"), io.Image.Input("frames")],
            outputs=[io.Image.Output(display_name="frames")],
        )

    @classmethod
    def execute(cls, model: FloatPipeline, portrait: Portrait, frames: torch.Tensor) -> Any:
        """Paste frame by frame."""
        full: Callable[[Any], Any] = model.paste_back(portrait)
        bar, pictures = ProgressBar(len(frames)), []
        for frame in frames:
            pictures.append(to_image(full(to_bytes(frame[None])[0])[None]))
            bar.update(1)
        return io.NodeOutput(torch.cat(pictures))


class OpenFloatExtension(ComfyExtension):
    """All nodes of this folder."""

    async def get_node_list(self) -> list[type]:
        """The nodes."""
        return [Load, Edit, Animate, PasteBack]


async def comfy_entrypoint() -> ComfyExtension:
    """What ComfyUI asks for."""
    return OpenFloatExtension()


def to_bytes(image: torch.Tensor) -> np.ndarray:
    """IMAGE as RGB bytes (batch, height, width, 3); an alpha channel is left out."""
    return (image[..., :3].clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()


def to_image(frames: np.ndarray) -> torch.Tensor:
    """RGB bytes as IMAGE."""
    return torch.from_numpy(np.ascontiguousarray(frames)).float() / 255


def to_voice(speech: Mapping[str, Any]) -> np.ndarray:
    """AUDIO as mono samples at 16 kHz: the mean of the first sound's channels."""
    mono = speech["waveform"][0].mean(dim=0).cpu().numpy().astype(np.float32)
    return soxr.resample(mono, speech["sample_rate"], SAMPLE_RATE, quality="HQ")

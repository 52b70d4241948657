"""The elements of the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import gradio as gr

from openfloat.config import FPS
from openfloat.options import CropOptions, MarkOptions, MotionEdit, SampleOptions
from openfloat.ui.fields import Field, build, fields_of
from openfloat.ui.inputs import ControlSlider, control_sliders, element
from openfloat.ui.notes import note
from openfloat.ui.visit import Given, House, build_given, first_shown
from openfloat.ui.wish import Wish

PROMINENT = ("emotion", "seed", "paste_back")
"""Options that are seen without opening anything."""
SECTIONS = {
    MotionEdit: "Movement", SampleOptions: "Drawing", CropOptions: "Framing",
    MarkOptions: "Marking",
}  # fmt: skip
"""Titles of the closed sections, by the dataclass whose options they hold."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a visitor sets: two files and an element for every option."""

    portrait: Any
    speech: Any
    options: dict[Field, Any]

    @property
    def elements(self) -> list[Any]:
        """All of them, in the order in which their values come."""
        return [self.portrait, self.speech, *self.options.values()]

    def read(self, values: Sequence[Any], uploads: Path) -> tuple[Given, Wish]:
        """Files and wish out of the elements' values.

        Raises:
            BadInput: a value is not allowed.
        """
        parsed = {
            field.path: field.parse(value)
            for field, value in zip(self.options, values[2:], strict=True)
        }
        return build_given(values[0], values[1], uploads), build(Wish, parsed)

    def element(self, name: str) -> Any:
        """The element of an option by its name."""
        return next(element for field, element in self.options.items() if field.name == name)


@dataclass(frozen=True, slots=True)
class SpeakTab:
    """Elements of the first tab."""

    form: Form
    crop: Any
    first: Any
    note: Any
    go: Any
    cancel: Any
    result: Any
    video: Any
    sheet: Any
    download: Any
    command: Any
    code: Any


def speak_tab() -> SpeakTab:
    with gr.Row():
        with gr.Column(min_width=320):
            form = _form()
        with gr.Column(min_width=320):
            with gr.Row(elem_id="preview"):
                shape = {"interactive": False, "height": 220, "min_width": 120, "buttons": []}
                crop = gr.Image(label="Crop", **shape)
                first = gr.Image(label="First frame", **shape)
            said = gr.HTML(note("First give a photo and a voice."))
            with gr.Row():
                go = gr.Button("Make the video", variant="primary")
                cancel = gr.Button("Cancel", variant="stop", interactive=False)
            with gr.Column(visible=False, elem_id="result") as result:
                video = gr.Video(label="Video", interactive=False, autoplay=False, buttons=[])
                download = gr.DownloadButton("Download the video")
                sheet = gr.Image(
                    label="Contact sheet", interactive=False, buttons=["download", "fullscreen"]
                )
            with gr.Accordion("The same without this page", open=False):
                command = gr.Code(
                    label="Command line",
                    language="shell",
                    interactive=False,
                    wrap_lines=True,
                    lines=1,
                )
                code = gr.Code(
                    label="Python", language="python", interactive=False, wrap_lines=True
                )
    return SpeakTab(
        form, crop, first, said, go, cancel, result, video, sheet, download, command, code
    )


def _form() -> Form:
    """Files first, then what is often set, the rest in sections."""
    demo = files("openfloat") / "assets" / "demo"
    with gr.Row():
        with gr.Column(min_width=240):
            portrait = gr.Image(
                label="Photo", type="filepath", image_mode=None, height=260,
                sources=["upload", "webcam", "clipboard"], buttons=[],
            )  # fmt: skip
            gr.Examples([[str(demo / "portrait.jpg")]], [portrait], label="Example")
        with gr.Column(min_width=240):
            speech = gr.Audio(
                label="Voice", type="filepath", sources=["upload", "microphone"], buttons=[],
                editable=False,
            )  # fmt: skip
            gr.Examples([[str(demo / "speech.wav")]], [speech], label="Example")
    fields = list(fields_of(Wish))
    made: dict[tuple[str, ...], Any] = {}
    for field in sorted(fields, key=lambda field: field.name not in PROMINENT[:1]):
        if field.name in PROMINENT:
            made[field.path] = element(field)
    for kind, title in SECTIONS.items():
        with gr.Accordion(title, open=False):
            for field in fields:
                if field.group is kind and field.path not in made:
                    made[field.path] = element(field)
    for field in fields:
        if field.path not in made:
            made[field.path] = element(field)
    return Form(portrait, speech, {field: made[field.path] for field in fields})


@dataclass(frozen=True, slots=True)
class EditTab:
    """Elements of the tab that edits motion."""

    sliders: list[ControlSlider]
    second: Any
    frame: Any
    note: Any
    reset: Any
    go: Any


def edit_tab(house: House) -> EditTab:
    gr.Markdown(
        "What each slider says is added to the whole clip; the picture shows one moment of it. "
        "Amounts go into *Edit* on the first tab."
    )
    with gr.Row():
        with gr.Column(min_width=320):
            frame = gr.Image(
                label="Frame", interactive=False, height=360, buttons=[], elem_id="frame"
            )
            second = gr.Slider(0, 1, value=0, step=1 / FPS, label="Second", buttons=[])
            said = gr.HTML(note(""))
            with gr.Row():
                reset = gr.Button("Reset")
                go = gr.Button("Make the video with these", variant="primary")
        with gr.Column(min_width=320):
            sliders: list[ControlSlider] = []
            for number, (title, make) in enumerate(control_sliders(house.pipeline.config)):
                with gr.Accordion(title, open=number < 2):
                    sliders += make()
    return EditTab(sliders, second, frame, said, reset, go)


@dataclass(frozen=True, slots=True)
class CurvesTab:
    """Elements of the tab that plots motion."""

    shown: Any
    plot: Any
    note: Any


def curves_tab(house: House) -> CurvesTab:
    names = house.control_names
    shown = gr.Dropdown(
        names, value=first_shown(names), multiselect=True, label="Controls",
        info="Motion coefficients, about one unit of spread each, with the edits that are set.",
    )  # fmt: skip
    said = gr.HTML(note(""))
    plot = gr.LinePlot(
        x="second", y="coefficient", color="control", height=420, show_label=False,
        x_title="second", y_title="coefficient", tooltip="all", color_title=" ",
    )  # fmt: skip
    return CurvesTab(shown, plot, said)

"""Form fields as Gradio's input elements, and the named controls as sliders."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from openfloat.config import CONTROLS, EMOTIONS, ModelConfig
from openfloat.data.controls import TABLE
from openfloat.editing.controls import HEAD, MOUTH
from openfloat.mood import AUTO, PHOTO
from openfloat.ui.fields import Field

SUGGESTED = {"emotion": (AUTO, PHOTO, *EMOTIONS), "blink": ("natural", "off", "drawn")}
"""Words that are often wanted where others are allowed too."""
STEPS = 60
"""Of a slider, from its lowest to its highest value."""
NAMELESS_REACH = 5.0
"""Coefficients either way that a slider of a direction without name reaches."""


def element(field: Field) -> Any:
    """What a visitor sets an option with: its kind decides; its docstring is the help."""
    label, info = words(field.name), field.help
    if field.kind is Path:
        return gr.File(label=label)
    if field.kind is bool:
        return gr.Checkbox(field.default, label=label, info=info)
    if field.choices:
        return gr.Dropdown(list(field.choices), value=field.default, label=label, info=info)
    if field.name in SUGGESTED:
        return gr.Dropdown(
            list(SUGGESTED[field.name]), value=field.default, label=label, info=info,
            allow_custom_value=True,
        )  # fmt: skip
    if field.kind in (int, float) and not field.optional:
        if field.range is not None:
            low, high = field.range
            return gr.Slider(
                low, high, value=field.default, step=_step(low, high), label=label, info=info
            )
        whole = 0 if field.kind is int else None
        return gr.Number(field.default, precision=whole, label=label, info=info)
    hint = "not set" if field.optional else None
    shown = field.shown(field.default)
    return gr.Textbox(shown, label=label, info=info, max_lines=1, placeholder=hint)


def words(name: str) -> str:
    """A field's name as a label."""
    return name.replace("_", " ").replace("nfe", "evaluations (nfe)").capitalize()


@dataclass(frozen=True, slots=True)
class ControlSlider:
    """One direction of motion, to be moved by hand.

    Attributes:
        number: of the direction.
        group: which part of the face it moves.
        scale: what one unit of coefficient stands for in the slider's unit.
        slider: what is added, in its unit.
    """

    number: int
    group: str
    scale: float
    slider: Any

    def edit(self, amount: float) -> str | None:
        """The raw edit that adds so much; none for nothing."""
        coefficient = round(float(amount) / self.scale, 3)
        return f"{self.number}:{coefficient:+g}" if coefficient else None


def control_sliders(config: ModelConfig) -> list[tuple[str, Callable[[], list[ControlSlider]]]]:
    """Groups of sliders for a model's directions: their titles, and what draws them."""
    if not config.controls:
        numbers = range(config.autoencoder.num_directions)
        return [("Directions", lambda: [_nameless(number) for number in numbers])]
    parts = {"Head": HEAD, "Mouth": MOUTH}
    parts["Eyes and brows"] = tuple(c for c in CONTROLS if c not in HEAD + MOUTH)

    def maker(group: str, names: Sequence[str]) -> Callable[[], list[ControlSlider]]:
        return lambda: [_named(CONTROLS.index(name), group) for name in names]

    return [(group, maker(group, names)) for group, names in parts.items()]


def _named(number: int, group: str) -> ControlSlider:
    control = TABLE[number]
    reach = max(abs(control.low), abs(control.high))
    slider = gr.Slider(
        -reach, reach, value=0, step=_step(-reach, reach), label=words(control.name),
        info=control.unit,
    )  # fmt: skip
    return ControlSlider(number, group, control.scale, slider)


def _nameless(number: int) -> ControlSlider:
    low, high = -NAMELESS_REACH, NAMELESS_REACH
    slider = gr.Slider(low, high, value=0, step=_step(low, high), label=f"Direction {number}")
    return ControlSlider(number, "Directions", 1.0, slider)


def _step(low: float, high: float) -> float:
    """A round step that takes about `STEPS` of them from low to high."""
    span = (high - low) / STEPS
    digits = next(d for d in range(6) if round(span, d) > 0)
    return round(span, digits)

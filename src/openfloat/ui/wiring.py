"""Which element of the page calls what."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pandas as pd

from openfloat.config import FPS
from openfloat.errors import OpenFloatError
from openfloat.ui.drawing import CancelledError
from openfloat.ui.elements import CurvesTab, EditTab, SpeakTab
from openfloat.ui.notes import mistake, note, progress
from openfloat.ui.visit import Given, House, Result

HUSH = {"show_progress": "hidden", "api_visibility": "private"}


def leaving(house: House) -> Callable[[gr.Request], None]:
    """What is called when a visitor closes the page."""

    def leave(request: gr.Request) -> None:
        house.leave(str(request.session_hash))

    return leave


def told(make: Callable[[], Any], given: Given | None = None) -> tuple[Any, str]:
    """What a call gives and an empty note, or nothing and what went wrong."""
    try:
        return make(), note("")
    except OpenFloatError as error:
        return None, mistake(error, dict(given.names) if given else None)


def connect_preview(house: House, uploads: Path, speak: SpeakTab, edit: EditTab) -> None:
    """Whatever is set, crop, first frame, command and code follow."""

    def look(request: gr.Request, *values: Any) -> tuple[Any, ...]:
        def seen() -> tuple[Any, ...]:
            command, code = house.recipe(given, wish)
            shown = house.preview(str(request.session_hash), given, wish)
            length = gr.update(maximum=max(shown.seconds or 1, 1 / FPS))
            return shown.crop, shown.frame, note(shown.text), length, command, code

        read, said = told(lambda: speak.form.read(values, uploads))
        if read is None:
            return None, None, said, *[gr.skip()] * 3
        given, wish = read
        found, said = told(seen, given)
        return found or (None, None, said, *[gr.skip()] * 3)

    outputs = [speak.crop, speak.first, speak.note, edit.second, speak.command, speak.code]
    gr.on(
        [element.change for element in speak.form.elements], look, speak.form.elements, outputs,
        preprocess=False, trigger_mode="always_last", **HUSH,
    )  # fmt: skip


def connect_drawing(house: House, uploads: Path, speak: SpeakTab, edit: EditTab, tabs: Any) -> None:
    """The video, its progress and its end."""
    outputs = [
        speak.note, speak.go, speak.cancel, speak.result, speak.video, speak.sheet, speak.download,
    ]  # fmt: skip

    def busy(*, now: bool) -> tuple[Any, Any]:
        return gr.update(interactive=not now), gr.update(interactive=now)

    def draw(request: gr.Request, *values: Any) -> Iterator[tuple[Any, ...]]:
        given: Given | None = None
        nothing = (gr.update(visible=False), None, None, None)
        try:
            given, wish = speak.form.read(values, uploads)
            for step in house.draw(str(request.session_hash), given, wish):
                if isinstance(step, Result):
                    shown = (gr.update(visible=True), step.video, step.sheet, step.video)
                    yield (note(step.text), *busy(now=False), *map(_as_value, shown))
                else:
                    yield (progress(step), *busy(now=True), gr.update(visible=False),
                           *[gr.skip()] * 3)  # fmt: skip
        except CancelledError:
            yield (note("Cancelled: nothing was kept."), *busy(now=False), *nothing)
        except OpenFloatError as error:
            names = dict(given.names) if given else None
            yield (mistake(error, names), *busy(now=False), *nothing)

    how = {"preprocess": False, "concurrency_id": "video", "concurrency_limit": 1, **HUSH}
    speak.go.click(draw, speak.form.elements, outputs, **how)
    to_first = edit.go.click(lambda: gr.update(selected="speak"), None, [tabs], **HUSH)
    to_first.then(draw, speak.form.elements, outputs, **how)

    def cancel(request: gr.Request) -> None:
        house.desk(str(request.session_hash)).stop.set()

    speak.cancel.click(cancel, None, None, queue=False, **HUSH)


def _as_value(item: Any) -> Any:
    """Files as the text that Gradio wants."""
    return str(item) if isinstance(item, Path) else item


def connect_editing(house: House, uploads: Path, speak: SpeakTab, edit: EditTab, tab: Any) -> None:
    """The sliders write raw edits, and the frame shows them."""
    sliders = [one.slider for one in edit.sliders]
    typed = speak.form.element("edit")

    def redraw(request: gr.Request, second: Any, *values: Any) -> tuple[Any, Any]:
        def frame() -> Any:
            given, wish = speak.form.read(values, uploads)
            return house.frame(str(request.session_hash), given, wish, float(second or 0))

        return told(frame)

    def move(request: gr.Request, second: Any, *values: Any) -> tuple[Any, Any, Any]:
        amounts, form = values[: len(sliders)], list(values[len(sliders) :])
        edits = [one.edit(amount) for one, amount in zip(edit.sliders, amounts, strict=True)]
        text = " ".join(filter(None, edits))
        form[speak.form.elements.index(typed)] = text
        return text, *redraw(request, second, *form)

    latest = {"preprocess": False, "trigger_mode": "always_last", **HUSH}
    inputs = [edit.second, *speak.form.elements]
    gr.on([tab.select, edit.second.input], redraw, inputs, [edit.frame, edit.note], **latest)
    moved = [edit.second, *sliders, *speak.form.elements]
    outputs = [typed, edit.frame, edit.note]
    gr.on([slider.input for slider in sliders], move, moved, outputs, **latest)

    def reset(request: gr.Request, second: Any, *values: Any) -> tuple[Any, ...]:
        zeros = [0.0] * len(sliders)
        return *zeros, *move(request, second, *zeros, *values)

    edit.reset.click(reset, inputs, [*sliders, *outputs], **latest)


def connect_curves(
    house: House, uploads: Path, speak: SpeakTab, curves: CurvesTab, tab: Any
) -> None:
    """The plot follows what is chosen."""

    def plot(request: gr.Request, shown: list[str], *values: Any) -> tuple[Any, Any]:
        def points() -> pd.DataFrame:
            given, wish = speak.form.read(values, uploads)
            columns = house.curves(str(request.session_hash), given, wish, list(shown or ()))
            return pd.DataFrame(
                dict(zip(("second", "control", "coefficient"), columns, strict=True))
            )

        return told(points)

    gr.on(
        [tab.select, curves.shown.change], plot, [curves.shown, *speak.form.elements],
        [curves.plot, curves.note], preprocess=False, trigger_mode="always_last", **HUSH,
    )  # fmt: skip

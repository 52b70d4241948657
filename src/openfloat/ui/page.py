"""The page as a whole: terms of use first, then its tabs."""

from pathlib import Path
from typing import Any

import gradio as gr

from openfloat.terms import TERMS
from openfloat.ui.elements import curves_tab, edit_tab, speak_tab
from openfloat.ui.visit import House
from openfloat.ui.wiring import (
    HUSH,
    connect_curves,
    connect_drawing,
    connect_editing,
    connect_preview,
    leaving,
)

TERMS_KEY = "openfloat-terms-1"
"""Under which a browser remembers that the terms were read; another text needs another key."""


def new_page(house: House, uploads: Path) -> gr.Blocks:
    """The page of a house.

    Args:
        house: what is behind it.
        uploads: the folder below which Gradio keeps what visitors send.
    """
    with gr.Blocks(title="OpenFLOAT", analytics_enabled=False, delete_cache=(3600, 86_400)) as page:
        gr.HTML(
            "<h1>OpenFLOAT</h1><p>One portrait and one voice in, a talking video out.</p>",
            elem_id="head",
        )
        work = _terms(page)
        with work, gr.Tabs(selected="speak") as tabs:
            with gr.Tab("Speak", id="speak"):
                speak = speak_tab()
            with gr.Tab("Edit the motion", id="edit") as second:
                edit = edit_tab(house)
            with gr.Tab("Curves", id="curves") as third:
                curves = curves_tab(house)
        connect_preview(house, uploads, speak, edit)
        connect_drawing(house, uploads, speak, edit, tabs)
        connect_editing(house, uploads, speak, edit, second)
        connect_curves(house, uploads, speak, curves, third)
        page.unload(leaving(house))
    page.queue(max_size=house.settings.most_waiting, default_concurrency_limit=2)
    return page


def _terms(page: Any) -> Any:
    """The terms of use, seen until they are accepted; returns what is seen afterwards."""
    seen = gr.BrowserState(default_value=False, storage_key=TERMS_KEY, secret=TERMS_KEY)
    with gr.Column(elem_id="terms", visible=False) as terms:
        gr.Markdown("## Before you begin\n\n" + terms_text())
        accept = gr.Button("I agree", variant="primary")
    work = gr.Column(visible=False)

    def show(accepted: bool) -> tuple[Any, Any]:
        return gr.update(visible=not accepted), gr.update(visible=bool(accepted))

    page.load(show, [seen], [terms, work], **HUSH)
    accept.click(lambda: (True, *show(True)), None, [seen, terms, work], **HUSH)  # noqa: FBT003
    return work


def terms_text() -> str:
    """What `openfloat.terms` says, as Markdown; this page asks for consent to it."""
    return TERMS.replace("\n  - ", "\n- ").replace(".\nThe", ".\n\nThe")

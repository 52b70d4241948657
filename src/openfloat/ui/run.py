"""Show the page until it is told to stop."""

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from types import ModuleType
from typing import Any

from openfloat.errors import BadInput
from openfloat.pipeline import FloatPipeline
from openfloat.ui.settings import PageSettings

USER = "openfloat"
"""Name that goes with the password."""


def show_page(model: str, device: str, settings: PageSettings) -> None:
    """Load a model and show the page until SIGTERM or Ctrl-C.

    Raises:
        ModelNotFound, BadCheckpoint: the model cannot be loaded.
        BadInput: the address cannot be used.
    """
    check_address(settings.server_name, settings.server_port)
    with _own_folder() as folder:
        uploads = folder / "uploads"
        _quiet_gradio(uploads)
        # read from the environment when it is imported
        import gradio as gr

        from openfloat.ui.page import new_page
        from openfloat.ui.visit import House

        house = House(FloatPipeline.from_pretrained(model, device=device), model, settings, folder)
        page = new_page(house, uploads)
        with as_file(files("openfloat.ui") / "page.css") as css:
            page.launch(
                server_name=settings.server_name,
                server_port=settings.server_port,
                share=settings.share,
                auth=(USER, settings.password) if settings.password else None,
                max_file_size=f"{max(settings.portrait_mb, settings.speech_mb):g}mb",
                show_error=False,
                footer_links=[],
                ssr_mode=False,
                enable_monitoring=False,
                run_history=False,
                theme=_theme(gr),
                css_paths=css,
            )


def check_address(host: str, port: int) -> None:
    """Raise BadInput unless somebody can listen there now."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise BadInput(f"cannot listen on {host} port {port}: {error.strerror}") from error


def _theme(gr: ModuleType) -> Any:
    """Fonts of the visitor's machine, and colours that can be read (contrast 4.5 and more)."""
    plain = gr.themes.Default(
        primary_hue="teal",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
    return plain.set(
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
    )


def _quiet_gradio(uploads: Path) -> None:
    """No outside requests, no counting, and files where they are deleted at the end."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_TEMP_DIR"] = str(uploads)
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"


@contextmanager
def _own_folder() -> Iterator[Path]:
    """A folder for this run alone, readable by its owner alone."""
    with tempfile.TemporaryDirectory(prefix="openfloat-ui-", ignore_cleanup_errors=True) as name:
        yield Path(name).resolve()

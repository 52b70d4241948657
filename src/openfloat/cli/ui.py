"""`openfloat ui`."""

import os
import signal
import sys
from dataclasses import dataclass, replace

from tyro.conf import OmitArgPrefixes

from openfloat.errors import BadInput
from openfloat.ui.settings import PageSettings

PASSWORD_VARIABLE = "OPENFLOAT_PASSWORD"


@dataclass(frozen=True, kw_only=True)
class Ui:
    """Show a web page on which videos are made, motion is edited and seen."""

    model: str = "openfloat-256"
    """Name of an embedded model, or a model folder."""
    device: str = "cpu"
    """Where to compute: cpu, cuda, mps."""
    settings: OmitArgPrefixes[PageSettings] = PageSettings()

    def run(self) -> None:
        """Load the model and show the page until SIGTERM or Ctrl-C."""
        from openfloat.cli.animate import check_device, no_garbage

        settings = with_password(self.settings)
        try:
            with no_garbage():
                import gradio  # noqa: F401

                from openfloat.ui.run import show_page
        except ModuleNotFoundError as error:
            raise BadInput(f"the page needs {error.name}: pip install 'openfloat[ui]'") from error
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was uploaded goes then too
        show_page(self.model, check_device(self.device), settings)
        # visitors whose videos are still drawn do not hold the process
        sys.stdout.flush()
        os._exit(0)


def with_password(settings: PageSettings) -> PageSettings:
    """The settings with the environment's password; BadInput where strangers would get in."""
    try:
        settings = replace(
            settings, password=settings.password or os.environ.get(PASSWORD_VARIABLE) or None
        )
    except ValueError as error:
        raise BadInput(str(error)) from error
    if settings.unguarded:
        raise BadInput(
            f"the page would be reached by others: give --password or {PASSWORD_VARIABLE}, or "
            "--anyone to let everybody in"
        )
    return settings

"""`openfloat serve`."""

import os
from dataclasses import dataclass, replace

from tyro.conf import OmitArgPrefixes

from openfloat.errors import BadInput
from openfloat.serving.settings import ServeSettings
from openfloat.terms import show_terms_once

KEY_VARIABLE = "OPENFLOAT_API_KEY"


@dataclass(frozen=True, kw_only=True)
class Serve:
    """Serve videos, streams and live sessions over HTTP and WebSocket."""

    model: str = "openfloat-256"
    """Name of an embedded model, or a model folder."""
    device: str = "cpu"
    """Where to compute: cpu, cuda, mps."""
    settings: OmitArgPrefixes[ServeSettings] = ServeSettings()

    def run(self) -> None:
        """Load the model and serve until SIGTERM or Ctrl-C."""
        from openfloat.cli.animate import check_device, no_garbage

        try:
            with no_garbage():
                from openfloat.serving.run import serve
        except ModuleNotFoundError as error:
            raise BadInput(
                f"the server needs {error.name}: pip install 'openfloat[serve]'"
            ) from error
        show_terms_once(print)
        serve(self.model, check_device(self.device), with_keys(self.settings))


def with_keys(settings: ServeSettings) -> ServeSettings:
    """The settings with the keys of the environment; BadInput where strangers would get in."""
    keys = tuple(key.strip() for key in os.environ.get(KEY_VARIABLE, "").split(",") if key.strip())
    try:
        settings = replace(settings, api_key=settings.api_key + keys)
    except ValueError as error:
        raise BadInput(str(error)) from error
    if settings.unguarded:
        raise BadInput(
            f"host={settings.host!r} is reached by others: give --api-key or {KEY_VARIABLE}, or "
            "--anyone to let everybody in"
        )
    return settings

"""Run a server until it is told to stop."""

import logging
import signal
import socket
from types import FrameType

import uvicorn

from openfloat.errors import BadInput
from openfloat.pipeline import FloatPipeline
from openfloat.serving.app import new_app, new_hall
from openfloat.serving.guard import SMALL_BODY
from openfloat.serving.hall import Hall
from openfloat.serving.logs import log_as_json
from openfloat.serving.settings import ServeSettings

logger = logging.getLogger(__name__)

CONNECTIONS_S = 5
"""Seconds that open requests get to end when the server stops."""
MOST_CONNECTIONS = 256


def serve(model: str, device: str, settings: ServeSettings) -> None:
    """Load a model and serve until SIGTERM or Ctrl-C.

    Raises:
        ModelNotFound, BadCheckpoint: the model cannot be loaded.
        BadInput: the address or the folder cannot be used.
    """
    pipeline = FloatPipeline.from_pretrained(model, device=device)
    listening = _listen(settings.host, settings.port)
    try:
        hall = new_hall(pipeline, settings)
    except BaseException:
        listening.close()
        raise
    log_as_json()
    host, port = listening.getsockname()[:2]
    logger.info("listening", extra={"fields": {"event": "listening", "host": host, "port": port}})
    server = _Server(hall)
    # uvicorn raises the signal again when it has stopped; it was obeyed already
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    server.run(sockets=[listening])
    logger.info("stopped", extra={"fields": {"event": "stopped"}})


class _Server(uvicorn.Server):
    """Takes no more work from the moment on when it is told to stop."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        super().__init__(uvicorn.Config(
            new_app(hall),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=CONNECTIONS_S,
            ws="websockets-sansio",
            ws_max_size=hall.settings.portrait_bytes * 4 // 3 + SMALL_BODY,
            ws_per_message_deflate=False,  # JPEGs do not get smaller
            lifespan="on",
        ))  # fmt: skip

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal came."""
        self._hall.draining = True
        super().handle_exit(sig, frame)


def _listen(host: str, port: int) -> socket.socket:
    """A socket on an address."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise BadInput(f"cannot listen on {host} port {port}: {error.strerror}") from error

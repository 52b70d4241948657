"""The application: operations, errors, health and metrics put together."""

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import Any

from anyio.to_thread import run_sync
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect

from openfloat import __version__
from openfloat.errors import Busy, NotWritten, OpenFloatError
from openfloat.nn.memory import return_freed_memory
from openfloat.pipeline import FloatPipeline
from openfloat.serving.calls import calls
from openfloat.serving.database import Away
from openfloat.serving.guard import AccessLog, Guard
from openfloat.serving.hall import Hall, Places
from openfloat.serving.live import LiveHost
from openfloat.serving.metrics import gauge
from openfloat.serving.schema import json_schemas
from openfloat.serving.sentences import Draining, NotFound, NotReady, TooLarge, sentence
from openfloat.serving.sessions import sessions
from openfloat.serving.settings import ServeSettings
from openfloat.serving.store import Store
from openfloat.serving.stream import streams
from openfloat.serving.uploads import Uploads
from openfloat.serving.videos import portraits, videos
from openfloat.serving.worker import Worker

logger = logging.getLogger(__name__)

CLEAR_EVERY_S = 10
"""Seconds between looks for what is too old, returns of memory, and signs of life."""
STATUS: dict[type[Exception], int] = {
    TooLarge: 413, NotFound: 404, NotReady: 409, Draining: 503, Busy: 429, NotWritten: 507,
    Away: 503, OpenFloatError: 422,
}  # fmt: skip
MEANINGS = {
    "queue_wait": "From sound to the start of drawing its window, seconds.",
    "motion": "Drawing one batch of windows, seconds.",
    "decode": "Decoding the frames of one session's window, seconds.",
    "first_frame": "From a live session's first sound to its first frame, seconds.",
}


def new_hall(pipeline: FloatPipeline, settings: ServeSettings) -> Hall:
    """Everything that a server needs, not started yet; BadInput if its folder cannot be used."""
    store = Store(
        settings.data, most_queued=settings.most_queued, most_portraits=settings.most_portraits,
        database=settings.store, results=settings.results,
    )  # fmt: skip
    live = LiveHost(pipeline, settings.most_sessions)
    return Hall(
        settings=settings,
        pipeline=pipeline,
        store=store,
        worker=Worker(pipeline, store, settings.most_nfe, live.pauses),
        live=live,
        uploads=Uploads(store.folder / "incoming", pipeline, settings),
        places=Places(settings.most_streams, live.pauses),
    )


def new_app(hall: Hall) -> FastAPI:
    """The application of a hall, whose threads run as long as it does."""
    app = FastAPI(
        title="OpenFLOAT",
        version=__version__,
        description="One portrait and one voice in, a talking video out.",
        lifespan=lambda _: _running(hall),
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
    )
    for router in (videos(hall), streams(hall), portraits(hall), sessions(hall)):
        app.include_router(router)
    if find_spec("aiortc"):
        app.include_router(calls(hall))
    _add_errors(app, hall)
    _add_health(app, hall)
    _describe(app)
    app.add_middleware(Guard, settings=hall.settings)
    if hall.settings.cors_origin:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=hall.settings.cors_origin,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "X-API-Key", "Idempotency-Key"],
            expose_headers=["Location", "Retry-After"],
        )
    app.add_middleware(AccessLog, counter=hall.requests)
    return app


@asynccontextmanager
async def _running(hall: Hall) -> AsyncIterator[None]:
    """The threads at work; at the end the running job may finish, or waits for the next server."""
    hall.worker.start()
    hall.live.start()
    clearing = asyncio.create_task(_clear(hall))
    try:
        yield
    finally:
        hall.draining = True
        clearing.cancel()
        await asyncio.gather(*(call.close() for call in tuple(hall.calls)))
        await run_sync(hall.worker.stop, hall.settings.stop_s)
        await run_sync(hall.live.stop)
        hall.store.close()


async def _clear(hall: Hall) -> None:
    """Delete what is too old, return memory, and show that the server lives, now and then."""
    while True:
        await run_sync(return_freed_memory)
        before = time.time() - hall.settings.keep_hours * 3600
        try:
            await run_sync(hall.store.beat)
            gone = await run_sync(hall.store.expire, before, hall.settings.most_kept)
        except Exception:
            logger.exception("the store could not be looked after")
        else:
            if gone:
                logger.info("deleted", extra={"fields": {"event": "expired", "count": gone}})
        await asyncio.sleep(CLEAR_EVERY_S)


def _said(status: int, text: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": text}, status, headers)


def _add_errors(app: FastAPI, hall: Hall) -> None:
    """Every error is one sentence; nothing of the server's inside is told."""

    async def mistake(_: Request, error: Exception) -> Response:
        assert isinstance(error, OpenFloatError)
        status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
        headers = {}
        if isinstance(error, Busy):
            seconds = await run_sync(hall.store.seconds_per_job)
            headers["Retry-After"] = str(min(60, max(1, math.ceil(seconds))))
        return _said(status, sentence(error), headers)

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        return _said(422, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")

    async def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _said(error.status_code, str(error.detail), dict(error.headers or {}))

    async def late(*_: object) -> Response:
        return _said(408, "the request took too long to come")

    async def left(*_: object) -> Response:
        return _said(400, "the client has left")

    async def bug(*_: object) -> Response:
        return _said(500, "an error inside the server")

    handlers: list[tuple[type[Exception], Callable[..., Any]]] = [
        (OpenFloatError, mistake), (RequestValidationError, invalid), (HTTPException, http),
        (TimeoutError, late), (ClientDisconnect, left), (Exception, bug),
    ]  # fmt: skip
    for kind, handler in handlers:
        app.add_exception_handler(kind, handler)


def _add_health(app: FastAPI, hall: Hall) -> None:
    @app.get("/healthz", tags=["health"])
    async def is_alive() -> dict[str, str]:
        """Whether the process answers."""
        return {"status": "ok"}

    @app.get("/readyz", tags=["health"], responses={503: {}})
    async def is_ready() -> JSONResponse:
        """Whether work is taken."""
        ready = hall.worker.alive and hall.live.alive and not hall.draining
        return JSONResponse({"status": "ready" if ready else "not ready"}, 200 if ready else 503)

    @app.get("/metrics", tags=["health"], response_class=PlainTextResponse)
    def metrics() -> PlainTextResponse:
        """Figures in Prometheus' text format."""
        return PlainTextResponse("\n".join(_figures(hall)) + "\n", media_type=METRICS_TYPE)


METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def _figures(hall: Hall) -> list[str]:
    jobs = hall.store.counts()
    live = {name: summary for name, summary in hall.live.summaries.items() if name in MEANINGS}
    return [
        *gauge("openfloat_queue_length", "Jobs that wait.", jobs["queued"]),
        *gauge("openfloat_jobs", "Jobs by state.", jobs, "state"),
        *hall.worker.seconds.lines("openfloat_job_seconds", "Drawing finished jobs, seconds."),
        *hall.worker.waits.lines("openfloat_job_wait_seconds", "Jobs waiting, seconds."),
        *gauge("openfloat_streams", "Streams being drawn.", hall.places.taken),
        *gauge("openfloat_live_sessions", "Live sessions.", len(hall.live)),
        *(line for name, summary in live.items()
          for line in summary.lines(f"openfloat_live_{name}_seconds", MEANINGS[name], 1e-3)),
        *hall.live.summaries["batch"].lines(
            "openfloat_live_batch_windows", "Windows of live sessions drawn together."),
        *hall.requests.lines(),
    ]  # fmt: skip


def _describe(app: FastAPI) -> None:
    """The OpenAPI document: options from their dataclasses, and the key."""
    made = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = made()
            document["components"]["schemas"] |= json_schemas()
            document["components"]["securitySchemes"] = {
                "key": {"type": "http", "scheme": "bearer"}
            }
            document["security"] = [{}, {"key": []}]
        return made()

    app.openapi = described  # type: ignore[method-assign]

"""Live sessions on Ray Serve: replicas that come and go with the load, none of which must be kept.

    serve run openfloat.serving.cluster:app most=8

A session's state travels with its requests, so that any replica goes on with any session.
"""

import asyncio
import base64
import os
from typing import Annotated, Any

from fastapi import FastAPI, File, Form, Response, UploadFile
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from ray import serve

from openfloat.serving.guard import Guard
from openfloat.serving.settings import ServeSettings
from openfloat.serving.talker import MOST_TOGETHER, Reply, Talker, Turn

WAIT_S = 0.01
"""Seconds that a turn waits for others to be drawn with."""
KEY_VARIABLE = "OPENFLOAT_API_KEY"


class Arguments(BaseModel):
    """What `serve run openfloat.serving.cluster:app NAME=VALUE ...` takes."""

    model: str = "openfloat-256"
    """Name of an embedded model, or a model folder that every machine has."""
    device: str = "cpu"
    cpus: float = Field(default=1, gt=0)
    """Cores of a replica."""
    gpus: float = Field(default=0, ge=0)
    """GPUs of a replica, or a part of one."""
    least: int = Field(default=1, ge=1)
    """Replicas that are always there."""
    most: int = Field(default=4, ge=1)
    """Replicas when much is to be done."""
    busy: float = Field(default=4, gt=0)
    """Turns at a time and replica beyond which more replicas are started."""


def app(arguments: Arguments) -> Any:
    """The application that Ray Serve runs; clients give one of the keys in OPENFLOAT_API_KEY."""
    keys = tuple(key for key in os.environ.get(KEY_VARIABLE, "").split(",") if key)
    web = FastAPI(title="OpenFLOAT", docs_url=None, redoc_url=None)
    # Ray's proxy says where it listens; who may come is said by keys alone
    web.add_middleware(Guard, settings=ServeSettings(host="0.0.0.0", anyone=True, api_key=keys))
    deployed = serve.deployment(
        name="talker",
        ray_actor_options={"num_cpus": arguments.cpus, "num_gpus": arguments.gpus},
        max_ongoing_requests=4 * MOST_TOGETHER,
        autoscaling_config={
            "min_replicas": arguments.least,
            "max_replicas": max(arguments.least, arguments.most),
            "target_ongoing_requests": arguments.busy,
        },
    )(serve.ingress(web)(_replica(web)))
    return deployed.bind(arguments.model, arguments.device, int(max(1, arguments.cpus)))


def _replica(web: FastAPI) -> type:
    """The class whose objects are replicas, with its operation in a web application."""

    class Replica:
        def __init__(self, model: str, device: str, threads: int) -> None:
            import torch

            from openfloat.pipeline import FloatPipeline

            torch.set_num_threads(threads)
            pipeline = FloatPipeline.from_pretrained(model, device=device)
            talker = Talker(pipeline, ServeSettings().most_nfe)

            async def together(turns: list[Turn]) -> list[Reply]:
                return await asyncio.to_thread(talker.talk, turns)

            batched = serve.batch(max_batch_size=MOST_TOGETHER, batch_wait_timeout_s=WAIT_S)
            self._talk = batched(together)

        @web.post("/v1/turns", response_class=JSONResponse)
        async def turn(
            self,
            portrait: Annotated[UploadFile, File()],
            sound: Annotated[UploadFile | None, File()] = None,
            state: Annotated[UploadFile | None, File()] = None,
            options: Annotated[str, Form()] = "{}",
            interrupt: Annotated[bool, Form()] = False,
            end: Annotated[bool, Form()] = False,
        ) -> Response:
            """A piece of a live session: frames, and the state for the next piece."""
            reply = await self._talk(Turn(
                portrait=await portrait.read(),
                sound=b"" if sound is None else await sound.read(),
                state=b"" if state is None else await state.read(),
                options=options, interrupt=interrupt, end=end,
            ))  # fmt: skip
            if reply.error:
                return JSONResponse({"error": reply.error}, 422)
            said = {
                "frames": [base64.b64encode(frame).decode() for frame in reply.frames],
                "state": base64.b64encode(reply.state).decode(),
            }
            return JSONResponse(said, headers={"X-Replica": _own_id()})

    return Replica


def _own_id() -> str:
    """Which replica this is."""
    return str(serve.get_replica_context().replica_id.unique_id)

"""`/v1/sessions`: a live session over a WebSocket."""

import asyncio
import base64
import binascii
import io
import json
import re
import struct
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
from anyio.to_thread import run_sync
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from PIL import Image

from openfloat.clip import Chunk, Portrait
from openfloat.config import FPS
from openfloat.errors import BadInput, Busy, OpenFloatError
from openfloat.serving.guard import PROTOCOL, owner_of
from openfloat.serving.hall import Hall
from openfloat.serving.live import Outbox
from openfloat.serving.schema import LiveOptions, read_options
from openfloat.serving.sentences import Draining, NotFound, TooLarge, sentence
from openfloat.serving.uploads import told_without

FIRST_S = 15.0
"""Seconds within which the first message must have come."""
LONGEST_SOUND = 1_000_000
"""Bytes of one message of sound."""
LARGE = 32_000
"""Bytes of a message of sound that is waited for before the next one is read."""
MOST_UNHEARD = 100
"""Messages of sound that may wait until a step is computed; beyond them no more are read."""
LONGEST_IDLE = 60 * FPS
"""Frames of silence that one message may ask for."""
LONGEST_CONTROL = 1_000
"""Characters of one control message."""
JPEG_QUALITY = 90
HEADER = struct.Struct("<II")
"""Before each JPEG: index of the frame, and when it is shown, milliseconds."""

NORMAL, POLICY, TOO_BIG, BROKEN, AGAIN = 1000, 1008, 1009, 1011, 1013
"""Codes that a WebSocket is closed with."""


def sessions(hall: Hall) -> APIRouter:
    """The WebSocket."""
    router = APIRouter()

    @router.websocket("/v1/sessions")
    async def live_session(socket: WebSocket) -> None:
        await socket.accept(PROTOCOL if PROTOCOL in socket.scope["subprotocols"] else None)
        code, reason = NORMAL, ""
        try:
            await _serve(hall, socket)
        except WebSocketDisconnect:
            return
        except Busy as error:
            code, reason = AGAIN, sentence(error)
        except TooLarge as error:
            code, reason = TOO_BIG, sentence(error)
        except OpenFloatError as error:
            code, reason = POLICY, sentence(error)
        except _Broken:
            code, reason = BROKEN, "the session has broken"
        await _leave(socket, code, reason)

    return router


class _Broken(Exception):
    """Something inside the server went wrong in this session."""


async def _leave(socket: WebSocket, code: int, reason: str) -> None:
    """Say why, in full, then close with as much of it as fits."""
    try:
        if reason:
            await socket.send_json({"event": "error", "error": reason})
        await socket.close(code, reason.encode()[:120].decode(errors="ignore"))
    except (WebSocketDisconnect, RuntimeError):
        pass  # the client has left first


async def _serve(hall: Hall, socket: WebSocket) -> None:
    """From the first message to the last frame."""
    if hall.draining:
        raise Draining("the server is about to stop: try again later")
    hall.live.check_room()
    try:
        first = await asyncio.wait_for(socket.receive(), FIRST_S)
    except TimeoutError:
        raise BadInput(f"the first message did not come within {FIRST_S:g} seconds") from None
    portrait, options = await wanted(hall, owner_of(socket.scope), read_object(_text(first)))
    number, outbox = await hall.live.open(portrait, options.sample, options.timing)
    try:
        await socket.send_json({"event": "ready", "fps": FPS, "delay_s": options.timing.delay_s})
        await _both(_hear(hall, socket, number), _show(socket, outbox))
    finally:
        hall.live.close(number)


async def _both(hearing: Any, showing: Any) -> None:
    """Hear and show until all is shown, or either fails."""
    tasks = [asyncio.create_task(hearing), asyncio.create_task(showing)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _text(message: Any) -> str:
    """The text of a message; raises where the client has left."""
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", NORMAL))
    if message.get("text") is None:
        raise BadInput("the first message must be JSON")
    return str(message["text"])


async def wanted(hall: Hall, owner: str, asked: dict[str, Any]) -> tuple[Portrait, LiveOptions]:
    """What the first message of a session asks for."""
    if unknown := sorted(set(asked) - {"portrait", "options", "timing"}):
        raise BadInput(f"the first message has no field named {', '.join(unknown)[:100]}")
    given, chosen = asked.get("portrait"), asked.get("options", {})
    if not isinstance(given, str) or not isinstance(chosen, dict):
        raise BadInput("portrait is not a string, or options is not an object")
    chosen = chosen | ({"timing": asked["timing"]} if "timing" in asked else {})
    options = read_options(LiveOptions, json.dumps(chosen), hall.settings.most_nfe)
    if re.fullmatch("[0-9a-f]{32}", given):
        async with hall.uploads.new_folder() as (_, folder):
            path = await run_sync(hall.store.portrait, given, owner, folder)
            if path is None:
                raise NotFound("there is no such portrait")
            return await _ready(hall, path, options), options
    try:
        data = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        raise BadInput("portrait is neither base64 nor the id of a portrait") from None
    if len(data) > hall.settings.portrait_bytes:
        raise TooLarge(f"the portrait has more than {hall.settings.portrait_mb:g} megabytes")
    async with hall.uploads.picture(data) as path:
        return await _ready(hall, path, options), options


async def _ready(hall: Hall, path: Path, options: LiveOptions) -> Portrait:
    """The portrait in a file, encoded."""
    with told_without(path.parent):
        async with hall.uploads.one_by_one:
            return await run_sync(hall.pipeline.encode, path, options.crop)


def read_object(text: str) -> dict[str, Any]:
    """A JSON object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise BadInput("the message is not JSON") from None
    if not isinstance(value, dict):
        raise BadInput("the message is not a JSON object")
    return value


async def _hear(hall: Hall, socket: WebSocket, number: int) -> None:
    """Take sound and control messages until the client has said that it ends."""
    silent_s = hall.settings.silent_s
    odd, unheard = b"", deque[Future[None]]()
    while True:
        while unheard and (unheard[0].done() or len(unheard) > MOST_UNHEARD):
            await asyncio.wrap_future(unheard.popleft())
        try:
            message = await asyncio.wait_for(socket.receive(), silent_s)
        except TimeoutError:
            raise BadInput(f"nothing came for {silent_s:g} seconds") from None
        if (sound := message.get("bytes")) is not None:
            if len(sound) > LONGEST_SOUND:
                raise TooLarge(f"a message of sound has more than {LONGEST_SOUND} bytes")
            odd += sound
            whole = len(odd) - len(odd) % 2
            samples = np.frombuffer(odd[:whole], "<i2").astype(np.int16)
            odd = odd[whole:]
            if len(samples):
                unheard.append(hall.live.push(number, samples))
                if len(sound) > LARGE:
                    await asyncio.wrap_future(unheard[-1])
        else:
            await _control(hall, number, _text(message))


async def _control(hall: Hall, number: int, text: str) -> None:
    """Obey a control message."""
    if len(text) > LONGEST_CONTROL:
        raise TooLarge(f"a control message has more than {LONGEST_CONTROL} characters")
    match read_object(text):
        case {"interrupt": True, **others} if not others:
            await hall.live.interrupt(number)
        case {"end": True, **others} if not others:
            await hall.live.end(number)
        case {"idle": int(frames), **others} if (
            not others and frames is not True and 0 < frames <= LONGEST_IDLE
        ):
            await hall.live.idle(number, frames)
        case _:
            raise BadInput(
                'a control message is {"interrupt": true}, {"end": true}, or {"idle": FRAMES} '
                f"with 1 to {LONGEST_IDLE} frames"
            )


async def _show(socket: WebSocket, outbox: Outbox) -> None:
    """Send frames and events until the session is over."""
    while True:
        event = await outbox.get()
        if isinstance(event, OpenFloatError):
            raise event
        if event == "broken":
            raise _Broken
        if isinstance(event, str):
            await socket.send_json({"event": event})
            if event == "end":
                return
            continue
        for message in await run_sync(list, jpegs(event)):
            await socket.send_bytes(message)


def jpegs(chunk: Chunk) -> Iterator[bytes]:
    """Each frame as a header and a JPEG."""
    for index, pixels in enumerate(chunk.frames, chunk.start):
        picture = io.BytesIO()
        Image.fromarray(pixels).save(picture, "JPEG", quality=JPEG_QUALITY)
        yield HEADER.pack(index, index * 1000 // FPS) + picture.getvalue()

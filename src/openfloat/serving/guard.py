"""What every request passes before anything of it is read: who asks, from where, how much."""

import hashlib
import hmac
import json
import logging
import time
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from openfloat.serving.metrics import RequestCounter
from openfloat.serving.sentences import TooLarge
from openfloat.serving.settings import ServeSettings

logger = logging.getLogger(__name__)

OPEN = ("/healthz", "/readyz", "/openapi.json", "/live")
"""What needs no key: it says nothing of any client."""
SMALL_BODY = 65_536
"""Bytes around the files of a form, and of all other requests."""
PROTOCOL, KEY_PROTOCOL = "openfloat", "openfloat.key."
"""WebSocket subprotocols: ours, and the one by which a browser, which sends no other header of its
own, gives its key."""
LONGEST_LENGTH = 15
"""Digits of a body's length; Python takes its time over numbers of many thousands."""
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


def owner_of(scope: Scope) -> str:
    """Whose request it is: a digest of the key, empty where none is needed."""
    return str(scope.get("owner", ""))


class Guard:
    """Turns away strangers, foreign web pages and bodies that are too large.

    Args:
        app: what is guarded.
        settings: keys, allowed origins and limits.
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings) -> None:
        self._app, self._settings = app, settings
        self._keys = {hashlib.sha256(key.encode()).digest() for key in settings.api_key}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        if not self._known_host(headers) or not self._known_origin(headers):
            return await _refuse(scope, send, 403, "requests from this web page are not allowed")
        if scope["path"] not in OPEN and self._keys:
            owner = self._owner(headers)
            if owner is None:
                return await _refuse(scope, send, 401, "an API key is missing or wrong")
            scope["owner"] = owner
        if scope["type"] == "websocket":
            return await self._app(scope, receive, send)
        limit = self._limit(scope["path"])
        said = headers.get("content-length", "0")
        if not (said.isascii() and said.isdigit()):
            return await _refuse(scope, send, 400, "the request's length is no number")
        if len(said) > LONGEST_LENGTH or int(said) > limit:
            return await _refuse(scope, send, 413, _too_large(limit))
        return await self._app(scope, _counted(receive, limit), send)

    def _known_host(self, headers: Headers) -> bool:
        """A web page can make its own name mean this machine; the name betrays it."""
        host = urlsplit(f"//{headers.get('host', '')}").hostname
        return not self._settings.loopback or host in LOOPBACK_NAMES

    def _known_origin(self, headers: Headers) -> bool:
        """Browsers say which page asks; any other client says nothing."""
        origin = headers.get("origin")
        return (
            origin is None
            or origin in self._settings.cors_origin
            or urlsplit(origin).netloc == headers.get("host")
        )

    def _owner(self, headers: Headers) -> str | None:
        """Whose key it is; compared with all keys in the same time whatever was sent."""
        kind, _, sent = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            sent = headers.get("x-api-key", "")
        for protocol in headers.get("sec-websocket-protocol", "").split(","):
            if protocol.strip().startswith(KEY_PROTOCOL):
                sent = protocol.strip().removeprefix(KEY_PROTOCOL)
        digest = hashlib.sha256(sent.encode()).digest()
        same = [hmac.compare_digest(digest, key) for key in self._keys]
        return digest.hex() if any(same) else None

    def _limit(self, path: str) -> int:
        """Most bytes that a request's body may have."""
        if path in ("/v1/videos", "/v1/stream", "/v1/turns"):
            return self._settings.portrait_bytes + self._settings.speech_bytes + SMALL_BODY
        return SMALL_BODY + (self._settings.portrait_bytes if path == "/v1/portraits" else 0)


class AccessLog:
    """Writes one line a request, and counts it.

    Args:
        app: what answers.
        counter: where requests are counted.
    """

    def __init__(self, app: ASGIApp, counter: RequestCounter) -> None:
        self._app, self._counter = app, counter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        status, started = 500 if scope["type"] == "http" else 101, time.perf_counter()

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            method = scope.get("method", "WEBSOCKET")
            route = getattr(scope.get("route"), "path", None) or _named(scope["path"])
            self._counter.add(_known(method), route, status)
            logger.info("request", extra={"fields": {
                "event": "request", "method": method, "path": scope["path"][:200],
                "status": status, "seconds": round(time.perf_counter() - started, 4),
            }})  # fmt: skip


def _known(method: str) -> str:
    known: Iterable[str] = ("GET", "POST", "DELETE", "HEAD", "OPTIONS", "WEBSOCKET")
    return method if method in known else "OTHER"


def _named(path: str) -> str:
    """A route for what was answered before it was routed."""
    return path if path in (*OPEN, "/metrics", "/v1/videos", "/v1/stream") else "other"


def _counted(receive: Receive, limit: int) -> Receive:
    """The body as it comes, up to a limit that no header can lie about."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise TooLarge(_too_large(limit))
        return message

    return counted


def _too_large(limit: int) -> str:
    return f"the request has more than {limit} bytes"


async def _refuse(scope: Scope, send: Send, status: int, said: str) -> None:
    """Answer at once; a WebSocket is refused before it opens."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": said})
        return
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    body = json.dumps({"error": said}).encode()
    await send({"type": "http.response.body", "body": body})

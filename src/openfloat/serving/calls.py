"""`/live` and `/v1/calls`: a live session in a browser, over WebRTC (extra `rtc`)."""

import secrets
from importlib.resources import files

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from openfloat.errors import BadInput
from openfloat.serving.guard import owner_of
from openfloat.serving.hall import Hall
from openfloat.serving.sentences import Draining
from openfloat.serving.sessions import read_object, wanted
from openfloat.serving.videos import errors

PAGE = "live.html"
POLICY = (
    "default-src 'none'; script-src 'nonce-{0}'; style-src 'nonce-{0}'; connect-src 'self'; "
    "media-src blob: mediastream:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the page may do: run its own script, ask its own server."""

BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": {
    "type": "object",
    "properties": {
        "offer": {"type": "string"},
        "portrait": {"type": "string"},
        "options": {"$ref": "#/components/schemas/LiveOptions"},
    },
    "required": ["offer", "portrait"],
    "additionalProperties": True,
}}}}}  # fmt: skip


def calls(hall: Hall) -> APIRouter:
    """The page and the operation by which it calls."""
    router = APIRouter(tags=["live"])

    @router.get("/live", response_class=HTMLResponse)
    async def live_page() -> HTMLResponse:
        """A page with a microphone and a face that speaks."""
        nonce = secrets.token_urlsafe(16)
        page = (files("openfloat.serving") / PAGE).read_text(encoding="utf-8")
        headers = {"Content-Security-Policy": POLICY.format(nonce), "Cache-Control": "no-store"}
        return HTMLResponse(page.replace("NONCE", nonce), headers=headers)

    @router.post("/v1/calls", responses=errors(413, 429, 503), openapi_extra=BODY)
    async def call(request: Request) -> dict[str, str]:
        """Answer a WebRTC offer: `{"offer": SDP, "portrait": ID, "options": {}, "timing": {}}`."""
        # aiortc takes a while to import
        from openfloat.serving.call import RATE, Call
        from openfloat.serving.player import Player

        if hall.draining:
            raise Draining("the server is about to stop: try again later")
        hall.live.check_room()
        asked = read_object((await request.body()).decode(errors="replace"))
        offer = asked.pop("offer", None)
        if not isinstance(offer, str):
            raise BadInput("offer is not a string")
        portrait, options = await wanted(hall, owner_of(request.scope), asked)
        player = await Player.open(
            hall.live, portrait, options=options.sample, timing=options.timing, rate=RATE
        )
        made = Call(player, hall.settings.silent_s, _addresses(hall), hall.calls.discard)
        hall.calls.add(made)
        try:
            return {"answer": await made.answer(offer)}
        except BaseException:
            await made.close()
            await hall.live.settled()  # whoever is refused leaves no seat taken
            raise

    return router


def _addresses(hall: Hall) -> list[str]:
    """Where calls are reached: as the server itself; none given are all."""
    host = hall.settings.host
    if host in ("0.0.0.0", "::"):
        return []
    return ["127.0.0.1" if host == "localhost" else host]

"""`POST /v1/stream`: an mp4 that leaves while it is drawn."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from openfloat.config import FPS
from openfloat.marking.marker import marker
from openfloat.marking.provenance import Origin
from openfloat.options import MarkOptions
from openfloat.pipeline import FloatPipeline
from openfloat.serving.hall import Hall, Places
from openfloat.serving.sentences import Draining
from openfloat.serving.uploads import Upload
from openfloat.serving.videos import BINARY, errors, form
from openfloat.vision.fragments import FragmentedWriter


def streams(hall: Hall) -> APIRouter:
    """The operation that streams."""
    router = APIRouter(tags=["videos"])
    places = hall.places

    @router.post(
        "/v1/stream",
        response_class=StreamingResponse,
        responses={
            200: {"content": {"video/mp4": {"schema": BINARY}}}, **errors(408, 413, 429, 503)
        },
        openapi_extra=form("portrait", "speech"),
    )  # fmt: skip
    async def stream_a_video(request: Request) -> StreamingResponse:
        """Draw a video now; fragments of the mp4 are sent as soon as their frames are made."""
        if hall.draining:
            raise Draining("the server is about to stop: try again later")
        async with AsyncExitStack() as stack:
            stack.enter_context(places.place())
            upload = await stack.enter_async_context(hall.uploads.video(request))
            pieces = mp4_pieces(hall.pipeline, upload)
            first = await places.call(lambda: next(pieces, b""))
            rest = stack.pop_all()
        return StreamingResponse(_sent(first, pieces, rest, places), media_type="video/mp4")

    return router


async def _sent(
    first: bytes, pieces: Iterator[bytes], stack: AsyncExitStack, places: Places
) -> AsyncIterator[bytes]:
    """The pieces, each made in a thread when the last one has left; then all is cleared up."""
    async with stack:
        try:
            piece = first
            while piece:
                yield piece
                piece = await places.call(lambda: next(pieces, b""))
        finally:
            pieces.close()  # type: ignore[attr-defined]


def mp4_pieces(pipeline: FloatPipeline, upload: Upload) -> Iterator[bytes]:
    """A fragmented mp4 piece by piece, none of them empty; each is drawn when it is asked for."""
    options = upload.options
    portrait = pipeline.encode(upload.portrait, options.crop)
    paste = pipeline.paste_back(portrait) if options.paste_back else None
    side = pipeline.config.autoencoder.size
    width, height = (side, side) if paste is None else (paste.width, paste.height)
    origin = Origin(pipeline.config.name, options.sample.seed, composite=paste is not None)
    finish = marker(MarkOptions(), origin)
    with FragmentedWriter(width, height, FPS, upload.speech, finish=finish) as writer:
        for chunk in pipeline.stream(portrait, upload.speech, options.sample):
            shown = chunk.frames if paste is None else np.stack(list(map(paste, chunk.frames)))
            writer.write(shown)
            if piece := writer.take():
                yield piece
    yield writer.take()

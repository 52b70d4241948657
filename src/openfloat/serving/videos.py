"""Videos as jobs, streamed videos, and uploaded portraits, over HTTP."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Path, Request, Response
from fastapi.responses import FileResponse, StreamingResponse

from openfloat.serving.guard import owner_of
from openfloat.serving.hall import Hall
from openfloat.serving.rows import Job, State
from openfloat.serving.sentences import Draining, NotFound, NotReady

Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
IdempotencyKey = Annotated[str | None, Header(max_length=200, pattern=r"^[\x21-\x7e]+$")]
BINARY = {"type": "string", "contentMediaType": "application/octet-stream", "format": "binary"}


@dataclass(frozen=True)
class Progress:
    """Frames drawn, and frames in all once that is known."""

    done: int
    total: int | None


@dataclass(frozen=True)
class JobView:
    """A job as its client sees it."""

    id: str
    status: State
    progress: Progress
    created: datetime
    finished: datetime | None
    error: str | None
    """One sentence, where it has failed."""


@dataclass(frozen=True)
class PortraitView:
    """An uploaded portrait."""

    id: str


@dataclass(frozen=True)
class ErrorView:
    """What went wrong, in one sentence."""

    error: str


def errors(*codes: int) -> dict[int | str, dict[str, Any]]:
    """What an operation's errors look like, for its documentation."""
    return {code: {"model": ErrorView} for code in (*codes, 400, 401, 403, 422)}


def form(*required: str, options: bool = True) -> dict[str, Any]:
    """The body of an operation that takes files."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": dict.fromkeys(required, BINARY),
        "required": list(required),
    }
    if options:
        schema["properties"] |= {"options": {"$ref": "#/components/schemas/VideoOptions"}}
    content: dict[str, Any] = {"schema": schema}
    if options:
        content["encoding"] = {"options": {"contentType": "application/json"}}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": content}}}


def view(job: Job) -> JobView:
    """What a job's client may know."""
    return JobView(
        id=job.id,
        status=job.state,
        progress=Progress(job.frames_done, job.frames_total),
        created=datetime.fromtimestamp(job.created, UTC),
        finished=None if job.finished is None else datetime.fromtimestamp(job.finished, UTC),
        error=job.error,
    )


def videos(hall: Hall) -> APIRouter:
    """The operations on jobs."""
    router = APIRouter(prefix="/v1/videos", tags=["videos"])

    _add_queueing(router, hall)

    def found(request: Request, number: str) -> Job:
        job = hall.store.job(number, owner_of(request.scope))
        if job is None:
            raise NotFound("there is no such video")
        return job

    @router.get("/{number}", responses=errors(404))
    def look_at_a_video(request: Request, number: Id) -> JobView:
        """How far a video is."""
        return view(found(request, number))

    @router.get(
        "/{number}/result",
        response_class=FileResponse,
        responses={200: {"content": {"video/mp4": {"schema": BINARY}}}, **errors(404, 409)},
    )
    def take_a_video(request: Request, number: Id) -> Response:
        """The mp4 of a video that is done."""
        job = found(request, number)
        if job.state != "done":
            raise NotReady(job.error or f"the video is {job.state}")
        name, kind = f"jobs/{number}/result.mp4", "video/mp4"
        if (file := hall.store.files.path(name)) is not None:
            return FileResponse(file, media_type=kind, filename=f"{number}.mp4")
        length, blocks = hall.store.files.read(name)
        headers = {
            "Content-Length": str(length),
            "Content-Disposition": f'attachment; filename="{number}.mp4"',
        }
        return StreamingResponse(blocks, media_type=kind, headers=headers)

    @router.delete("/{number}", status_code=204, responses=errors(404))
    def delete_a_video(request: Request, number: Id) -> None:
        """Delete a video, drawn or not."""
        if not hall.store.drop_job(number, owner_of(request.scope)):
            raise NotFound("there is no such video")

    return router


def _add_queueing(router: APIRouter, hall: Hall) -> None:
    @router.post(
        "",
        status_code=202,
        responses={200: {"model": JobView}, **errors(408, 413, 429, 503)},
        openapi_extra=form("portrait", "speech"),
    )
    async def queue_a_video(
        request: Request, response: Response, idempotency_key: IdempotencyKey = None
    ) -> JobView:
        """Queue a video of a portrait that speaks."""
        if hall.draining:
            raise Draining("the server is about to stop: try again later")
        if idempotency_key is None:
            await run_sync(hall.store.check_room)  # before the files are read
        async with hall.uploads.video(request) as upload:
            job, new = await run_sync(lambda: hall.store.add_job(
                upload.number, upload.folder, owner=owner_of(request.scope),
                options=upload.options_text, key=idempotency_key, digest=upload.digest,
            ))  # fmt: skip
        hall.worker.notify()
        response.status_code = 202 if new else 200
        response.headers["Location"] = f"/v1/videos/{job.id}"
        return view(job)


def portraits(hall: Hall) -> APIRouter:
    """The operations on uploaded portraits."""
    router = APIRouter(prefix="/v1/portraits", tags=["portraits"])

    @router.post(
        "",
        status_code=201,
        responses=errors(408, 413, 429),
        openapi_extra=form("portrait", options=False),
    )
    async def upload_a_portrait(request: Request) -> PortraitView:
        """Keep a portrait for live sessions."""
        async with hall.uploads.portrait(request) as (number, file):
            owner = owner_of(request.scope)
            await run_sync(hall.store.add_portrait, number, file, owner)
        return PortraitView(number)

    @router.delete("/{number}", status_code=204, responses=errors(404))
    def delete_a_portrait(request: Request, number: Id) -> None:
        """Delete an uploaded portrait."""
        if not hall.store.drop_portrait(number, owner_of(request.scope)):
            raise NotFound("there is no such portrait")

    return router

"""Portraits and voices from strangers: bounded, kept under random names, checked before use."""

import hashlib
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from anyio import CapacityLimiter, fail_after
from anyio.to_thread import run_sync
from fastapi import Request
from starlette.datastructures import FormData, UploadFile

from openfloat.audio.io import READ_BLOCK, silent, stream_audio
from openfloat.config import SAMPLE_RATE
from openfloat.drafts import not_written
from openfloat.errors import BadInput, BadMedia, OpenFloatError
from openfloat.options import CropOptions, VideoOptions
from openfloat.pipeline import FloatPipeline
from openfloat.serving.files import remove
from openfloat.serving.schema import LONGEST_OPTIONS, read_options
from openfloat.serving.sentences import TooLarge, sentence
from openfloat.serving.settings import ServeSettings
from openfloat.vision.face import crop_portrait
from openfloat.vision.image import load_image

UPLOAD_S = 120
"""Seconds within which a form must have come."""


@dataclass(frozen=True, slots=True)
class Upload:
    """What came with one request, in a folder of its own.

    Attributes:
        number: a random id.
        folder: holds portrait and, for videos, speech.
        options: how to draw.
        options_text: the same as it was sent.
        digest: SHA-256 of everything.
    """

    number: str
    folder: Path
    options: VideoOptions
    options_text: str
    digest: str

    @property
    def portrait(self) -> Path:
        """The photo."""
        return self.folder / "portrait"

    @property
    def speech(self) -> Path:
        """The voice."""
        return self.folder / "speech"


class Uploads:
    """Reads forms into a folder and looks at what is in them, one picture at a time.

    Args:
        folder: for what has come and is not taken yet.
        pipeline: says how large a face is cut out.
        settings: the limits.
    """

    def __init__(self, folder: Path, pipeline: FloatPipeline, settings: ServeSettings) -> None:
        self._folder, self._pipeline, self._settings = folder, pipeline, settings
        # large pictures take a lot of memory while they are read
        self.one_by_one = CapacityLimiter(1)

    @asynccontextmanager
    async def video(self, request: Request) -> AsyncIterator[Upload]:
        """A checked form of portrait, speech and options; what is left of it then is deleted.

        Raises:
            TooLarge: a file has more bytes than allowed.
            OpenFloatError: anything else is wrong with it.
        """
        async with self._form(request, files=2) as form, self.new_folder() as (number, folder):
            portrait, speech = _file(form, "portrait"), _file(form, "speech")
            text = form.get("options", "{}")
            if not isinstance(text, str):
                text = (await _file(form, "options").read(LONGEST_OPTIONS + 1)).decode()
            options = read_options(VideoOptions, text or "{}", self._settings.most_nfe)
            digest = hashlib.sha256(text.encode())
            for name, file, limit in (
                ("portrait", portrait, self._settings.portrait_bytes),
                ("speech", speech, self._settings.speech_bytes),
            ):
                if (file.size or 0) > limit:
                    raise TooLarge(f"the {name} has more than {limit / 1e6:g} megabytes")
                digest.update(await run_sync(_save, file.file, folder / name))
            with told_without(folder):
                await self.check(folder / "portrait", options.crop)
                await run_sync(self._check_speech, folder / "speech")
            yield Upload(number, folder, options, text or "{}", digest.hexdigest())

    @asynccontextmanager
    async def portrait(self, request: Request) -> AsyncIterator[tuple[str, Path]]:
        """A form with a portrait: a random id and the checked file."""
        async with self._form(request, files=1) as form, self.new_folder() as (number, folder):
            await run_sync(_save, _file(form, "portrait").file, folder / "portrait")
            with told_without(folder):
                await self.check(folder / "portrait", CropOptions())
            yield number, folder / "portrait"

    @asynccontextmanager
    async def picture(self, data: bytes) -> AsyncIterator[Path]:
        """The bytes of a picture as a file."""
        async with self.new_folder() as (_, folder):
            await run_sync((folder / "portrait").write_bytes, data)
            yield folder / "portrait"

    async def check(self, portrait: Path, crop: CropOptions) -> None:
        """Raise BadMedia where a file is no picture of a face."""
        size = self._pipeline.config.autoencoder.size
        await run_sync(
            lambda: crop_portrait(load_image(portrait), size, crop), limiter=self.one_by_one
        )

    def _check_speech(self, path: Path) -> None:
        """Raise BadMedia where a file is no sound, or a longer one than allowed."""
        samples, heard = 0, False
        for block in stream_audio(path, READ_BLOCK):
            samples, heard = samples + len(block), heard or bool(block.any())
            if samples > self._settings.longest_s * SAMPLE_RATE:
                raise BadMedia(f"speech is longer than {self._settings.longest_s:g} seconds")
        if not heard:
            raise silent(path)

    @asynccontextmanager
    async def _form(self, request: Request, files: int) -> AsyncIterator[FormData]:
        """The parts of a form; large ones are in temporary files, not in memory."""
        if not request.headers.get("content-type", "").startswith("multipart/form-data"):
            raise BadInput("the request is not multipart/form-data")
        with fail_after(UPLOAD_S):
            form = await request.form(
                max_files=files + 1, max_fields=1, max_part_size=LONGEST_OPTIONS
            )
        try:
            yield form
        finally:
            await form.close()

    @asynccontextmanager
    async def new_folder(self) -> AsyncIterator[tuple[str, Path]]:
        """A random id and a folder of that name, which is deleted after the block."""
        number = secrets.token_hex(16)
        folder = self._folder / number
        folder.mkdir()
        try:
            yield number, folder
        finally:
            remove(folder)


@contextmanager
def told_without(folder: Path) -> Iterator[None]:
    """Errors of the block do not name the folder."""
    try:
        yield
    except OpenFloatError as error:
        raise type(error)(sentence(error, folder)) from error


def _file(form: FormData, name: str) -> UploadFile:
    """A file of a form by its field's name."""
    file = form.get(name)
    if not isinstance(file, UploadFile):
        raise BadInput(f"the form has no file named {name}")
    return file


def _save(source: BinaryIO, path: Path) -> bytes:
    """Copy a file; returns its SHA-256."""
    source.seek(0)
    try:
        with path.open("xb") as target:
            shutil.copyfileobj(source, target)
    except OSError as error:
        raise not_written(Path(path.name), error) from error
    with path.open("rb") as copy:
        return hashlib.file_digest(copy, "sha256").digest()

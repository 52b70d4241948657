"""What the page does when something is set or pressed; no element of it is known here."""

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from openfloat.config import FPS
from openfloat.errors import BadInput
from openfloat.pipeline import FloatPipeline
from openfloat.ui.desk import Desk, Job
from openfloat.ui.drawing import Report, reports
from openfloat.ui.settings import PageSettings
from openfloat.ui.wish import Names, Wish, command_line, python_code
from openfloat.vision.contact_sheet import contact_sheet

MOST_POINTS = 1500
"""Of one curve; longer clips are thinned out."""
NEEDED = "First give a photo and a voice."


@dataclass(frozen=True, slots=True)
class Given:
    """Files as a visitor sent them; either may be missing yet."""

    portrait: Path | None
    speech: Path | None
    names: Mapping[str, str]
    """What the visitor calls the files, by their path here."""

    def job(self, wish: Wish) -> Job:
        """What is to be drawn.

        Raises:
            BadInput: a file is missing.
        """
        if self.portrait is None or self.speech is None:
            raise BadInput(NEEDED)
        return Job(self.portrait, self.speech, wish)


@dataclass(frozen=True, slots=True)
class Preview:
    """What is seen before the long work."""

    crop: NDArray[np.uint8] | None
    frame: NDArray[np.uint8] | None
    text: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Result:
    """A finished video."""

    video: Path
    sheet: Path
    text: str


class House:
    """All visitors of one running page, by the ids of their sessions.

    Args:
        pipeline: the model that serves them all.
        model: its name or folder, for commands and code.
        settings: the limits.
        folder: where each visitor's results get a folder.
    """

    def __init__(
        self, pipeline: FloatPipeline, model: str, settings: PageSettings, folder: Path
    ) -> None:
        self.pipeline, self.settings = pipeline, settings
        self._model, self._folder = model, folder
        self._desks: dict[str, Desk] = {}
        self._lock = Lock()

    def desk(self, visitor: str) -> Desk:
        """A visitor's desk, new for a new one."""
        with self._lock:
            if visitor not in self._desks:
                folder = Path(tempfile.mkdtemp(dir=self._folder))
                self._desks[visitor] = Desk(self.pipeline, self.settings, folder)
            return self._desks[visitor]

    def leave(self, visitor: str) -> None:
        """End what is drawn for a visitor who has gone, and delete what was."""
        with self._lock:
            desk = self._desks.pop(visitor, None)
        if desk is not None:
            desk.stop.set()
            shutil.rmtree(desk.folder, ignore_errors=True)

    def preview(self, visitor: str, given: Given, wish: Wish) -> Preview:
        """The crop as soon as there is a photo, the first frame as soon as there is a voice."""
        desk = self.desk(visitor)
        desk.check(wish)
        seconds = None if given.speech is None else desk.seconds(given.speech)
        if given.portrait is None:
            return Preview(None, None, NEEDED, seconds)
        face = desk.face(given.portrait, wish.framing)
        several = face.crop.num_faces > 1 and wish.framing.face is None
        text = f"{face.crop.num_faces} faces found: the largest is taken. " if several else ""
        if given.speech is None or seconds is None:
            return Preview(face.crop.image, None, text + "Now a voice.", None)
        frame = desk.frame(given.job(wish), 0)
        if advice := self.pipeline.advice(face):
            text += advice[0].upper() + advice[1:] + ". "
        text += f"Ready: {round(seconds * FPS)} frames, {seconds:.1f} s."
        return Preview(face.crop.image, frame, text, seconds)

    def frame(self, visitor: str, given: Given, wish: Wish, second: float) -> NDArray[np.uint8]:
        """One frame of the video, as it will be."""
        return self.desk(visitor).frame(given.job(wish), int(second * FPS))

    def curves(
        self, visitor: str, given: Given, wish: Wish, shown: list[str]
    ) -> tuple[list[float], list[str], list[float]]:
        """Coefficients over time, as three columns: second, control, coefficient."""
        motion = self.desk(visitor).motion(given.job(wish)).cpu()
        if self.pipeline.config.motion_space == "latent":
            motion = self.pipeline.model.autoencoder.basis.coefficients(motion)
        step = -(-len(motion) // MOST_POINTS)
        seconds = [frame / FPS for frame in range(0, len(motion), step)]
        names = self.control_names
        times: list[float] = []
        controls: list[str] = []
        values: list[float] = []
        for name in shown:
            times += seconds
            controls += [name] * len(seconds)
            values += motion[::step, names.index(name)].tolist()
        return times, controls, values

    @property
    def control_names(self) -> list[str]:
        """Names of the coefficients, or their numbers."""
        config = self.pipeline.config
        return list(config.controls) or [str(k) for k in range(config.autoencoder.num_directions)]

    def recipe(self, given: Given, wish: Wish) -> tuple[str, str]:
        """The command line and the Python code that draw the same."""
        plain = Names()
        names = replace(
            plain,
            portrait=given.names.get(str(given.portrait), plain.portrait),
            speech=given.names.get(str(given.speech), plain.speech),
            model=self._model,
        )
        return command_line(wish, names), python_code(wish, names)

    def draw(self, visitor: str, given: Given, wish: Wish) -> Iterator[Report | Result]:
        """A video: reports while it grows, the result last.

        Raises:
            CancelledError: the visitor pressed cancel or has gone.
            OpenFloatError: it cannot be drawn.
        """
        desk, job, started = self.desk(visitor), given.job(wish), time.perf_counter()
        desk.check(wish)
        desk.stop.clear()
        face, voice = desk.face(job.portrait, wish.framing), desk.voice(job.speech)
        video = Path(tempfile.mkdtemp(dir=desk.folder)) / "talk.mp4"
        try:
            yield from reports(
                lambda told: self.pipeline.render(
                    face, job.speech, video, wish.sample, progress=told,
                    paste_back=wish.paste_back, marks=wish.marking,
                ),
                desk.stop,
            )  # fmt: skip
            seconds = time.perf_counter() - started
            sheet = video.with_name("contact-sheet.jpg")
            Image.fromarray(contact_sheet(video)).save(sheet, quality=90)
        except BaseException:
            shutil.rmtree(video.parent, ignore_errors=True)
            raise
        frames = voice.num_frames
        text = f"{frames} frames ({frames / FPS:.1f} s) in {seconds:.1f} s."
        yield Result(video, sheet, text)


def first_shown(names: list[str]) -> list[str]:
    """Curves that are plotted before a visitor chooses others."""
    return [name for name in ("jaw_open", "yaw", "pitch", "blink") if name in names] or names[:4]


def build_given(portrait: Any, speech: Any, folder: Path) -> Given:
    """What came from the browser for the two files.

    Raises:
        BadInput: a path that is none of an upload.
    """
    names: dict[str, str] = {}
    paths: list[Path | None] = []
    for value in (portrait, speech):
        path = None
        if value:
            path = Path(value["path"]).resolve()
            if not path.is_relative_to(folder.resolve()):
                raise BadInput("that file was not uploaded")
            names[str(path)] = Path(value.get("orig_name") or path.name).name
        paths.append(path)
    return Given(paths[0], paths[1], names)

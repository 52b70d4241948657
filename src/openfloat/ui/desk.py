"""What one visitor works with, kept between clicks: a face, a voice and the motion for both."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, RLock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openfloat.audio.recording import Recording
from openfloat.clip import Portrait
from openfloat.config import FPS, SAMPLE_RATE
from openfloat.errors import BadInput, BadMedia
from openfloat.options import CropOptions, MotionEdit, SampleOptions
from openfloat.pipeline import FloatPipeline
from openfloat.ui.settings import MEGABYTE, PageSettings
from openfloat.ui.wish import Wish


@dataclass(frozen=True, slots=True)
class Job:
    """A portrait, a voice and how they are to be drawn."""

    portrait: Path
    speech: Path
    wish: Wish


class Drawn:
    """Motion that is drawn as far as it is needed."""

    def __init__(self, pieces: Iterator[Tensor]) -> None:
        self._pieces, self._known = pieces, torch.empty(0)

    def frames(self, count: int | None = None) -> Tensor:
        """(t, f) the first frames, at least `count` if there are so many; or all of them."""
        while count is None or len(self._known) < count:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._known = torch.cat([self._known, piece]) if len(self._known) else piece
        return self._known


class Desk:
    """One visitor's; what was computed last is kept.

    Args:
        pipeline: the model.
        settings: the limits.
        folder: for finished videos.
    """

    def __init__(self, pipeline: FloatPipeline, settings: PageSettings, folder: Path) -> None:
        self._pipeline, self._settings = pipeline, settings
        self.folder = folder
        self.stop = Event()
        """Ends the video that is being drawn."""
        self._lock = RLock()
        self._face: tuple[object, Portrait] | None = None
        self._voice: tuple[object, Recording] | None = None
        self._drawn: tuple[object, Drawn] | None = None

    def face(self, path: Path, crop: CropOptions) -> Portrait:
        """The portrait, made ready.

        Raises:
            BadMedia: no picture of a face, or a larger file than allowed.
        """
        key = path, crop
        with self._lock:
            if self._face is None or self._face[0] != key:
                _check_size(path, self._settings.portrait_mb, "photo")
                self._face = key, self._pipeline.encode(path, crop)
            return self._face[1]

    def voice(self, path: Path) -> Recording:
        """The recording.

        Raises:
            BadMedia: no sound, or more than allowed.
        """
        with self._lock:
            if self._voice is None or self._voice[0] != path:
                _check_size(path, self._settings.speech_mb, "sound file")
                recording, most = Recording.open(path), self._settings.longest_s
                if recording.num_samples > most * SAMPLE_RATE:
                    raise BadMedia(f"the voice lasts longer than {most:g} seconds")
                self._voice = path, recording
            return self._voice[1]

    def motion(self, job: Job, first: int = 0, count: int | None = None) -> Tensor:
        """Frames (t, f) of motion from `first` on, as the wish has them; the network draws once.

        Edits and lids are added to what was drawn before, so that they can change at once.
        """
        self.check(job.wish)
        face, voice = self.face(job.portrait, job.wish.framing), self.voice(job.speech)
        plain = replace(job.wish.sample, edit=MotionEdit(), blink="drawn")
        key = job.portrait, job.wish.framing, job.speech, plain
        with self._lock:
            if self._drawn is None or self._drawn[0] != key:
                self._drawn = key, Drawn(self._pipeline.motion(face, voice, plain))
            drawn = self._drawn[1].frames(None if count is None else first + count)
        last = None if count is None else first + count
        return self._pipeline.editor(face, job.wish.sample)(drawn[first:last], first)

    def frame(self, job: Job, number: int) -> NDArray[np.uint8]:
        """One frame (h, w, 3) of the video, as it will be."""
        number = min(number, self.voice(job.speech).num_frames - 1)
        motion = self.motion(job, number, 1)
        return self._pipeline.decode(self.face(job.portrait, job.wish.framing), motion)[0]

    def seconds(self, speech: Path) -> float:
        """Length of a voice's video."""
        return self.voice(speech).num_frames / FPS

    def check(self, wish: Wish) -> None:
        """Raise BadInput where more is asked for than this page allows."""
        sample: SampleOptions = wish.sample
        if sample.nfe > self._settings.most_nfe:
            raise BadInput(
                f"nfe={sample.nfe} is more than {self._settings.most_nfe}, the most here"
            )


def _check_size(path: Path, most_mb: float, what: str) -> None:
    if path.stat().st_size > most_mb * MEGABYTE:
        raise BadMedia(f"the {what} has more than {most_mb:g} megabytes")

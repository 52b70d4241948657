"""Another voice for a video: the lips follow it, everything else stays as it was filmed.

Each frame is its own portrait: the face is cut out, only the lips of its motion are replaced by
those that were drawn for the voice, and what changes is put back into the frame. Frames without a
face go through. The video is read twice, a frame at a time.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from openfloat.audio.recording import Recording
from openfloat.clip import Portrait
from openfloat.config import FPS
from openfloat.data.observed import LIPS
from openfloat.errors import BadInput
from openfloat.marking.marker import marker
from openfloat.marking.provenance import Origin
from openfloat.models.autoencoder import Appearance
from openfloat.nn.cores import one_core_each
from openfloat.options import MarkOptions, SampleOptions
from openfloat.pipeline import FloatPipeline
from openfloat.reenactment.rest import JAW, JAW_PER_GAP, LARGEST_FLOOR
from openfloat.reenactment.track import Track, track_face
from openfloat.vision.background import BackgroundWriter
from openfloat.vision.face import PortraitCrop, RgbImage, cut_square
from openfloat.vision.geometry import Box
from openfloat.vision.paste import PasteBack, at_full_size, full_size
from openfloat.vision.timed_frames import TimedFrame, read_timed_frames
from openfloat.vision.video_writer import VideoWriter

MOST_FPS = 60
FLOOR = 10
"""Percentile of the gap between the lips that stands for closed ones."""


def dub(
    pipeline: FloatPipeline,
    video: str | Path,
    speech: str | Path,
    output: str | Path,
    options: SampleOptions = SampleOptions(),
    *,
    progress: Callable[[int, int], None] | None = None,
    marks: MarkOptions = MarkOptions(),
) -> int:
    """Write a video whose largest face speaks another voice; memory does not grow with it.

    It is as long, as large (up to 4096 pixels a side) and as fast (up to 60 frames a second) as
    the video; a shorter voice is followed by silence, the end of a longer one is cut off.

    Args:
        pipeline: a model whose controls have names.
        video: a file with a face.
        speech: a sound or video file; its sound replaces the video's.
        output: the mp4 file; it appears when it is complete, or not at all.
        options: how the lips are drawn; of the edits `mouth` counts.
        progress: called with frames done and frames in all.
        marks: how the video says that it is generated.

    Returns:
        Number of frames.

    Raises:
        BadInput: the model's controls have no names, or the name is none of an mp4 file.
        BadMedia: a file cannot be used.
        NoFaceFound: the video shows no face.
    """
    if not pipeline.config.controls:
        raise BadInput(
            f"the controls of {pipeline.config.name} have no names: lips cannot be replaced alone"
        )
    video, recording = Path(video), Recording.open(speech)
    track = track_face(video)
    fps = _rate(track)
    first = next(read_timed_frames(video)).image
    finish = marker(marks, Origin(pipeline.config.name, options.seed, composite=True), first)
    width, height = full_size(first)
    file = VideoWriter(output, width, height, fps, Path(speech), finish=finish)
    count = round((float(track.starts_s[-1]) + 1 / float(fps)) * float(fps))
    done = 0
    with one_core_each(), BackgroundWriter(file) as writer:
        lips: Lips | None = None
        for number, image in _evenly(read_timed_frames(video), fps):
            square = track.square(number)
            if square is None:
                picture = at_full_size(image)
            else:
                ready = _portrait(pipeline, image, square, float(track.gaps[number]), track)
                lips = lips or Lips(pipeline, ready, recording, options)
                picture = _spoken(pipeline, ready, lips.at(done / float(fps)))
            writer.write(picture[None])
            done += 1
            if progress is not None:
                progress(done, count)
    return done


class Lips:
    """The lips of a voice at rising moments, drawn as they are needed."""

    def __init__(
        self, pipeline: FloatPipeline, portrait: Portrait, voice: Recording, options: SampleOptions
    ) -> None:
        self._pieces = pipeline.motion(portrait, voice, options)
        self._held = torch.zeros(0, len(portrait.coefficients[0]))
        self._first = 0

    def at(self, time_s: float) -> torch.Tensor:
        """(l,) coefficients of the lips between the frames around a moment; closed at the end."""
        place = time_s * FPS
        while self._first + len(self._held) < place + 2:
            piece = next(self._pieces, None)
            if piece is None:
                break
            dropped = max(0, min(int(place) - self._first - 1, len(self._held)))
            self._held = torch.cat([self._held[dropped:], piece.cpu()])
            self._first += dropped
        index = place - self._first
        after = min(int(index) + 1, len(self._held) - 1)
        if index >= len(self._held):
            return torch.zeros(len(LIPS))
        before = min(int(index), len(self._held) - 1)
        both = torch.lerp(self._held[before], self._held[after], index - int(index))
        return both[list(LIPS)]


@torch.inference_mode()
def _portrait(
    pipeline: FloatPipeline, image: RgbImage, square: Box, gap: float, track: Track
) -> Portrait:
    """One frame as a portrait, whose own jaw is as open as the gap between the lips says."""
    network = pipeline.model.autoencoder
    crop = cut_square(image, square, pipeline.config.autoencoder.size, "edge")
    pixels = torch.from_numpy(np.ascontiguousarray(crop)).to(pipeline.device)
    pixels = pixels.permute(2, 0, 1)[None].float() / 127.5 - 1
    appearance = network.encode(pixels)
    own = network.motion_of(pixels, appearance)
    own[:, JAW] = JAW_PER_GAP * max(gap - _floor(track), 0.0)
    identity = network.anchor(appearance.identity, own)
    features = tuple(f.to(pipeline.dtype) for f in appearance.features)
    return Portrait(image, PortraitCrop(crop, square, 1, None), Appearance(identity, features), own)


def _floor(track: Track) -> float:
    return min(float(np.nanpercentile(track.gaps, FLOOR)), LARGEST_FLOOR)


@torch.inference_mode()
def _spoken(pipeline: FloatPipeline, portrait: Portrait, lips: torch.Tensor) -> RgbImage:
    """The whole frame with other lips."""
    asked = portrait.coefficients.repeat(2, 1)
    asked[1, list(LIPS)] = lips.to(asked)
    rest, spoken = pipeline.decode(portrait, asked)
    return PasteBack(portrait.picture, portrait.crop, rest)(spoken)


def _rate(track: Track) -> Fraction:
    """Frames a second: what most frames of the video last."""
    if len(track.starts_s) < 2:
        return Fraction(FPS)
    usual = 1 / float(np.median(np.diff(track.starts_s)))
    return min(Fraction(usual).limit_denominator(1001), Fraction(MOST_FPS))


def _evenly(frames: Iterator[TimedFrame], fps: Fraction) -> Iterator[tuple[int, RgbImage]]:
    """Numbers and pictures of the frames that show at even moments, some twice or not at all."""
    shown = 0
    waiting: tuple[int, TimedFrame] | None = None
    for number, frame in enumerate(frames):
        while waiting is not None and (shown + 0.5) / fps < frame.start_s:
            yield waiting[0], waiting[1].image
            shown += 1
        waiting = number, frame
    if waiting is not None:
        yield waiting[0], waiting[1].image

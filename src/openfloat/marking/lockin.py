"""What breathes in a video at the watermark's pace: a complex number for each place."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.video.reformatter import Interpolation
from jaxtyping import Complex64, Float32
from numpy import ndarray

from openfloat.errors import BadMedia
from openfloat.marking.code import CELLS, PERIOD_S
from openfloat.vision.video_reader import open_media, video_stream

PER_CELL = 4
"""Places along a cell's side, for a video that was neither cropped nor padded."""
SIDE = CELLS * PER_CELL
PIECE_FRAMES = 250
"""Frames held together; over longer times still parts are not still."""
LONGEST_S = 60.0
SHORTEST_S = 1.2
STEEPEST = 4.0
"""Levels of 255; larger changes are somebody moving, and count as this much."""
QUIET = 0.3
MOST_ELONGATED = 8

Places = Complex64[ndarray, "rows columns"]
Greys = Float32[ndarray, "t rows columns"]


class Beats(NamedTuple):
    """What was measured.

    Attributes:
        places: (rows, columns) strength and phase at the watermark's pace, in units of each place's
            own restlessness; the shorter side has 128.
        duration_s: of what was looked at.
        num_frames: of what was looked at.
    """

    places: Places
    duration_s: float
    num_frames: int


def beats_of(path: Path) -> Beats:
    """Measure the first minute of a video.

    Raises:
        BadMedia: no such file, none that holds a video, or damaged.
    """
    total: Places | None = None
    times: list[float] = []
    for moments, greys in _pieces(path):
        found = beats(greys, moments)
        total = found if total is None else total + found
        times += moments
    if total is None:
        raise BadMedia(f"{path} holds no frames")
    return Beats(total, times[-1] - times[0], len(times))


def beats(greys: Greys, moments: list[float]) -> Places:
    """Demodulate a piece of video.

    Args:
        greys: luma, levels of 255.
        moments: seconds at which the frames are shown.
    """
    number, *shape = greys.shape
    time = np.array(moments)
    course = np.linspace(-1, 1, number)
    slow, _ = np.linalg.qr(np.stack([np.ones(number), course, course**2], axis=1))
    carrier = np.exp(-2j * math.pi * time / PERIOD_S)
    carrier -= slow @ (slow.T @ carrier)
    slow = slow.astype(np.float32)
    moving = greys.reshape(number, -1)
    moving = moving - slow @ (slow.T @ moving)
    power = np.einsum("tp,tp->p", moving, moving) / number
    np.clip(moving, -STEEPEST, STEEPEST, out=moving)
    real, imaginary = carrier.real.astype(np.float32), carrier.imag.astype(np.float32)
    seen = (real @ moving + 1j * (imaginary @ moving)).reshape(shape)
    return (seen / (np.sqrt(_around(power.reshape(shape))) + QUIET)).astype(np.complex64)


def _around(power: Float32[ndarray, "rows columns"]) -> Float32[ndarray, "rows columns"]:
    """Mean over 5x5 places."""
    for axis in (0, 1):
        padded = np.pad(power, [(2, 2) if axis == k else (0, 0) for k in (0, 1)], mode="edge")
        power = np.lib.stride_tricks.sliding_window_view(padded, 5, axis=axis).mean(-1)
    return power


def _pieces(path: Path) -> Iterator[tuple[list[float], Greys]]:
    """Frames and their times, about ten seconds at once; a short rest goes with what is before."""
    moments: list[float] = []
    greys: list[Float32[ndarray, "rows columns"]] = []
    for moment, grey in _greys(path):
        if len(greys) >= PIECE_FRAMES + PIECE_FRAMES // 2:
            yield moments[:PIECE_FRAMES], np.stack(greys[:PIECE_FRAMES])
            moments, greys = moments[PIECE_FRAMES:], greys[PIECE_FRAMES:]
        moments.append(moment)
        greys.append(grey)
    if greys:
        yield moments, np.stack(greys)


def _greys(path: Path) -> Iterator[tuple[float, Float32[ndarray, "rows columns"]]]:
    """Luma of the frames, the shorter side 128, and when each is shown."""
    with open_media(path) as container:
        stream = video_stream(container, path)
        rate = float(stream.average_rate or 25)
        first: float | None = None
        try:
            for number, frame in enumerate(container.decode(stream)):
                moment = frame.time if frame.time is not None else number / rate
                first = moment if first is None else first
                if moment - first > LONGEST_S:
                    return
                yield moment - first, _grey(frame)
        except av.FFmpegError as error:
            raise BadMedia(f"{path} is damaged: {error}") from error


def _grey(frame: av.VideoFrame) -> Float32[ndarray, "rows columns"]:
    short = min(frame.width, frame.height)
    if max(frame.width, frame.height) > MOST_ELONGATED * short:
        raise BadMedia(f"frames of {frame.width}x{frame.height} are too narrow to be looked at")
    small = frame.reformat(
        width=round(frame.width * SIDE / short),
        height=round(frame.height * SIDE / short),
        format="gray",
        interpolation=Interpolation.AREA if short > SIDE else Interpolation.BICUBIC,
    )
    turned = np.rot90(small.to_ndarray(), round(frame.rotation / 90))
    return np.ascontiguousarray(turned, dtype=np.float32)

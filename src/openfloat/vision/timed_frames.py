"""Frames of a video file with the moments at which they are shown, whatever its frame rate."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.video.frame import VideoFrame

from openfloat.config import FPS
from openfloat.errors import BadMedia
from openfloat.vision.video_reader import RgbFrame, open_media, probe, video_stream

LONGEST_HOURS = 4


class TimedFrame(NamedTuple):
    """One frame of a video."""

    start_s: float
    """When it appears, from the first frame on; later than the frame before."""
    image: RgbFrame


def read_timed_frames(path: Path | str) -> Iterator[TimedFrame]:
    """Upright frames in the order in which they are shown, one at a time.

    Frames without a time stamp follow at the file's own rate; those that are not later than the
    frame before are left out.

    Raises:
        BadMedia: no such file, none that holds a video, damaged, or longer than four hours.
    """
    path = Path(path)
    period_s = 1 / (probe(path).fps or FPS)
    with open_media(path) as container:
        stream = video_stream(container, path)
        first: float | None = None
        last: float | None = None
        try:
            for frame in container.decode(stream):
                moment = _time_stamp(frame)
                first = moment if first is None else first
                if first is None or moment is None:
                    start_s = 0.0 if last is None else last + period_s
                else:
                    start_s = moment - first
                if start_s > LONGEST_HOURS * 3600:
                    raise BadMedia(f"{path}: the video is longer than {LONGEST_HOURS} hours")
                if last is None or start_s > last:
                    last = start_s
                    upright = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))
                    yield TimedFrame(start_s, upright.copy())
        except av.FFmpegError as error:
            raise BadMedia(f"{path} is damaged: {error}") from error


def _time_stamp(frame: VideoFrame) -> float | None:
    """Seconds; none where the file holds none, of which PyAV's types do not know."""
    return frame.time

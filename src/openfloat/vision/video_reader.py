"""Read video files with PyAV, frame by frame."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.container import InputContainer
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream
from jaxtyping import UInt8
from numpy import ndarray

from openfloat.containers import open_container
from openfloat.errors import BadMedia

MOST_PIXELS = 2**26
"""Of a frame: 8192x8192."""

RgbFrame = UInt8[ndarray, "h w 3"]


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video file says of itself."""

    width: int
    height: int
    fps: float
    num_frames: int
    """As stored; 0 where the container does not say."""
    duration_s: float
    audio_rate: int | None
    """Samples per second of the first sound track."""


def probe(path: Path | str) -> VideoInfo:
    """Read the header of a video file.

    Raises:
        BadMedia: no such file, or none that holds a video.
    """
    path = Path(path)
    with open_media(path) as container:
        stream = video_stream(container, path)
        sound = [track for track in container.streams.audio if _known(track)]
        length = stream.duration * stream.time_base if stream.duration and stream.time_base else 0
        if not length and container.duration:
            length = Fraction(container.duration, av.time_base)
        return VideoInfo(
            width=stream.codec_context.width,
            height=stream.codec_context.height,
            fps=float(stream.average_rate or 0),
            num_frames=stream.frames,
            duration_s=float(length),
            audio_rate=sound[0].codec_context.sample_rate if sound else None,
        )


def read_frames(path: Path | str) -> Iterator[RgbFrame]:
    """The frames of a local video file as upright RGB bytes, one at a time.

    Raises:
        BadMedia: no such file, none that holds a video, or damaged.
    """
    path = Path(path)
    with open_media(path) as container:
        stream = video_stream(container, path)
        try:
            for frame in container.decode(stream):
                yield np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90)).copy()
        except av.FFmpegError as error:
            raise BadMedia(f"{path} is damaged: {error}") from error


@contextmanager
def open_media(path: Path) -> Iterator[InputContainer]:
    """Open a local media file; what it points to is not followed.

    Raises:
        BadMedia: no such file, none that can be decoded, or frames of more than 64 megapixels.
    """
    with open_container(path) as container:
        for stream in container.streams.video:
            if _known(stream):
                _refuse_large(stream.codec_context, path)
        yield container


def _known(stream: Stream) -> bool:
    """Whether there is a decoder for it; PyAV's types do not know that there may be none."""
    return cast(object, stream.codec_context) is not None


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The first video of a file, ready to be decoded; BadMedia where there is none."""
    stream = next(filter(_known, container.streams.video), None)
    if stream is None:
        raise BadMedia(f"{path} holds no video")
    stream.thread_type = "AUTO"
    # a file may say one size and hold another
    stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
    return stream


def _refuse_large(context: VideoCodecContext, path: Path) -> None:
    if context.width * context.height > MOST_PIXELS:
        raise BadMedia(
            f"{path}: frames of {context.width}x{context.height} are more than "
            f"{MOST_PIXELS // 2**20} megapixels"
        )

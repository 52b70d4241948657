"""Read video files with PyAV, frame by frame."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from jaxtyping import UInt8
from numpy import ndarray

from openfloat.errors import BadMedia

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
        stream = _video_stream(container, path)
        sound = container.streams.audio
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
        stream = _video_stream(container, path)
        stream.thread_type = "AUTO"
        try:
            for frame in container.decode(stream):
                yield np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90)).copy()
        except av.FFmpegError as error:
            raise BadMedia(f"{path} is damaged: {error}") from error


def open_media(path: Path) -> InputContainer:
    """Open a local media file; what it points to is not followed.

    Raises:
        BadMedia: no such file, or none that can be decoded.
    """
    if not path.is_file():
        raise BadMedia(f"{path}: there is no such file")
    try:
        # playlists may name other places; only files are read
        return av.open(str(path.absolute()), container_options={"protocol_whitelist": "file"})
    except av.FFmpegError:
        raise BadMedia(f"{path} is not a sound or video file") from None


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    if not container.streams.video:
        raise BadMedia(f"{path} holds no video")
    return container.streams.video[0]

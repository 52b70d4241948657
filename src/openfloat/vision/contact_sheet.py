"""Some frames of a video beside each other, to be seen at once."""

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image

from openfloat.errors import BadMedia
from openfloat.vision.video_reader import RgbFrame, open_media

TILE = 256
"""Pixels of a frame's longer side."""


def contact_sheet(path: Path | str, count: int = 8, columns: int = 4) -> UInt8[ndarray, "h w 3"]:
    """Frames spread evenly over a video of ours, in rows from left to right.

    Args:
        path: a video file whose time stamps rise from 0.
        count: frames shown; fewer where the video has fewer.
        columns: frames in a row.

    Raises:
        BadMedia: no such file, or none that can be decoded.
    """
    path = Path(path)
    with open_media(path) as container:
        if not container.streams.video or not container.streams.video[0].frames:
            raise BadMedia(f"{path} holds no video")
        stream = container.streams.video[0]
        wanted = np.linspace(0, stream.frames - 1, min(count, stream.frames)).round().astype(int)
        try:
            tiles = [_tile(_frame_at(container, stream, int(number))) for number in wanted]
        except av.FFmpegError as error:
            raise BadMedia(f"{path} is damaged: {error}") from error
    return _in_rows(tiles, columns)


def _frame_at(
    container: av.container.InputContainer, stream: av.VideoStream, number: int
) -> RgbFrame:
    """One frame, decoded from the key frame before it on."""
    assert stream.time_base is not None
    assert stream.average_rate is not None
    moment = round(number / (stream.average_rate * stream.time_base))
    container.seek(moment, stream=stream)
    for frame in container.decode(stream):
        if frame.pts is not None and frame.pts >= moment:
            break
    return frame.to_ndarray(format="rgb24")


def _tile(frame: RgbFrame) -> RgbFrame:
    """A frame of the sheet's size."""
    image = Image.fromarray(frame)
    image.thumbnail((TILE, TILE), Image.Resampling.LANCZOS)
    return np.asarray(image)


def _in_rows(tiles: Sequence[RgbFrame], columns: int) -> UInt8[ndarray, "h w 3"]:
    """Equally large tiles in rows; the last row is filled with white."""
    white = np.full_like(tiles[0], 255)
    missing = -len(tiles) % columns if len(tiles) > columns else 0
    filled = [*tiles, *[white] * missing]
    rows = [filled[k : k + columns] for k in range(0, len(filled), columns)]
    return np.concatenate([np.concatenate(row, axis=1) for row in rows])

"""Watch the face of a driving video: one crop for all of it, and where the face is in each frame.

Videos of any length, size and frame rate go through frame by frame; what stays is a few numbers a
frame.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from openfloat.errors import NoFaceFound
from openfloat.vision.face import Face, RgbImage, cut_square, detect_faces, refine
from openfloat.vision.geometry import Box, square_around
from openfloat.vision.timed_frames import read_timed_frames

LOOKS = 9
"""Frames, spread over the video, at most so many of which decide the crop."""
SURE_SCORE = 0.5
"""Score from which on a followed face is taken for one."""
SEARCH_FRAMES = 10
"""While the face is away it is searched for once in so many frames."""


class Seen(NamedTuple):
    """One frame of a driving video."""

    start_s: float
    """When it appears, seconds from the first frame."""
    crop: RgbImage
    """(size, size, 3) what the model sees."""
    face: Face | None
    """In pixels of the video; none where the face is away."""


def watch(video: Path, size: int) -> Iterator[Seen]:
    """Every frame of a video in the one crop that its face asks for.

    The video is read twice: first to find the crop, then to follow the face.

    Args:
        video: a file with a face.
        size: of the crops, pixels.

    Raises:
        NoFaceFound: none of a few frames spread over the video shows a face.
        BadMedia: the video cannot be read.
    """
    box, last = find_crop(video)
    away = 0
    for start_s, image in read_timed_frames(video):
        (face,) = refine(image, [last])
        if face.score < SURE_SCORE and away % SEARCH_FRAMES == 0:
            face = max([face, *_faces_within(image, box)], key=lambda found: found.score)
        seen = face.score >= SURE_SCORE
        last, away = (face, 0) if seen else (last, away + 1)
        yield Seen(start_s, cut_square(image, box, size, "edge"), face if seen else None)


def find_crop(video: Path) -> tuple[Box, Face]:
    """The square about the median place of a video's largest face, and that face when first seen.

    Raises:
        NoFaceFound: none of the frames looked at shows a face.
        BadMedia: the video cannot be read.
    """
    found = [faces for image in spread_frames(video) if (faces := detect_faces(image))]
    if not found:
        raise NoFaceFound(f"{video}: no face found in the video")
    largest = [max(faces, key=lambda face: face.size) for faces in found]
    boxes = [face.box for face in largest]
    corners = np.median([[b.left, b.top, b.right, b.bottom] for b in boxes], axis=0)
    return square_around(Box(*corners.tolist())), largest[0]


def spread_frames(video: Path) -> list[RgbImage]:
    """Evenly spaced frames of a video of unknown length, at most `LOOKS`, the first among them."""
    kept: list[RgbImage] = []
    stride = 1
    for number, frame in enumerate(read_timed_frames(video)):
        if number % stride:
            continue
        if len(kept) == LOOKS:
            kept, stride = kept[::2], 2 * stride
            if number % stride:
                continue
        kept.append(frame.image)
    return kept


def _faces_within(image: RgbImage, box: Box) -> list[Face]:
    """Faces of a picture whose middle lies in a box."""
    return [
        face
        for face in detect_faces(image)
        if box.left <= face.box.centre[0] <= box.right
        and box.top <= face.box.centre[1] <= box.bottom
    ]

"""Frames of real video clips, cut around the face and kept ready for training."""

import json
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from openfloat.audio.io import load_audio
from openfloat.data.growing import GrowingArray
from openfloat.data.manifest import ClipRow, Split, read_manifest
from openfloat.data.prepare.masks import EYES, MASK_SIZE, MOUTH, outline_mask
from openfloat.data.prepare.reader import inside_shard, read_clip, read_pictures, read_sound
from openfloat.drafts import sync_folder
from openfloat.errors import BadInput, NoFaceFound
from openfloat.vision.face import Face, cut_square, detect_faces, refine
from openfloat.vision.geometry import Box, apply, box_matrix, square_around
from openfloat.vision.resize import resize_smooth
from openfloat.vision.video_reader import read_frames

logger = logging.getLogger(__name__)

MARKER = "finished.json"
REGION_SIZE = MASK_SIZE
LOOKS = 3
"""Frames of a clip whose face boxes decide the clip's one crop."""


class RealFrames:
    """A folder of memory-mapped frames of real clips.

    Attributes:
        images: (n, size, size, 3) bytes.
        region: (n, 64, 64) bytes, 1 on mouth and eyes.
        clip: (n,) which clip a frame is of, ascending from 0.
        person: (n,) whose clip.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        region: NDArray[np.uint8],
        clip: NDArray[np.int32],
        person: NDArray[np.int32],
    ) -> None:
        self.images, self.region, self.clip, self.person = images, region, clip, person
        # A person weighs as the square root of their frames: rare faces are seen more often.
        counts = np.bincount(person)
        self._frame_weights = torch.from_numpy(np.sqrt(1 / counts[person]))
        self._first = np.searchsorted(clip, np.arange(clip.max() + 2))

    @classmethod
    def open(cls, folder: Path) -> "RealFrames":
        """Map the arrays of a finished folder.

        Raises:
            BadInput: the folder was never finished.
        """
        if not (folder / MARKER).is_file():
            raise BadInput(f"{folder} holds no finished frames; prepare them again")
        return cls(
            *(np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("images", "region")),
            *(np.load(folder / f"{name}.npy") for name in ("clip", "person")),
        )

    def draw_pair(self, generator: torch.Generator) -> tuple[int, int]:
        """Rows of two frames of one clip."""
        first = int(torch.multinomial(self._frame_weights, 1, generator=generator))
        start, end = self._first[self.clip[first]], self._first[self.clip[first] + 1]
        second = int(torch.randint(int(start), int(end), (), generator=generator))
        return first, second


class CroppedFrame(NamedTuple):
    """One frame as the model sees it."""

    image: NDArray[np.uint8]
    """(size, size, 3) RGB."""
    region: NDArray[np.uint8]
    """(64, 64), 1 on mouth and eyes."""


def build_real_frames(
    data_dir: Path,
    folder: Path,
    *,
    split: Split = "train",
    size: int = 256,
    frames_per_clip: int = 8,
    clips_per_person: int = 400,
) -> RealFrames:
    """Cut frames out of the data pack's clips, or open the folder where that is done.

    Long clips give more frames: one in six. Clips in which no face is found are left out.

    Args:
        data_dir: the data pack.
        folder: written under a temporary name, then renamed.
        split: whose clips.
        size: height and width of the frames.
        frames_per_clip: evenly spaced over a short clip.
        clips_per_person: at most so many clips of one person.

    Raises:
        BadInput: no clip of the split shows a face, or the folder holds smaller frames.
    """
    if (folder / MARKER).is_file():
        kept = RealFrames.open(folder)
        if kept.images.shape[1] < size:
            raise BadInput(f"{folder} holds frames of {kept.images.shape[1]} pixels, not {size}")
        return kept
    rows = choose_clips(read_manifest(data_dir).clips, split, clips_per_person)
    people = list(dict.fromkeys(row.person for row in rows))
    partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    clip, person = _write_frames(data_dir, rows, people, partial, size, frames_per_clip)
    if not clip:
        shutil.rmtree(partial)
        raise BadInput(f"no clip of {data_dir} shows a face")
    np.save(partial / "clip.npy", np.array(clip, np.int32))
    np.save(partial / "person.npy", np.array(person, np.int32))
    (partial / MARKER).write_text(json.dumps({"frames": len(clip), "people": people}) + "\n")
    sync_folder(partial)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return RealFrames.open(folder)


def _write_frames(
    data_dir: Path,
    rows: Sequence[ClipRow],
    people: list[str],
    folder: Path,
    size: int,
    frames_per_clip: int,
) -> tuple[list[int], list[int]]:
    """Write pictures and regions clip by clip; which clip, and whose, every frame is."""
    clip: list[int] = []
    person: list[int] = []
    with (
        GrowingArray(folder / "images.npy", np.uint8) as images,
        GrowingArray(folder / "region.npy", np.uint8) as regions,
    ):
        for row in rows:
            before = images.length
            try:
                for frame in sparse_frames(data_dir / row.file, size, frames_per_clip):
                    images.append(frame.image)
                    regions.append(frame.region)
            except NoFaceFound:
                logger.warning("%s is left out: no face was found", row.file)
                continue
            found = images.length - before
            clip += [clip[-1] + 1 if clip else 0] * found
            person += [people.index(row.person)] * found
    return clip, person


def choose_clips(rows: Sequence[ClipRow], split: Split, per_person: int) -> list[ClipRow]:
    """Clips of a split, at most so many of one person, spread over the manifest's order."""
    by_person: dict[str, list[ClipRow]] = {}
    for row in rows:
        if row.split == split:
            by_person.setdefault(row.person, []).append(row)
    return [
        own[k]
        for own in by_person.values()
        for k in np.unique(np.linspace(0, len(own) - 1, min(per_person, len(own))).round(0))
        .astype(int)
        .tolist()
    ]


def sparse_frames(path: Path, size: int, count: int) -> Iterator[CroppedFrame]:
    """Evenly spaced frames of a clip in its one crop, with their mouth and eyes.

    Raises:
        NoFaceFound: the clip's middle shows no face.
        BadMedia: the clip cannot be read.
    """
    if inside_shard(path):
        yield from _sparse_prepared(path, size, count)
        return
    frames = list(read_frames(path))
    box, face = clip_box(frames)
    for place in _spread(len(frames), count):
        image = frames[place]
        (seen,) = refine(image, [face])
        points = apply(box_matrix(box, REGION_SIZE), seen.points)
        yield CroppedFrame(cut_square(image, box, size, "edge"), region_mask(points, REGION_SIZE))


def _spread(frames: int, count: int) -> Iterator[int]:
    """Places of `count` frames of a short clip, of one in six of a long one."""
    wanted = min(frames, max(count, frames // 6))
    yield from np.linspace(0, frames - 1, wanted).round().astype(int).tolist()


def _sparse_prepared(path: Path, size: int, count: int) -> Iterator[CroppedFrame]:
    masks = read_clip(path).masks.max(axis=1)
    wanted = set(_spread(len(masks), count))
    for place, image in enumerate(read_pictures(path)):
        if place in wanted:
            yield CroppedFrame(_at_size(image, size), masks[place])


def _at_size(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    return image if len(image) == size else resize_smooth(image, size)


def clip_sound(path: Path) -> NDArray[np.float32]:
    """The sound (s,) of a clip at 16 kHz, from its first frame on.

    Raises:
        BadMedia: it has none, or none that can be read.
    """
    if inside_shard(path):
        return read_sound(path.with_suffix(".wav"))
    return load_audio(path)


def whole_crops(path: Path, size: int) -> Iterator[NDArray[np.uint8]]:
    """Every frame of a clip in its one crop, (size, size, 3).

    Raises:
        NoFaceFound: the clip's middle shows no face.
        BadMedia: the clip cannot be read.
    """
    if inside_shard(path):
        for image in read_pictures(path):
            yield _at_size(image, size)
        return
    frames = list(read_frames(path))
    box, _ = clip_box(frames)
    for frame in frames:
        yield cut_square(frame, box, size, "edge")


def clip_box(frames: Sequence[NDArray[np.uint8]]) -> tuple[Box, Face]:
    """The one crop of a clip: FLOAT's rule on the median face box of a few frames.

    A box per frame would take the head's own motion out and add jitter (specification, section 3).

    Returns:
        the square, and the face of the middle frame.
    """
    faces = detect_faces(frames[len(frames) // 2])
    if not faces:
        raise NoFaceFound("no face found in the middle of the clip")
    face = max(faces, key=lambda found: found.size)
    places = np.linspace(0, len(frames) - 1, LOOKS + 2).astype(int)[1:-1]
    boxes = [refine(frames[place], [face], looks=2)[0].box for place in places]
    middle = np.median([[b.left, b.top, b.right, b.bottom] for b in boxes], axis=0)
    return square_around(Box(*middle.tolist())), face


def region_mask(points: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
    """Mouth and eyes as bytes (size, size), 1 inside, a little wider than their outlines.

    Args:
        points: (478, 2) face mesh in pixels of the mask.
        size: of the mask.
    """
    return outline_mask(points, (*MOUTH, *EYES), size)

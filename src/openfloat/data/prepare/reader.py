"""Read prepared clips: a file inside a shard is named as if the shard were a folder."""

import functools
import io
import json
import tarfile
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from openfloat.data.prepare.sample import ABOUT, NUMBERS, SOUND, VIDEO, ClipAbout, unpack_masks
from openfloat.errors import BadInput, BadMedia

LARGEST_MEMBER = 2**29
SETTINGS = "prepare.json"


class Place(NamedTuple):
    """Where a file lies in a shard."""

    offset: int
    size: int


class ShardClip(NamedTuple):
    """A prepared clip without its pictures."""

    about: ClipAbout
    landmarks: NDArray[np.float32]
    """(t, 478, 2) as shares of the crop."""
    masks: NDArray[np.uint8]
    """(t, 2, 64, 64), 1 inside mouth and eyes."""
    waveform: NDArray[np.float32] | None
    """(s,) at 16 kHz."""
    extra: dict[str, NDArray[Any]]
    """`emotion` (7) and `speech` (t, a), if they were asked for."""


def is_prepared(data_dir: Path) -> bool:
    """Whether a data pack was made by `data prepare`."""
    return (data_dir / SETTINGS).is_file()


def inside_shard(path: Path) -> bool:
    """Whether a path names a file inside a shard."""
    return path.parent.suffix == ".tar"


def read_member(path: Path) -> bytes:
    """The bytes of `folder/clips-00000.tar/KEY.mp4`.

    Raises:
        BadInput: there is no such file in the shard, or it is larger than 512 MiB.
    """
    shard = path.parent
    place = _places(shard).get(path.name)
    if place is None:
        raise BadInput(f"{shard} holds no {path.name}")
    if place.size > LARGEST_MEMBER:
        raise BadInput(f"{path} is larger than 512 MiB")
    with shard.open("rb") as file:
        file.seek(place.offset)
        return file.read(place.size)


def read_clip(path: Path) -> ShardClip:
    """All but the pictures of a clip, by the path of its video.

    Raises:
        BadInput: a part is missing or damaged.
    """
    try:
        about = json.loads(read_member(path.with_suffix(f".{ABOUT}")))
        numbers = load(read_member(path.with_suffix(f".{NUMBERS}")))
        clip = ClipAbout(**{**about, "box": tuple(about["box"])})
        sound = read_sound(path.with_suffix(f".{SOUND}")) if clip.voice else None
        landmarks, masks = numbers.pop("landmarks"), unpack_masks(numbers.pop("masks"))
    except (KeyError, TypeError, ValueError, SafetensorError) as problem:
        if isinstance(problem, BadInput):
            raise
        raise BadInput(f"{path} is no prepared clip: {problem}") from problem
    return ShardClip(clip, landmarks, masks, sound, numbers)


def read_sound(path: Path) -> NDArray[np.float32]:
    """The samples (s,) of a sound inside a shard.

    Raises:
        BadMedia: it is no mono WAV file at 16 kHz.
    """
    try:
        with wave.open(io.BytesIO(read_member(path))) as file:
            if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, 16_000):
                raise BadMedia(f"{path} is not mono, 16 bit, 16 kHz")
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    except (wave.Error, EOFError) as problem:
        raise BadMedia(f"{path} is damaged: {problem}") from problem
    return samples.astype(np.float32) / np.float32(32767)


def read_pictures(path: Path) -> Iterator[NDArray[np.uint8]]:
    """The frames (size, size, 3) of a video inside a shard.

    Raises:
        BadMedia: it cannot be decoded.
    """
    data = io.BytesIO(read_member(path.with_suffix(f".{VIDEO}")))
    try:
        with av.open(data, "r", container_options={"protocol_whitelist": "none"}) as container:
            for frame in container.decode(video=0):
                picture: NDArray[Any] = frame.to_ndarray(format="rgb24")
                yield picture
    except (av.FFmpegError, IndexError) as problem:
        raise BadMedia(f"{path} is damaged: {problem}") from problem


@functools.lru_cache(maxsize=256)
def _places(shard: Path) -> dict[str, Place]:
    """Names in a shard and where they lie; only plain files count."""
    try:
        with tarfile.open(shard, "r:") as tar:
            return {m.name: Place(m.offset_data, m.size) for m in tar if m.isreg()}
    except (OSError, tarfile.TarError) as problem:
        raise BadInput(f"{shard} is not a readable shard: {problem}") from problem

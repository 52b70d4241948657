"""What the names of well-known data sets say: speaker, emotion, split. Pure functions of paths."""

import hashlib
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

from openfloat.data.manifest import Split

Corpus = Literal["grid", "ravdess", "crema-d", "hdtf", "vfhq", "plain"]


class Named(NamedTuple):
    """What a file's path says of it."""

    corpus: Corpus
    speaker: str
    """With the corpus in front, so that names of two corpora do not meet."""
    emotion: str | None = None
    """One of `openfloat.config.EMOTIONS`, where the name says one of them."""
    split: Split | None = None
    """Where a folder says it."""


RAVDESS_EMOTIONS = ("neutral", None, "happy", "sad", "angry", "fear", "disgust", "surprise")
"""Numbered from 1; the second is calm, which is none of ours."""
CREMA_EMOTIONS = {
    "ANG": "angry", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad",
}  # fmt: skip
HELDOUT_WORDS = frozenset({"test", "val", "valid", "validation", "heldout"})

_RAVDESS = re.compile(r"0[12]-0[12]-(0[1-8])-0[12]-0[12]-0[12]-(\d\d)")
_CREMA = re.compile(r"(1\d{3})_[A-Z]{3}_(ANG|DIS|FEA|HAP|NEU|SAD)_(?:LO|MD|HI|XX|X)")
_HDTF = re.compile(r"((?:RD|WDA|WRA)_\w+?)(?:_\d{3})*")
_VFHQ = re.compile(r"Clip\+(.{11})\+(P\d+)\+C\d+(?:\+.*)?")
_GRID_WORDS = re.compile(r"(?:s(\d+)_)?[blps][bgrw][abiw][a-z][0-9z][anps]")
_GRID_FOLDER = re.compile(r"s(\d+)")


def recognise(path: PurePosixPath) -> Named:
    """Read a path inside a folder of raw videos.

    Files of no known corpus are of a speaker named by their folder, or by themselves where there is
    none.
    """
    split = split_of(path)
    readers: tuple[Callable[[PurePosixPath], Named | None], ...]
    readers = (ravdess, crema_d, hdtf, vfhq, grid)
    for reader in readers:
        if (found := reader(path)) is not None:
            return found._replace(split=split)
    folder = path.parent.name or path.stem
    return Named("plain", re.sub(r"\W+", "_", folder.lower()), split=split)


def ravdess(path: PurePosixPath) -> Named | None:
    """`Actor_12/01-01-06-01-02-01-12.mp4`: modality, channel, emotion, strength ... actor.

    Recordings without a picture (modality 03) are none of these.
    """
    if match := _RAVDESS.fullmatch(path.stem):
        return Named("ravdess", f"ravdess_{match[2]}", emotion=RAVDESS_EMOTIONS[int(match[1]) - 1])
    return None


def crema_d(path: PurePosixPath) -> Named | None:
    """`1001_DFA_ANG_XX.flv`: actor, sentence, emotion, strength."""
    if match := _CREMA.fullmatch(path.stem):
        return Named("crema-d", f"crema_{match[1]}", emotion=CREMA_EMOTIONS[match[2]])
    return None


def hdtf(path: PurePosixPath) -> Named | None:
    """`WDA_KatieHill_000.mp4`: source and person, then the clip, perhaps its part."""
    if match := _HDTF.fullmatch(path.stem):
        return Named("hdtf", f"hdtf_{match[1].lower()}")
    return None


def vfhq(path: PurePosixPath) -> Named | None:
    """`Clip+0tf2n3rlJU4+P0+C0+F8208-8449.mp4`: video, person in it, clip, frames."""
    if match := _VFHQ.fullmatch(path.stem):
        return Named("vfhq", f"vfhq_{match[1]}_{match[2].lower()}")
    return None


def grid(path: PurePosixPath) -> Named | None:
    """`s1/bbaf2n.mpg`, `s1/video/bbaf2n.mpg` or `s1_bbaf2n.mp4`: speaker and six letters."""
    if (match := _GRID_WORDS.fullmatch(path.stem)) is None:
        return None
    folders = [_GRID_FOLDER.fullmatch(part.lower()) for part in path.parts[:-1]]
    numbers = [match[1], *(folder[1] for folder in folders if folder)]
    speaker = next((number for number in numbers if number), None)
    return None if speaker is None else Named("grid", f"grid_s{speaker}")


def split_of(path: PurePosixPath) -> Split | None:
    """What the folders say: one with a word like `test` is held out, `train` trains."""
    words = {word for part in path.parts[:-1] for word in re.split(r"[^a-z]+", part.lower())}
    if words & HELDOUT_WORDS:
        return "heldout"
    return "train" if "train" in words else None


def split_by_name(speaker: str, heldout: float) -> Split:
    """The split of a speaker, settled by the name: about a share of all names is held out."""
    place = int(hashlib.sha256(speaker.encode()).hexdigest()[:8], 16) / 16**8
    return "heldout" if place < heldout else "train"

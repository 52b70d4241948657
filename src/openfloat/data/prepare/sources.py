"""The raw folder: which files are videos, and what is known of each."""

import fnmatch
import json
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from openfloat.data.manifest import Split, read_manifest
from openfloat.data.prepare.layouts import recognise, split_by_name
from openfloat.data.prepare.options import PrepareOptions
from openfloat.errors import BadInput

VIDEOS = frozenset(
    {
        ".mp4",
        ".mov",
        ".m4v",
        ".mkv",
        ".webm",
        ".avi",
        ".flv",
        ".mpg",
        ".mpeg",
        ".mpe",
        ".ts",
        ".wmv",
    }
)
SIDECAR = "licences.json"
FIELDS = ("person", "split", "licence", "origin", "emotion")


class Source(NamedTuple):
    """A raw video and what is known of it before it is opened."""

    file: str
    """Inside the raw folder, with slashes."""
    corpus: str
    person: str
    split: Split
    licence: str
    origin: str
    emotion: str | None


def find_sources(raw: Path, options: PrepareOptions, only: str = "*") -> list[Source]:
    """The videos of a folder whose paths inside fit the pattern `only`, by name.

    Names and folders say speaker, emotion and split (`layouts`). More is said by a data pack's
    `manifest.json`, or by `licences.json`: an object whose keys are file patterns (`s1/*`) and
    whose values are objects with some of person, split, licence, origin and emotion; of several
    that fit a file the last counts.

    Raises:
        BadInput: the folder holds no video, a sidecar is damaged, or a licence is not known.
    """
    if not raw.is_dir():
        raise BadInput(f"{raw} is no folder")
    files = sorted(
        path.relative_to(raw).as_posix()
        for path in raw.rglob("*")
        if path.suffix.lower() in VIDEOS
        and path.is_file()
        and fnmatch.fnmatchcase(path.relative_to(raw).as_posix(), only)
    )
    if not files:
        raise BadInput(f"{raw} holds no videos that fit {only!r} ({', '.join(sorted(VIDEOS))})")
    say = _sidecar(raw)
    sources = [_describe(file, say(file), options) for file in files]
    if unlicensed := [source.file for source in sources if not source.licence]:
        raise BadInput(
            f"nothing says the licence of {len(unlicensed)} of {len(files)} videos "
            f"(for one {unlicensed[0]}): give --licence, or {SIDECAR} in {raw}"
        )
    return sources


def _describe(file: str, said: dict[str, str], options: PrepareOptions) -> Source:
    named = recognise(PurePosixPath(file))
    person = said.get("person", named.speaker)
    split = said.get("split") or named.split or split_by_name(person, options.heldout)
    if split not in ("train", "heldout"):
        raise BadInput(f"{file} is in split {split!r}, not train or heldout")
    return Source(
        file=file,
        corpus=named.corpus,
        person=person,
        split="heldout" if split == "heldout" else "train",
        licence=said.get("licence", options.licence),
        origin=said.get("origin", options.origin),
        emotion=said.get("emotion", named.emotion),
    )


def _sidecar(raw: Path) -> Callable[[str], dict[str, str]]:
    """What a sidecar says of a file."""
    path = raw / SIDECAR
    if path.is_file():
        patterns = _read_patterns(path)
        return lambda file: {
            name: value
            for pattern, said in patterns.items()
            if fnmatch.fnmatchcase(file, pattern)
            for name, value in said.items()
        }
    if (raw / "manifest.json").is_file():
        rows = {row.file: row for row in read_manifest(raw).clips}
        return lambda file: (
            {name: getattr(rows[file], name) for name in FIELDS[:-1]} if file in rows else {}
        )
    return lambda _file: {}


def _read_patterns(path: Path) -> dict[str, dict[str, str]]:
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise BadInput(f"{path} is damaged: {problem}") from problem
    fine = isinstance(content, dict) and all(
        isinstance(said, dict)
        and set(said) <= set(FIELDS)
        and all(isinstance(value, str) for value in said.values())
        for said in content.values()
    )
    if not fine:
        raise BadInput(f"{path} must map file patterns to objects of {', '.join(FIELDS)}")
    return dict(content)

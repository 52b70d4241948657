"""The list of a batch: one row a video, read from CSV, JSON lines or Parquet."""

import csv
import dataclasses
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openfloat.codec import from_json
from openfloat.errors import BadInput
from openfloat.options import SampleOptions, VideoOptions

LARGEST = 256_000_000
"""Bytes of a list."""
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]{0,119}")
OWN = ("portrait", "speech", "name", "options")
SAMPLE_FIELDS = tuple(f.name for f in dataclasses.fields(SampleOptions) if f.name != "edit")


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchRow:
    """One video to make."""

    name: str
    """Its file is `name.mp4`."""
    portrait: str
    """Photo."""
    speech: str
    """Voice."""
    options: VideoOptions
    """How it is drawn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BadRow:
    """A row that asks for nothing that can be made."""

    name: str
    error: str
    """Why, in one sentence."""


def read_manifest(path: Path) -> list[BatchRow | BadRow]:
    """The rows of a list, in order.

    Columns are `portrait` and `speech` (files, relative to the list's folder), `name` (of the
    video; else `row-00000` by the row's number), `options` (JSON of `VideoOptions`, as the server
    takes it), and any field of `SampleOptions` by its name, such as `seed` or `emotion`; empty
    cells count as absent.

    Raises:
        BadInput: the file is no list, lacks a column, has one that nobody knows, or names a video
            twice. What is wrong with a single row is kept in its place.
    """
    rows: list[BatchRow | BadRow] = []
    for number, cells in enumerate(_cells(path)):
        name = str(cells.get("name") or f"row-{number:05d}")
        try:
            rows.append(_row(name, cells, path.parent))
        except ValueError as error:
            rows.append(BadRow(name=name, error=" ".join(str(error).split())))
    if not rows:
        raise BadInput(f"{path} has no rows")
    counts = Counter(row.name.casefold() for row in rows)  # some file systems ignore case
    twice = [row.name for row in rows if counts[row.name.casefold()] > 1]
    if twice:
        raise BadInput(f"{path} names a video more than once: {twice[0]}")
    for row in rows:
        if not NAME.fullmatch(row.name) or row.name != row.name.strip(". "):
            raise BadInput(
                f"{path}: {row.name!r} is no name for a video: letters, digits, spaces and . _ -, "
                "at most 120"
            )
    return rows


def _cells(path: Path) -> Iterator[dict[str, Any]]:
    """Rows as they stand in the file, without empty cells."""
    readers = {".csv": _csv, ".jsonl": _lines, ".ndjson": _lines, ".parquet": _parquet}
    if path.suffix.lower() not in readers:
        raise BadInput(f"{path} is none of .csv, .jsonl, .parquet")
    try:
        if path.stat().st_size > LARGEST:
            raise BadInput(f"{path} has more than {LARGEST // 10**6} megabytes")
        for row in readers[path.suffix.lower()](path):
            found = {key: value for key, value in row.items() if value not in (None, "")}
            unknown = sorted(str(k) for k in found if k not in (*OWN, *SAMPLE_FIELDS))
            if unknown:
                raise BadInput(
                    f"{path} has a column {unknown[0]!r}, which is none of "
                    f"{', '.join((*OWN, *SAMPLE_FIELDS))}"
                )
            yield found
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path} cannot be read: {error}") from error


def _csv(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, restkey="cells without a column", strict=True)
        missing = {"portrait", "speech"} - set(reader.fieldnames or ())
        if missing:
            raise BadInput(f"{path} has no column {sorted(missing)[0]!r}")
        for row in reader:
            yield {key: _number(value, key) for key, value in row.items()}


def _number(text: Any, key: str) -> Any:
    """A cell of a column of numbers as a number; all others stay text."""
    kinds = {f.name: f.type for f in dataclasses.fields(SampleOptions)}
    if not isinstance(text, str) or kinds.get(key) not in (int, float):
        return text
    try:
        return json.loads(text) if text else None
    except json.JSONDecodeError:
        return text  # refused as not of the field's type, in a sentence that names it


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (json.JSONDecodeError, RecursionError) as error:
                raise BadInput(f"{path}, line {number}, is not JSON: {error}") from error
            if not isinstance(row, dict):
                raise BadInput(f"{path}, line {number}, is not an object")
            yield row


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise BadInput("Parquet needs pyarrow: pip install pyarrow") from error
    try:
        yield from parquet.read_table(io.BytesIO(path.read_bytes())).to_pylist()
    except pa.ArrowException as error:
        raise BadInput(f"{path} is not Parquet: {str(error).splitlines()[0]}") from error


def _row(name: str, cells: dict[str, Any], folder: Path) -> BatchRow:
    """A checked row; a ValueError says what is wrong with it."""
    for key in ("portrait", "speech"):
        if not isinstance(cells.get(key), str):
            raise ValueError(f"the row names no {key}")
    asked = cells.get("options", {})
    if isinstance(asked, str):
        try:
            asked = json.loads(asked)
        except (json.JSONDecodeError, RecursionError) as error:
            raise ValueError(f"its options are not JSON: {error}") from error
    if not isinstance(asked, dict) or not isinstance(asked.get("sample", {}), dict):
        raise ValueError("its options are not an object")
    own = {key: cells[key] for key in SAMPLE_FIELDS if key in cells}
    asked = {**asked, "sample": {**asked.get("sample", {}), **own}}
    try:
        options = from_json(VideoOptions, json.dumps(asked))
    except (TypeError, OverflowError, RecursionError) as error:
        raise ValueError(str(error)) from error
    return BatchRow(
        name=name,
        portrait=str(folder / cells["portrait"]),
        speech=str(folder / cells["speech"]),
        options=options,
    )

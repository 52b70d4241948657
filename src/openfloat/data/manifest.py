"""The data pack's list of files: who is on them, where they come from, which split they belong to.

Splits go by person; whoever is in `heldout` is for measuring only.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Literal

from openfloat.errors import BadInput

Split = Literal["train", "heldout"]
MOST_BYTES = 2**28
DEFAULT_DATA = Path("../shared/data")


@dataclass(frozen=True, kw_only=True, slots=True)
class PortraitRow:
    """One still picture of one person."""

    file: str
    """Path inside the data pack."""
    person: str
    source: str
    split: Split
    size: int
    """Height and width in pixels."""
    licence: str
    origin: str

    @property
    def name(self) -> str:
        """File name, the key of `landmarks.npz`."""
        return Path(self.file).name


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipRow:
    """One video clip with sound."""

    file: str
    person: str
    split: Split
    licence: str
    origin: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeechRow:
    """One voice recording."""

    file: str
    speaker: str
    split: Split
    licence: str
    origin: str
    emotion: str | None
    """The actor's task, where the corpus has one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """All rows of the data pack."""

    portraits: tuple[PortraitRow, ...]
    clips: tuple[ClipRow, ...]
    speech: tuple[SpeechRow, ...]

    def portraits_of(self, split: Split) -> tuple[PortraitRow, ...]:
        """The portraits of one split, in the manifest's order."""
        return tuple(row for row in self.portraits if row.split == split)


def data_folder(given: Path | None = None) -> Path:
    """The data pack's folder: the one given, else $OPENFLOAT_DATA, else ../shared/data.

    Raises:
        BadInput: there is no manifest in that folder.
    """
    folder = given or Path(os.environ.get("OPENFLOAT_DATA", DEFAULT_DATA))
    if not (folder / "manifest.json").is_file():
        raise BadInput(f"{folder} holds no data pack: it has no manifest.json")
    return folder


def read_manifest(data_dir: Path) -> Manifest:
    """Read `manifest.json` of the data pack.

    Raises:
        BadInput: the file is missing or not of the expected form.
    """
    path = data_dir / "manifest.json"
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadInput(f"{path}: more than {MOST_BYTES // 2**20} MiB are no manifest")
        content = json.loads(path.read_text(encoding="utf-8"))
        manifest = Manifest(
            portraits=tuple(PortraitRow(**row) for row in content["portraits"]),
            clips=tuple(ClipRow(**row) for row in content["clips"]),
            speech=tuple(_speech_row(row) for row in content["speech"]),
        )
    except BadInput:
        raise
    except FileNotFoundError:
        raise BadInput(f"{data_dir} holds no data pack: it has no manifest.json") from None
    except (KeyError, TypeError, ValueError, RecursionError, OSError) as problem:
        said = " ".join(str(problem).split())[:200]
        raise BadInput(f"{path} is not a manifest that this version reads: {said}") from problem
    _check_splits(path, manifest)
    return manifest


def _speech_row(row: dict[str, Any]) -> SpeechRow:
    return SpeechRow(
        file=row["file"], speaker=row["speaker"], split=row["split"], licence=row["licence"],
        origin=row["origin"], emotion=row.get("emotion"),
    )  # fmt: skip


def _stays_inside(file: str) -> bool:
    """Whether a path leads nowhere but down."""
    path = PurePath(file)
    return bool(file) and "\0" not in file and not path.is_absolute() and ".." not in path.parts


def _check_splits(path: Path, manifest: Manifest) -> None:
    """Portrait splits go by person: nobody may be in two."""
    rows: tuple[PortraitRow | ClipRow | SpeechRow, ...] = (
        *manifest.portraits, *manifest.clips, *manifest.speech,
    )  # fmt: skip
    for row in rows:
        if not isinstance(row.file, str) or not _stays_inside(row.file):
            raise BadInput(f"{path}: {str(row.file)[:100]!r} is no path inside the data pack")
        if row.split not in ("train", "heldout"):
            raise BadInput(f"{path}: {row.file} is in split {row.split!r}, not train or heldout")
    train = {row.person for row in manifest.portraits if row.split == "train"}
    heldout = {row.person for row in manifest.portraits if row.split == "heldout"}
    if both := sorted(train & heldout):
        raise BadInput(f"{path}: {both[0]} is in both splits")

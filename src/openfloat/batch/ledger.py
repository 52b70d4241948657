"""What a batch has made so far, on disk: a small file for each video, written after the video."""

import fcntl
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from openfloat.batch.manifest import BadRow, BatchRow
from openfloat.codec import from_json, to_json
from openfloat.drafts import remove_abandoned, write_text
from openfloat.errors import BadInput

RESULTS = "results.jsonl"
ROWS = ".rows"
LOCK = ".lock"


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What became of one row."""

    name: str
    status: Literal["done", "failed"]
    video: str | None = None
    """File in the output folder."""
    error: str | None = None
    """Why there is none, in one sentence."""
    frames: int = 0
    seconds: float = 0.0
    """That it took to make."""
    digest: str = ""
    """Of all that was asked for: another request of the same name is made anew."""


def digest_of(row: BatchRow, model: str) -> str:
    """SHA-256 of a row, its model, and size and time of its files."""
    seen = []
    for file in (Path(row.portrait), Path(row.speech)):
        try:
            found = file.stat()
            seen.append((found.st_size, found.st_mtime_ns))
        except OSError:
            seen.append((0, 0))
    text = json.dumps([asdict(row), model, seen], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class Ledger:
    """The output folder of a batch.

    Args:
        folder: made if it is missing.

    Raises:
        BadInput: it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            (folder / ROWS).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"{folder} cannot be written: {error.strerror}") from error

    @contextmanager
    def held(self) -> Iterator[None]:
        """The folder for this process alone; what a killed one left is taken away.

        Raises:
            BadInput: another process works on it.
        """
        with (self.folder / LOCK).open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise BadInput(f"another batch works on {self.folder}") from error
            for folder in (self.folder, self.folder / ROWS):
                remove_abandoned(folder)
            yield

    def video(self, name: str) -> Path:
        """Where a row's video goes."""
        return self.folder / f"{name}.mp4"

    def note(self, result: Result) -> None:
        """Keep what became of a row; its video is there already."""
        write_text(self.folder / ROWS / f"{result.name}.json", to_json(result))

    def noted(self, name: str) -> Result | None:
        """What became of a row in this run or an earlier one."""
        path = self.folder / ROWS / f"{name}.json"
        try:
            return from_json(Result, path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def is_done(self, name: str, digest: str) -> bool:
        """Whether exactly this was made before."""
        found = self.noted(name)
        return (
            found is not None
            and found.status == "done"
            and found.digest == digest
            and self.video(name).is_file()
        )

    def write_results(self, rows: Sequence[BatchRow | BadRow]) -> list[Result]:
        """Write `results.jsonl`, a line for each row that was worked on, in the list's order."""
        found = [result for row in rows if (result := self.noted(row.name)) is not None]
        lines = "".join(json.dumps(asdict(result)) + "\n" for result in found)
        write_text(self.folder / RESULTS, lines)
        return found

"""The log of a run: one JSON object a line, averages since the line before."""

import json
from pathlib import Path
from typing import Any

from openfloat.drafts import write_text

NAME = "log.jsonl"


class LossMeter:
    """Mean of every loss since the last line; its state is part of a checkpoint."""

    def __init__(self, state: dict[str, list[float]] | None = None) -> None:
        self._sums = {name: list(pair) for name, pair in (state or {}).items()}

    def add(self, losses: dict[str, float]) -> None:
        """Count one step's losses."""
        for name, loss in losses.items():
            pair = self._sums.setdefault(name, [0.0, 0])
            pair[0] += loss
            pair[1] += 1

    def state(self) -> dict[str, list[float]]:
        """Sums and counts by name, as JSON can hold them."""
        return self._sums

    def take(self) -> dict[str, float]:
        """The means, beginning anew."""
        means = {name: total / count for name, (total, count) in self._sums.items()}
        self._sums = {}
        return means


def append_line(run_dir: Path, line: dict[str, Any]) -> None:
    """Add one line to the run's log."""
    with (run_dir / NAME).open("a") as file:
        file.write(json.dumps(line) + "\n")


def read_lines(run_dir: Path) -> list[dict[str, Any]]:
    """The run's log; a last line that was cut off by a crash is left out."""
    path = run_dir / NAME
    if not path.exists():
        return []
    text = path.read_text()
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def cut_back(run_dir: Path, clips: int) -> None:
    """Drop the lines written after a checkpoint, so that a resumed trace goes on without a seam.

    Args:
        run_dir: the run's folder.
        clips: samples seen at the checkpoint.
    """
    lines = [line for line in read_lines(run_dir) if line["clips"] <= clips]
    write_text(run_dir / NAME, "".join(json.dumps(line) + "\n" for line in lines))

"""How what a command or a door of the library did is watched and judged."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from openfloat.errors import OpenFloatError

LONGEST_S = 30.0
"""Processor time; a refusal takes a fraction of it, a loaded machine much longer by the clock."""
MOST_BYTES = 900 * 2**20
"""Memory above what was there before."""


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    status: int
    said: str
    """Its standard error."""
    seconds: float
    """Of the processor."""
    extra_bytes: int
    """Most memory above what was there before."""


class watched:
    """Processor time and memory of a block."""

    seconds = 0.0
    extra_bytes = 0

    def __enter__(self) -> "watched":
        Path("/proc/self/clear_refs").write_text("5")
        self._resident = memory("VmRSS")
        self._started = time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.process_time() - self._started
        self.extra_bytes = memory("VmHWM") - self._resident


def memory(name: str) -> int:
    """A figure of this process, bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024


def assert_refused(outcome: Outcome, *words: str) -> None:
    """Exit status 2 and one sentence, soon and without much memory."""
    assert outcome.status == 2, outcome
    assert "Traceback" not in outcome.said
    assert outcome.said.startswith("openfloat: "), outcome.said
    assert outcome.said.count("\n") == 1, outcome.said
    assert 12 < len(outcome.said) < 1000
    assert all(word in outcome.said for word in words), (words, outcome.said)
    assert_bounded(outcome)


def assert_bounded(outcome: Outcome) -> None:
    """Little time and memory."""
    assert outcome.seconds < LONGEST_S
    assert outcome.extra_bytes < MOST_BYTES


def refused(call: Callable[[], object], *words: str) -> None:
    """A door of the library says no: our error, one sentence, soon, without much memory."""
    assert not refused_or_done(call, *words), "it was let in"


def refused_or_done(call: Callable[[], object], *words: str) -> bool:
    """A door of the library does what is asked, or says no as `refused`."""
    error: OpenFloatError | None = None
    with watched() as watch:
        try:
            call()
        except OpenFloatError as said:
            error = said
    assert_bounded(Outcome(0, "", watch.seconds, watch.extra_bytes))
    if error is None:
        return True
    assert_refused(Outcome(2, f"openfloat: {error}\n", watch.seconds, watch.extra_bytes), *words)
    return False


def everything_in(folder: Path) -> dict[str, int]:
    """Files and folders with their sizes, hidden ones too."""
    return {
        str(p.relative_to(folder)): p.lstat().st_size
        for p in folder.rglob("*")
        if not p.is_dir() or p.is_symlink()
    } | {str(p.relative_to(folder)): -1 for p in folder.rglob("*") if p.is_dir()}

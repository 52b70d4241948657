"""Programs that share the cores: what it costs when cores that wait stay busy.

    .venv/bin/python benchmarks/together.py [--rounds 5] [--programs 2]

Runs `openfloat animate` on the bundled photo and voice, so many at once, in turns with cores that
wait for each other as the command has it, that sleep at once (OMP_WAIT_POLICY=PASSIVE) and that
never do (ACTIVE); and the same one alone. Prints seconds until the last has finished: medians, and
minimum to maximum in brackets.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import tyro

DEMO = Path(__file__).parent.parent / "src" / "openfloat" / "assets" / "demo"
WAYS: dict[str, dict[str, str]] = {
    "as the command has it": {},
    "asleep at once": {"OMP_WAIT_POLICY": "PASSIVE"},
    "never asleep": {"OMP_WAIT_POLICY": "ACTIVE"},
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """How often, and how many."""

    rounds: int = 5
    programs: int = 2


def seconds(programs: int, way: str, folder: Path) -> float:
    """Until so many commands that begin together have all finished."""
    command = [sys.executable, "-m", "openfloat", "animate",
               str(DEMO / "portrait.jpg"), str(DEMO / "speech.wav"), "--output"]  # fmt: skip
    unset = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    environment = {k: v for k, v in os.environ.items() if k not in unset} | WAYS[way]
    started = time.perf_counter()
    running = [
        subprocess.Popen([*command, str(folder / f"{number}.mp4")], env=environment)
        for number in range(programs)
    ]
    if any(process.wait() for process in running):
        raise SystemExit("openfloat animate has failed")
    return time.perf_counter() - started


def main(options: Options) -> None:
    """Run all of them."""
    found: dict[tuple[int, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        seconds(1, "never asleep", Path(folder))  # files come into memory
        for _ in range(options.rounds):
            for programs in (1, options.programs):
                for way in WAYS:
                    taken = seconds(programs, way, Path(folder))
                    found.setdefault((programs, way), []).append(taken)
    for (programs, way), values in found.items():
        middle = statistics.median(values)
        print(f"{programs} at once, {way:21} {middle:6.1f} s "
              f"({min(values):.1f} to {max(values):.1f})")  # fmt: skip


if __name__ == "__main__":
    main(tyro.cli(Options))

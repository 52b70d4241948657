"""Peak memory of `openfloat animate` for a short and a long recording: flat, or not?

    .venv/bin/python benchmarks/memory.py [--model NAME] [--short 60] [--long 600]

Prints both peaks and their ratio. The recording is the bundled sentence, repeated.
"""

import os
import subprocess
import sys
import tempfile
import time
import wave
from dataclasses import dataclass
from pathlib import Path

import tyro

DEMO = Path(__file__).parent.parent / "src" / "openfloat" / "assets" / "demo"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to compare."""

    model: str = "openfloat-256"
    short: float = 60
    """Seconds of the short recording."""
    long: float = 600
    """Seconds of the long one."""


def repeated(source: Path, target: Path, seconds: float) -> None:
    """Write the source's sound again and again until it lasts so long."""
    with wave.open(str(source)) as sound:
        parameters, once = sound.getparams(), sound.readframes(sound.getnframes())
    size = int(seconds * parameters.framerate) * parameters.sampwidth * parameters.nchannels
    with wave.open(str(target), "wb") as sound:
        sound.setparams(parameters)
        sound.writeframes((once * (size // len(once) + 1))[:size])


def peak(model: str, seconds: float, folder: Path) -> tuple[float, float]:
    """Peak resident memory in MB and wall seconds of one whole run."""
    sound = folder / f"{seconds:g}.wav"
    repeated(DEMO / "speech.wav", sound, seconds)
    command = [
        str(Path(sys.executable).parent / "openfloat"),
        "animate", str(DEMO / "portrait.jpg"), str(sound),
        "-o", str(folder / "out.mp4"), "--model", model,
    ]  # fmt: skip
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return usage.ru_maxrss / 1024, time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    options = tyro.cli(Options, description=__doc__)
    with tempfile.TemporaryDirectory() as folder:
        rows = [(s, *peak(options.model, s, Path(folder))) for s in (options.short, options.long)]
    for seconds, memory, wall in rows:
        print(f"{seconds:6g} s of sound: peak {memory:7.0f} MB, {wall:6.1f} s of wall time")
    print(f"ratio of peaks, long / short: {rows[1][1] / rows[0][1]:.3f}")


if __name__ == "__main__":
    main()

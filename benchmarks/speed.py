"""Where the time of one clip goes, in medians of several rounds, as ratios within one run.

    .venv/bin/python benchmarks/speed.py [--model NAME] [--rounds 5]

Prints milliseconds per frame of each stage, its share, and frames per second of the whole.
"""

import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import tyro

from openfloat import FloatPipeline, SampleOptions
from openfloat.audio.io import load_audio

DEMO = Path(__file__).parent.parent / "src" / "openfloat" / "assets" / "demo"
FRAMES = 50


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to time."""

    model: str = "openfloat-256"
    device: str = "cpu"
    rounds: int = 5


def timed(call: Callable[[], object], rounds: int) -> tuple[float, float, float]:
    """Minimum, median and maximum seconds of a call, after one that is not counted."""
    call()
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return min(seconds), statistics.median(seconds), max(seconds)


def main() -> None:
    """Measure and print."""
    options = tyro.cli(Options, description=__doc__)
    pipeline = FloatPipeline.from_pretrained(options.model, device=options.device)
    sound = load_audio(DEMO / "speech.wav")[: FRAMES * 640]
    portrait = pipeline.encode(DEMO / "portrait.jpg")
    drawn = SampleOptions()
    motion = torch.cat(list(pipeline.motion(portrait, sound, drawn)))
    stages = {
        "portrait, once a clip": lambda: pipeline.encode(DEMO / "portrait.jpg"),
        "speech and motion": lambda: list(pipeline.motion(portrait, sound, drawn)),
        "decoding": lambda: [pipeline.decode(portrait, part) for part in motion.split(8)],
    }
    threads = torch.get_num_threads()
    print(f"{options.model}, {options.device}, {threads} threads, {platform.machine()}")
    medians = {}
    for name, call in stages.items():
        low, medians[name], high = timed(call, options.rounds)
        print(
            f"{name:22s} {medians[name] / FRAMES * 1e3:7.2f} ms/frame "
            f"({low / FRAMES * 1e3:.2f} to {high / FRAMES * 1e3:.2f})"
        )
    running = medians["speech and motion"] + medians["decoding"]
    print(f"decoding's share of a clip: {medians['decoding'] / running:.2f}")
    print(f"frames per second without loading and writing: {FRAMES / running:.1f}")


if __name__ == "__main__":
    main()

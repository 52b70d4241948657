"""Drawing motion: what each solver misses.

    .venv/bin/python benchmarks/solvers.py [--seeds 5]

With the embedded model on the bundled sentence, the distance of each solver from rk4 with 80
evaluations: the root mean square over frames and coefficients, which have variance 1. Medians over
seeds, and minimum to maximum in brackets.
"""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import torch
import tyro
from torch import Tensor

from openfloat import FloatPipeline, SampleOptions
from openfloat.audio.recording import Recording
from openfloat.flow.solver import METHODS, Tableau
from openfloat.options import SolverName

DEMO = Path(__file__).parent.parent / "src" / "openfloat" / "assets" / "demo"
EVALUATIONS = (4, 6, 10)
SOLVERS: dict[SolverName, Tableau] = {name: METHODS[name] for name in get_args(SolverName)}
EXACT = SampleOptions(solver="rk4", nfe=80, blink="drawn", steady=0)
"""Motion as it is drawn, without later edits."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How often to measure."""

    seeds: int = 5


def spread(values: Iterable[float], digits: int) -> str:
    """Median (minimum to maximum)."""
    numbers = sorted(values)
    low, median, high = numbers[0], statistics.median(numbers), numbers[-1]
    return f"{median:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def print_errors(seeds: int) -> None:
    """Solvers by number of evaluations."""
    pipeline = FloatPipeline.from_pretrained()
    portrait = pipeline.encode(DEMO / "portrait.jpg")
    recording = Recording.open(DEMO / "speech.wav")

    def drawn(options: SampleOptions) -> Tensor:
        return torch.cat(list(pipeline.motion(portrait, recording, options)))

    exact = [replace(EXACT, seed=seed) for seed in range(seeds)]
    motions = [drawn(options) for options in exact]
    print(f"distance from rk4 with {EXACT.nfe} evaluations, {recording.num_frames} frames:")
    for nfe in EVALUATIONS:
        for name in (name for name in SOLVERS if nfe % SOLVERS[name].evaluations == 0):
            found = [drawn(replace(options, solver=name, nfe=nfe)) for options in exact]
            errors = [
                float((a - b).square().mean().sqrt()) for a, b in zip(found, motions, strict=True)
            ]
            print(f"  {nfe:2d} evaluations, {name:8s} {spread(errors, 4)}")


def main() -> None:
    """Measure and print."""
    options = tyro.cli(Options, description=__doc__)
    print_errors(options.seeds)


if __name__ == "__main__":
    main()

"""Drawing motion: the vector field against a naive one, and what each solver misses.

    .venv/bin/python benchmarks/vector_field.py [--rounds 5] [--seeds 5]

First, per size and with random weights, how many times as long as ours a field takes that calls
the network three times for each evaluation (nothing, speech, speech and emotion), tells it all
conditions anew and keeps every past frame to the end. Both draw the same window by Euler's method,
turn by turn; seconds are those of the processor. Then, with the embedded model on the bundled
sentence, the distance of each solver from rk4 with 80 evaluations: the root mean square over
frames and coefficients, which have variance 1. Medians, and minimum to maximum in brackets.
"""

import platform
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import tyro
from torch import Tensor

from openfloat import FloatPipeline, SampleOptions
from openfloat.audio.recording import Recording
from openfloat.config import PRESETS, VectorFieldConfig
from openfloat.flow.guidance import guide
from openfloat.flow.solver import METHODS, integrate
from openfloat.flow.times import uniform_grid
from openfloat.models.transformer import VectorField
from openfloat.sampling import Carry, sample_window

DEMO = Path(__file__).parent.parent / "src" / "openfloat" / "assets" / "demo"
SIZES = ("float-512", "openfloat-256")
EVALUATIONS = (4, 6, 10)
EXACT = SampleOptions(solver="rk4", nfe=80, blink="drawn", steady=0)
"""Motion as it is drawn, without later edits."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How often to measure."""

    rounds: int = 5
    seeds: int = 5


def spread(values: Iterable[float], digits: int) -> str:
    """Median (minimum to maximum)."""
    numbers = sorted(values)
    low, median, high = numbers[0], statistics.median(numbers), numbers[-1]
    return f"{median:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def random_field(config: VectorFieldConfig) -> VectorField:
    """Weights of usual size everywhere; an untrained field would be zero."""
    field = VectorField(config).requires_grad_(requires_grad=False)
    for weight in field.parameters():
        weight.normal_(std=weight.shape[-1] ** -0.5 if weight.ndim > 1 else 0.2)
    return field.eval()


class Window:
    """One window, drawn in two ways."""

    def __init__(self, config: VectorFieldConfig) -> None:
        """Draw weights and conditions."""
        torch.manual_seed(0)
        self.field = random_field(config)
        past = config.past_frames
        self.noise = torch.randn(1, config.window_frames, config.motion_dim)
        self.speech = torch.randn(1, config.window_frames, config.speech_dim)
        self.emotion = torch.randn(1, config.num_emotions).softmax(-1)
        self.reference = torch.randn(1, config.motion_dim)
        self.carry = Carry(
            past_motion=torch.randn(1, past, config.motion_dim),
            past_speech=torch.randn(1, past, config.speech_dim),
            window=1,
        )

    def ours(self) -> Tensor:
        """As `openfloat animate` draws it."""
        motion, _ = sample_window(
            self.field,
            self.speech,
            self.carry,
            reference=self.reference,
            emotion=self.emotion,
            options=SampleOptions(),
            noise=self.noise,
        )
        return motion

    def naive(self) -> Tensor:
        """Three whole calls for each evaluation, under the same guidance."""
        options = SampleOptions()
        scales = (options.audio_scale, options.emotion_scale)

        def velocity(t: Tensor, x: Tensor) -> Tensor:
            return guide([self.branch(t, x, *told) for told in ((0, 0), (1, 0), (1, 1))], scales)

        return integrate(velocity, self.noise, uniform_grid(options.nfe))

    def branch(self, t: Tensor, x: Tensor, speech: float, emotion: float) -> Tensor:
        """The plain field, with (1) or without (0) a condition."""
        positions = self.field(
            x,
            t[None],
            past=self.carry.past_motion,
            past_speech=self.carry.past_speech,
            reference=self.reference,
            speech=speech * self.speech,
            emotion=emotion * self.emotion,
        )
        return positions[:, self.field.config.past_frames :]


def processor_seconds(call: Callable[[], object]) -> float:
    """What one call costs, whoever else uses the machine."""
    started = time.process_time()
    call()
    return time.process_time() - started


@torch.inference_mode()
def print_cost(size: str, rounds: int) -> None:
    """The naive field against ours."""
    window = Window(PRESETS[size]().motion)
    apart = (window.naive() - window.ours()).abs().max()
    calls = (window.naive, window.ours)
    naive, ours = zip(*[map(processor_seconds, calls) for _ in range(rounds)], strict=True)
    print(f"{size}, a window of {SampleOptions().nfe} evaluations:")
    print(f"  naive {spread(naive, 3)} s, ours {spread(ours, 3)} s; {apart:.0e} apart")
    print(f"  naive / ours: {spread((a / b for a, b in zip(naive, ours, strict=True)), 2)}")


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
        for name in (name for name in METHODS if nfe % METHODS[name].evaluations == 0):
            found = [drawn(replace(options, solver=name, nfe=nfe)) for options in exact]
            errors = [
                float((a - b).square().mean().sqrt()) for a, b in zip(found, motions, strict=True)
            ]
            print(f"  {nfe:2d} evaluations, {name:8s} {spread(errors, 4)}")


def main() -> None:
    """Measure and print."""
    options = tyro.cli(Options, description=__doc__)
    print(f"{torch.get_num_threads()} threads, {platform.machine()}")
    for size in SIZES:
        print_cost(size, options.rounds)
    print_errors(options.seeds)


if __name__ == "__main__":
    main()

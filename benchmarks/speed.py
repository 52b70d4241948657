"""Where the time of one clip goes, in medians of several rounds, as ratios within one run.

    .venv/bin/python benchmarks/speed.py [--model NAME] [--rounds 5]

Prints milliseconds per frame of each stage and its spread, how many times faster the decoder for
processor cores is than the readable one, and frames per second of the whole command, from the start
of the process to the finished file.
"""

import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import tyro

from openfloat import FloatPipeline, Portrait, SampleOptions
from openfloat.audio.frames import num_frames
from openfloat.audio.io import load_audio
from openfloat.nn.pixels import rgb_bytes
from openfloat.pipeline import DECODE_BATCH

DEMO = Path(__file__).parent.parent / "src" / "openfloat" / "assets" / "demo"
FRAMES = 50
PLAIN_FRAMES = 16


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to time."""

    model: str = "openfloat-256"
    device: str = "cpu"
    rounds: int = 5


def seconds_of(call: Callable[[], object]) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def timed(call: Callable[[], object], rounds: int) -> tuple[float, float, float]:
    """Minimum, median and maximum seconds of a call, after one that is not counted."""
    call()
    seconds = [seconds_of(call) for _ in range(rounds)]
    return min(seconds), statistics.median(seconds), max(seconds)


def print_stages(pipeline: FloatPipeline, portrait: Portrait, rounds: int) -> None:
    """What a clip costs once everything is loaded."""
    sound = load_audio(DEMO / "speech.wav")[: FRAMES * 640]
    drawn = SampleOptions()
    motion = torch.cat(list(pipeline.motion(portrait, sound, drawn)))
    pieces = motion.split(DECODE_BATCH)
    stages = {
        "portrait, once a clip": lambda: pipeline.encode(DEMO / "portrait.jpg"),
        "speech and motion": lambda: list(pipeline.motion(portrait, sound, drawn)),
        "decoding": lambda: [pipeline.decode(portrait, piece) for piece in pieces],
    }
    medians = {}
    for name, call in stages.items():
        low, medians[name], high = timed(call, rounds)
        print(
            f"{name:22s} {medians[name] / FRAMES * 1e3:7.2f} ms/frame "
            f"({low / FRAMES * 1e3:.2f} to {high / FRAMES * 1e3:.2f})"
        )
    running = medians["speech and motion"] + medians["decoding"]
    print(f"decoding's share of a clip: {medians['decoding'] / running:.2f}")
    print(f"frames per second without loading and writing: {FRAMES / running:.1f}")


@torch.inference_mode()
def print_decoders(pipeline: FloatPipeline, portrait: Portrait, rounds: int) -> None:
    """The readable decoder against the fast one, turn by turn, on the same latents."""
    fast, (identity, features) = portrait.decoder, portrait.appearance
    if fast is None:
        return
    auto = pipeline.model.autoencoder
    directions = auto.basis.motion(torch.randn(PLAIN_FRAMES, auto.config.num_directions))
    latents = identity + directions

    def plain() -> object:
        return [rgb_bytes(auto.decode(part, features)) for part in latents.split(8)]

    plain(), fast.rgb(latents)
    ratios = [seconds_of(plain) / seconds_of(lambda: fast.rgb(latents)) for _ in range(rounds)]
    print(
        f"the plain decoder takes {statistics.median(ratios):.1f} times as long as the fast one "
        f"({min(ratios):.1f} to {max(ratios):.1f})"
    )


def print_command(options: Options) -> None:
    """`openfloat animate`, from the start of the process to the finished file."""
    portrait, speech = DEMO / "portrait.jpg", DEMO / "speech.wav"
    frames = num_frames(len(load_audio(speech)))
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "openfloat", "animate", str(portrait), str(speech)]
        command += ["-o", f"{folder}/out.mp4"]
        command += ["--model", options.model, "--device", options.device]

        def whole() -> None:
            subprocess.run(command, check=True, capture_output=True)

        low, median, high = timed(whole, options.rounds)
    print(
        f"whole command: {frames / median:.1f} frames/s ({frames / high:.1f} to "
        f"{frames / low:.1f}), {frames} frames in {median:.2f} s"
    )


def main() -> None:
    """Measure and print."""
    options = tyro.cli(Options, description=__doc__)
    print(
        f"{options.model}, {options.device}, {torch.get_num_threads()} threads, "
        f"{platform.machine()}"
    )
    print_command(options)
    pipeline = FloatPipeline.from_pretrained(options.model, device=options.device)
    portrait = pipeline.encode(DEMO / "portrait.jpg")
    print_stages(pipeline, portrait, options.rounds)
    print_decoders(pipeline, portrait, options.rounds)


if __name__ == "__main__":
    main()

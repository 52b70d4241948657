"""`openfloat motion`: motion drawn, read and shown, as a file in between."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, OmitSubcommandPrefixes, Positional, Suppress, arg, subcommand

from openfloat.cli.animate import check_device, no_garbage, pose_from, warn_unmarked
from openfloat.options import CropOptions, MarkOptions, SampleOptions


@dataclass(frozen=True, kw_only=True)
class Draw:
    """Draw the motion of a portrait that speaks, and keep it instead of a video."""

    portrait: Positional[Path]
    """Photo: JPEG, PNG or WebP."""
    speech: Positional[Path]
    """Voice: any sound or video file."""
    output: Annotated[Path, arg(aliases=["-o"])] = Path("motion.safetensors")
    """The motion file to write."""
    model: str = "openfloat-256"
    """Name of an embedded model, or a model folder."""
    device: str = "cpu"
    """Where to compute: cpu, cuda, mps."""
    pose: Path | None = None
    """What the head does, as for `openfloat animate`: a table, a motion file or a video."""
    sample: OmitArgPrefixes[SampleOptions] = SampleOptions()
    framing: OmitArgPrefixes[CropOptions] = CropOptions()

    def run(self) -> None:
        """Write the file and say how long the motion is."""
        with no_garbage():
            from openfloat.motion.file import check_name, save_motion
            from openfloat.pipeline import FloatPipeline
            from openfloat.reenactment.draw import draw_motion

        check_name(self.output)
        pipeline = FloatPipeline.from_pretrained(self.model, device=check_device(self.device))
        started = time.perf_counter()
        portrait = pipeline.encode(self.portrait, self.framing)
        pose = pose_from(pipeline, self.pose)
        motion = draw_motion(pipeline, portrait, self.speech, self.sample, pose)
        save_motion(self.output, motion)
        print(kept(self.output, len(motion), motion.num_controls, started))


@dataclass(frozen=True, kw_only=True)
class Read:
    """Read the motion off the largest face in a video."""

    video: Positional[Path]
    """Driving video, of any size and frame rate."""
    output: Annotated[Path, arg(aliases=["-o"])] = Path("motion.safetensors")
    """The motion file to write."""
    model: str = "openfloat-256"
    """Name of an embedded model, or a model folder."""
    device: str = "cpu"
    """Where to compute: cpu, cuda, mps."""

    def run(self) -> None:
        """Write the file and say how long the motion is."""
        with no_garbage():
            from openfloat.motion.file import check_name, save_motion
            from openfloat.pipeline import FloatPipeline
            from openfloat.reenactment.read import read_motion

        check_name(self.output)
        pipeline = FloatPipeline.from_pretrained(self.model, device=check_device(self.device))
        started = time.perf_counter()
        with bar_of("reading") as progress:
            motion = read_motion(pipeline, self.video, progress)
        save_motion(self.output, motion)
        print(kept(self.output, len(motion), motion.num_controls, started))


@dataclass(frozen=True, kw_only=True)
class Show:
    """Decode a motion file with any portrait."""

    portrait: Positional[Path]
    """Photo: JPEG, PNG or WebP."""
    motion: Positional[Path]
    """Motion file."""
    output: Annotated[Path, arg(aliases=["-o"])] = Path("out.mp4")
    """The mp4 file to write."""
    speech: Path | None = None
    """Sound or video file whose sound goes into the mp4; none: it is silent."""
    absolute: bool = False
    """Head and expression as they are in the file, not as a difference to the portrait's own."""
    model: str = "openfloat-256"
    """Name of an embedded model, or a model folder."""
    device: str = "cpu"
    """Where to compute: cpu, cuda, mps."""
    framing: OmitArgPrefixes[CropOptions] = CropOptions()
    marking: OmitArgPrefixes[MarkOptions] = MarkOptions()

    def run(self) -> None:
        """Write the video and say how fast it went."""
        with no_garbage():
            from openfloat.motion.file import load_motion
            from openfloat.pipeline import FloatPipeline
            from openfloat.reenactment.show import render_motion

        motion = load_motion(self.motion)
        pipeline = FloatPipeline.from_pretrained(self.model, device=check_device(self.device))
        started = time.perf_counter()
        with bar_of("frames") as progress:
            frames = render_motion(
                pipeline,
                self.portrait,
                motion,
                self.output,
                sound=self.speech,
                absolute=self.absolute,
                crop=self.framing,
                progress=progress,
                marks=self.marking,
            )
        print(written(self.output, frames, pipeline.config.autoencoder.size, started))
        warn_unmarked(self.output, self.marking)


@dataclass(frozen=True, kw_only=True)
class Motion:
    """Keep motion in a file: draw it from a voice, read it off a video, show it on a portrait."""

    command: OmitSubcommandPrefixes[
        Annotated[Draw, subcommand("draw")]
        | Annotated[Read, subcommand("read")]
        | Annotated[Show, subcommand("show")]
        | Annotated[None, Suppress]
    ]

    def run(self) -> None:
        """Run the chosen command."""
        assert self.command is not None
        self.command.run()


@contextmanager
def bar_of(words: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar that vanishes; gives what is told frames done and in all, 0 for unknown."""
    from rich.progress import Progress

    with Progress(transient=True) as bar:
        task = bar.add_task(words, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def kept(path: Path, frames: int, controls: int, started: float) -> str:
    """What is said of a motion file; `started` is a reading of the performance counter."""
    seconds = time.perf_counter() - started
    return (
        f"{path}: {frames} frames of {controls} controls at 25 fps ({frames / 25:.2f} s), "
        f"in {seconds:.1f} s"
    )


def written(path: Path, frames: int, size: int, started: float) -> str:
    """What is said of a video; `started` is a reading of the performance counter."""
    seconds = time.perf_counter() - started
    return (
        f"{path}: {frames} frames of {size}x{size} at 25 fps ({frames / 25:.2f} s), "
        f"{frames / seconds:.1f} frames/s"
    )

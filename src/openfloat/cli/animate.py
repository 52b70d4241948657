"""`openfloat animate` and `openfloat demo`."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from openfloat.options import BackgroundName, CropOptions, MarkOptions, Precision, SampleOptions

if TYPE_CHECKING:
    from openfloat.motion.pose import HeadPose
    from openfloat.pipeline import FloatPipeline


@dataclass(frozen=True, kw_only=True)
class Animate:
    """Make a portrait speak."""

    portrait: Positional[Path]
    """Photo: JPEG, PNG or WebP; or a video, which then is given another voice (as by dub)."""
    speech: Positional[Path]
    """Voice: any sound or video file."""
    output: Annotated[Path, arg(aliases=["-o"])] = Path("out.mp4")
    """The mp4 file to write."""
    model: str = "openfloat-256"
    """Name of an embedded model, or a model folder."""
    device: str = "cpu"
    """Where to compute: cpu, cuda, mps."""
    precision: Precision = "float32"
    """What decoder and vector field compute in; bfloat16 and float16 are for GPUs, int8 (the large
    convolutions of the decoder in 8-bit numbers) is for processors."""
    compile: bool = False
    """Compile the networks for this machine first (torch.compile; on CUDA as CUDA graphs): slower
    to start, quicker for long clips on GPUs; needs a compiler."""
    pose: Path | None = None
    """What the head does: a table (.csv, first line time,yaw,pitch,roll; seconds and degrees), a
    motion file (.safetensors), or a video with a face; where it is shorter, it goes to and fro."""
    paste_back: bool = False
    """Show the whole photo at its own size, up to 4096 pixels a side, instead of the crop."""
    background: BackgroundName = "photo"
    """For editing programs: the whole photo with the background in green, or transparent, as PNG
    frames in a folder (-o FOLDER, without sound)."""
    curves: Path | None = None
    """CSV file of options that change over the clip: columns time (seconds), yaw, mouth ..."""
    sample: OmitArgPrefixes[SampleOptions] = SampleOptions()
    framing: OmitArgPrefixes[CropOptions] = CropOptions()
    marking: OmitArgPrefixes[MarkOptions] = MarkOptions()

    def run(self) -> None:
        """Write the video and say how fast it went."""
        animate(self)


@dataclass(frozen=True, kw_only=True)
class Demo:
    """Make the bundled portrait speak the bundled sentence."""

    output: Annotated[Path, arg(aliases=["-o"])] = Path("demo.mp4")
    """The mp4 file to write."""
    model: str = "openfloat-256"
    """Name of an embedded model, or a model folder."""
    device: str = "cpu"
    """Where to compute: cpu, cuda, mps."""
    precision: Precision = "float32"
    """What decoder and vector field compute in; bfloat16 and float16 are for GPUs, int8 (the large
    convolutions of the decoder in 8-bit numbers) is for processors."""
    sample: OmitArgPrefixes[SampleOptions] = SampleOptions()
    marking: OmitArgPrefixes[MarkOptions] = MarkOptions()

    def run(self) -> None:
        """Write the video and say how fast it went."""
        with as_file(files("openfloat") / "assets" / "demo") as folder:
            animate(
                Animate(
                    portrait=folder / "portrait.jpg",
                    speech=folder / "speech.wav",
                    output=self.output,
                    model=self.model,
                    device=self.device,
                    precision=self.precision,
                    sample=self.sample,
                    marking=self.marking,
                )
            )


VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")


def animate(job: Animate) -> None:
    """Load, encode, draw, decode and write, with a progress bar."""
    with no_garbage():
        from rich.progress import Progress

        from openfloat.pipeline import FloatPipeline
        from openfloat.vision.paste import full_size

    if job.portrait.suffix.lower() in VIDEOS and job.portrait.is_file():
        from openfloat.cli.dub import Dub

        Dub(
            video=job.portrait,
            speech=job.speech,
            output=job.output,
            model=job.model,
            device=job.device,
            sample=with_curves(job.sample, job.curves),
            marking=job.marking,
        ).run()
        return
    sample = with_curves(job.sample, job.curves)
    started = time.perf_counter()
    pipeline = FloatPipeline.from_pretrained(
        job.model,
        device=check_device(job.device),
        precision=job.precision,
        compiled=job.compile,
    )
    pose = pose_from(pipeline, job.pose)
    portrait = pipeline.encode(job.portrait, job.framing)
    loaded = time.perf_counter()
    if portrait.crop.num_faces > 1 and job.framing.face is None:
        print(f"{portrait.crop.num_faces} faces found, taking the largest; --face N takes another")
    if advice := pipeline.advice(portrait):
        print(f"{job.portrait}: {advice}")
    with Progress(transient=True) as bar:
        task = bar.add_task("frames", total=None)
        frames = pipeline.render(
            portrait,
            job.speech,
            job.output,
            sample,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            pose=pose,
            paste_back=job.paste_back,
            background=job.background,
            marks=job.marking,
        )
    seconds = time.perf_counter() - loaded
    whole = job.paste_back or job.background != "photo"
    side = pipeline.config.autoencoder.size
    width, height = full_size(portrait.picture) if whole else (side, side)
    print(
        f"{job.output}: {frames} frames of {width}x{height} at 25 fps ({frames / 25:.2f} s), "
        f"{pipeline.config.name} on {job.device}, {frames / seconds:.1f} frames/s "
        f"after {loaded - started:.1f} s of loading"
    )
    warn_unmarked(job.output, job.marking)


def pose_from(pipeline: "FloatPipeline", path: Path | None) -> "HeadPose | None":
    """The pose in a file, with a progress bar where it is a video; none where there is no file."""
    if path is None:
        return None
    from rich.progress import Progress

    from openfloat.reenactment.follow import read_pose

    with Progress(transient=True) as bar:
        task = bar.add_task("reading", total=None)
        return read_pose(
            pipeline,
            path,
            lambda done, total: bar.update(task, completed=done, total=total or None),
        )


def with_curves(sample: SampleOptions, path: Path | None) -> SampleOptions:
    """The options, and a file of curves if there is one.

    Raises:
        BadInput: the file is none of curves, or an option has two of them.
    """
    if path is None:
        return sample
    from openfloat.cli.curves import read_curves
    from openfloat.errors import BadInput

    try:
        edit = replace(sample.edit, curve=(*sample.edit.curve, *read_curves(path)))
    except ValueError as error:
        raise BadInput(f"{path}: {error}") from error
    return replace(sample, edit=edit)


def warn_unmarked(output: Path, marking: MarkOptions) -> None:
    """Say so where a video carries no mark."""
    if not marking.mark:
        print(f"{output} is not marked as generated; the law may ask you to say that it is")


@contextmanager
def no_garbage() -> Iterator[None]:
    """A block, such as a heavy import, that makes what stays: not searched for garbage.

    Python would do so again and again while torch is imported, for a quarter of the time.
    """
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if searching:
            gc.enable()


def check_device(name: str) -> str:
    """The name of a device that this machine has; BadInput otherwise."""
    import torch

    from openfloat.errors import BadInput

    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise BadInput(f"device {name!r} is not there: {str(error).splitlines()[0]}") from error
    return name

"""`openfloat data`: commands that make data."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, OmitSubcommandPrefixes, Positional, Suppress, subcommand

from openfloat.data.manifest import DEFAULT_DATA
from openfloat.data.prepare.options import PrepareOptions
from openfloat.data.synthetic_options import SynthesisOptions


@dataclass(frozen=True, kw_only=True)
class Synthesize:
    """Make speaking videos with exactly known motion out of still portraits.

    Needs flite or espeak-ng for the voices. The same command goes on where it was stopped. The
    folder can be given to `train --data`.
    """

    out: Positional[Path]
    """Folder for the clips, their truth and manifest.json."""
    data: Path = DEFAULT_DATA
    """The data pack with the portraits."""
    options: OmitArgPrefixes[SynthesisOptions] = SynthesisOptions()
    workers: int = 2
    """Processes; the clips do not depend on it."""
    device: str = "cpu"
    """Where pixels are computed: cpu, cuda, cuda:1 ..."""

    def run(self) -> None:
        """Make what is missing and say what is there."""
        from rich.progress import Progress

        from openfloat.cli.animate import check_device
        from openfloat.data.synthetic import synthesize

        check_device(self.device)
        started = time.perf_counter()
        try:
            with Progress(transient=True) as bar:
                task = bar.add_task("clips", total=None)
                found = synthesize(
                    self.data,
                    self.out,
                    self.options,
                    workers=self.workers,
                    device=self.device,
                    progress=lambda done, total: bar.update(task, completed=done, total=total),
                )
        except KeyboardInterrupt:
            raise KeyboardInterrupt("stopped, the same command goes on") from None
        size, seconds = self.options.size, time.perf_counter() - started
        print(
            f"{self.out}: {len(found.rows)} clips, {found.num_frames} frames of {size}x{size} at "
            f"25 fps ({found.num_frames / 25:.1f} s); {found.num_made} made now in {seconds:.1f} s"
        )


@dataclass(frozen=True, kw_only=True)
class Observe:
    """Read the motion off the data pack's talking clips, for `train motion`.

    The same command goes on where it was stopped.
    """

    model: str = "openfloat-256"
    """Name or folder of the model that reads."""
    data: Path = DEFAULT_DATA
    """The data pack with the clips."""
    output: Path = Path("cache/observed")
    """Folder for the motion; training looks for `observed` in its cache."""

    def run(self) -> None:
        """Read what is missing and say how long it took."""
        from openfloat.data.observed import write_observed
        from openfloat.pipeline import FloatPipeline

        started = time.perf_counter()
        network = FloatPipeline.from_pretrained(self.model).model.autoencoder
        write_observed(network, self.data, self.output)
        print(f"{self.output}: finished in {time.perf_counter() - started:.0f} s")


@dataclass(frozen=True, kw_only=True)
class Prepare:
    """Videos of people to clips for training: 25 frames per second, 16 kHz, one face, one crop.

    Shots are split, one face is followed in each; clips whose face is small, leaves the crop, or
    whose sound is late or early are left out, and `report.json` says which and why. The names of
    HDTF, RAVDESS, VFHQ, CREMA-D and GRID are understood. The same command goes on where it was
    stopped. The folder can be given to `train --data`.
    """

    raw: Positional[Path]
    """Folder with videos, at any depth."""
    out: Positional[Path]
    """Folder for shards (WebDataset), manifest.json and report.json."""
    only: str = "*"
    """Pattern that the paths of videos inside RAW fit, as s1/*; others may follow later."""
    options: OmitArgPrefixes[PrepareOptions] = PrepareOptions()
    workers: int = 2
    """Processes; the clips do not depend on it."""
    ray: str = ""
    """Address of a Ray cluster that sees both folders, or `local`, instead of processes."""

    def run(self) -> None:
        """Prepare what is missing and say what is there."""
        from rich.progress import Progress

        from openfloat.data.prepare.run import REPORT, prepare

        started = time.perf_counter()
        try:
            with Progress(transient=True) as bar:
                task = bar.add_task("shards", total=None)
                found = prepare(
                    self.raw, self.out, self.options,
                    workers=self.workers, ray=self.ray, only=self.only,
                    progress=lambda done, total: bar.update(task, completed=done, total=total),
                )  # fmt: skip
        except KeyboardInterrupt:
            raise KeyboardInterrupt("stopped, the same command goes on") from None
        seconds = sum(clip.num_frames for clip in found.clips) / 25
        print(
            f"{self.out}: {len(found.clips)} clips ({seconds:.1f} s) of {found.num_videos} videos; "
            f"{len(found.refused)} left out, {self.out / REPORT} says why; {found.num_made} shards "
            f"made now in {time.perf_counter() - started:.1f} s"
        )


@dataclass(frozen=True, kw_only=True)
class Data:
    """Make and prepare data."""

    command: OmitSubcommandPrefixes[
        Annotated[Synthesize, subcommand("synthesize")]
        | Annotated[Prepare, subcommand("prepare")]
        | Annotated[Observe, subcommand("observe")]
        | Annotated[None, Suppress]
    ]

    def run(self) -> None:
        """Run the chosen command."""
        assert self.command is not None
        self.command.run()

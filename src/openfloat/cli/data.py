"""`openfloat data`: commands that make data."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, OmitSubcommandPrefixes, Positional, Suppress, subcommand

from openfloat.data.manifest import DEFAULT_DATA
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
class Data:
    """Make and prepare data."""

    command: OmitSubcommandPrefixes[
        Annotated[Synthesize, subcommand("synthesize")]
        | Annotated[Observe, subcommand("observe")]
        | Annotated[None, Suppress]
    ]

    def run(self) -> None:
        """Run the chosen command."""
        assert self.command is not None
        self.command.run()

"""`openfloat train`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg


@dataclass(frozen=True, kw_only=True)
class Train:
    """Train a part of a model; the same command resumes where it was stopped.

    On several GPUs or machines: `torchrun --nproc-per-node 8 -m openfloat train ...`, with all
    folders on a disk that every machine sees. The run is the same whatever the number of
    processes, and may be resumed on another.
    """

    part: Positional[Literal["reader", "autoencoder", "motion", "emotion", "sync"]]
    """The network that reads motion off pictures (reader), phase 1 (autoencoder), phase 2 (motion),
    the speech-emotion classifier, or the network that judges whether lips and voice agree
    (sync)."""
    recipe: Positional[str]
    """A preset (tiny, openfloat-256, float-512) or a Python file with a function `recipe()`."""
    output: Annotated[Path | None, arg(aliases=["-o"])] = None
    """Run folder; default runs/PART-RECIPE."""
    data: Path = Path("../shared/data")
    """The data pack, or a folder that `data prepare` made."""
    cache: Path = Path("cache")
    """Where prepared pictures and curves are kept between runs."""
    limit_seconds: float | None = None
    """Stop, with a checkpoint, after this time."""
    device: str = "cpu"
    """cpu, cuda (each process its own GPU), cuda:1, mps ..."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of products; bfloat16 is meant for GPUs."""
    recompute: bool = False
    """Compute layers again in the backward pass instead of keeping what they made: less memory, a
    third more time."""
    tensorboard: bool = False
    """Write losses, speed and previews for TensorBoard into the run folder too."""
    preview_model: str | None = None
    """Phase 2: model whose auto-encoder draws previews as videos, where the recipe asks for them
    (`preview_clips`)."""

    def run(self) -> None:
        """Train until the recipe's clips are seen."""
        from openfloat.training.run import train

        draw = None
        if self.preview_model is not None:
            from openfloat.cli.preview import motion_preview

            draw = motion_preview(self.preview_model)
        output = self.output or Path("runs") / f"{self.part}-{Path(self.recipe).stem}"
        train(
            self.part, self.recipe, output, self.data, self.cache, self.limit_seconds,
            device=self.device, precision=self.precision, recompute=self.recompute,
            tensorboard=self.tensorboard, draw=draw, told=_say,
        )  # fmt: skip


def _say(line: dict[str, Any]) -> None:
    """A line of the log for people."""
    known = {"clips", "size", "lr", "clips_per_s", "share_of_peak"}
    losses = ", ".join(f"{name} {value:.4g}" for name, value in line.items() if name not in known)
    print(
        f"{line['clips']} clips, {line['clips_per_s']:.3g} a second, "
        f"{line['share_of_peak']:.1%} of the peak: {losses}",
        flush=True,
    )

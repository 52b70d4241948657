"""`openfloat train`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg


@dataclass(frozen=True, kw_only=True)
class Train:
    """Train a part of a model; the same command resumes where it was stopped."""

    part: Positional[Literal["reader", "autoencoder", "motion", "emotion"]]
    """The network that reads motion off pictures (reader), phase 1 (autoencoder), phase 2 (motion),
    or the speech-emotion classifier."""
    recipe: Positional[str]
    """A preset (tiny, openfloat-256, float-512) or a Python file with a function `recipe()`."""
    output: Annotated[Path | None, arg(aliases=["-o"])] = None
    """Run folder; default runs/PART-RECIPE."""
    data: Path = Path("../shared/data")
    """The data pack, or a folder prepared the same way."""
    cache: Path = Path("cache")
    """Where prepared pictures and curves are kept between runs."""
    limit_seconds: float | None = None
    """Stop, with a checkpoint, after this time."""

    def run(self) -> None:
        """Train until the recipe's clips are seen."""
        from openfloat.training.run import train

        output = self.output or Path("runs") / f"{self.part}-{Path(self.recipe).stem}"
        train(self.part, self.recipe, output, self.data, self.cache, self.limit_seconds)

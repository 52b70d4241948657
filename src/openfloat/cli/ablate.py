"""`openfloat ablate`."""

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional


@dataclass(frozen=True, kw_only=True)
class Ablate:
    """Repeat one of the paper's ablations, small: what is trained takes minutes of a core.

    The same command goes on where it was stopped. Needs flite or espeak-ng for the voices.
    """

    name: Positional[str]
    """objective, guidance, emotion, conditioning, pose, losses, radius, nfe, width (motion),
    directions, components (pictures, from real clips alone), or all."""
    seeds: int = 3
    """Runs of every variant."""
    output: Path = Path("runs/ablations")
    """Folder for the figures (NAME.json) and the trained fields."""
    cache: Path = Path("cache/ablations")
    """Where voices and read motion are kept."""
    data: Path | None = None
    """The data pack with clips; default OPENFLOAT_DATA, else ../shared/data. Where there is none,
    motion is measured on synthetic voices alone, and pictures cannot be."""

    def run(self) -> None:
        """Run what is missing and print the figures."""
        import sys

        from openfloat.data.manifest import data_folder
        from openfloat.errors import BadInput
        from openfloat.laboratory.ablations import ABLATIONS
        from openfloat.laboratory.run import Bench, run_ablation
        from openfloat.laboratory.tables import ablation_table

        if self.name != "all" and self.name not in ABLATIONS:
            raise BadInput(f"{self.name} is none of {', '.join(ABLATIONS)}, all")
        if self.seeds < 1:
            raise BadInput("--seeds must be at least 1")
        chosen = list(ABLATIONS) if self.name == "all" else [self.name]
        bench = Bench(self.cache, data_folder(self.data))
        for name in chosen:
            report = run_ablation(
                ABLATIONS[name],
                bench,
                self.output,
                seeds=range(self.seeds),
                said=lambda step: print(step, file=sys.stderr, flush=True),
            )
            print(ablation_table(ABLATIONS[name], report))

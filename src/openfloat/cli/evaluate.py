"""`openfloat evaluate`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Measure on held-out people and voices of a data pack; some minutes on a CPU."""

    what: Positional[Literal["model"]]
    """A whole model: redrawing, lips, head, eyes, identity, emotions, jitter, speed, size."""
    model: Positional[str] = "openfloat-256"
    """An embedded model or a model folder."""
    data: Path | None = None
    """The data pack; default OPENFLOAT_DATA, else ../shared/data."""
    json: Path | None = None
    """Write figures, spread and rows there too."""
    device: str = "cpu"
    """cpu, cuda, cuda:1, mps ..."""
    clips: int = 12
    """Held-out talking clips."""
    portraits: int = 6
    """Held-out portraits that speak."""

    def run(self) -> None:
        """Measure and print the table."""
        import sys

        from openfloat.cli.animate import check_device
        from openfloat.data.manifest import data_folder
        from openfloat.errors import BadInput
        from openfloat.evaluation.goals import table
        from openfloat.evaluation.model import EvaluateOptions, evaluate_model, write_report

        if min(self.clips, self.portraits) < 1:
            raise BadInput("--clips and --portraits must be at least 1")
        report = evaluate_model(
            self.model,
            data_folder(self.data),
            EvaluateOptions(clips=self.clips, portraits=self.portraits),
            device=check_device(self.device),
            said=lambda step: print(step, file=sys.stderr),
        )
        print(table(report))
        if self.json is not None:
            write_report(report, self.json)

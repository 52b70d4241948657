"""`openfloat batch`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import Positional

from openfloat.errors import BadInput

if TYPE_CHECKING:
    from openfloat.batch.ledger import Result


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Make many videos from a list; run it again to go on, or to try failed rows again."""

    manifest: Positional[Path]
    """CSV, JSON lines or Parquet with columns portrait and speech, and, where wanted, name, options
    (JSON) and any sampling option by its name (seed, emotion ...)."""
    output: Positional[Path]
    """Folder for the videos and results.jsonl, which says what became of every row."""
    model: str = "openfloat-256"
    """Name of an embedded model, or a model folder."""
    device: str = "cpu"
    """Where to compute: cpu, cuda."""
    workers: int = 1
    """Processes at a time, each with a model of its own and its share of the cores."""
    ray: str | None = None
    """Address of a Ray cluster that makes the videos, auto, or local to make one here; its machines
    see the same files under the same names."""

    def run(self) -> None:
        """Make what is missing and say how it went."""
        if self.workers < 1:
            raise BadInput(f"workers={self.workers} is not at least 1")
        from functools import partial

        from rich.progress import Progress

        from openfloat.batch.cluster import by_ray
        from openfloat.batch.run import Machine, by_processes, run_batch
        from openfloat.weights.hub import resolve_model

        resolve_model(self.model)
        machine = Machine(model=self.model, device=self.device, workers=self.workers)
        work = partial(by_ray, self.ray, machine) if self.ray else partial(by_processes, machine)
        with Progress(transient=True) as bar:
            task = bar.add_task("videos", total=None)

            def said(result: "Result", done: int, total: int) -> None:
                bar.update(task, completed=done, total=total)
                if result.error:
                    bar.console.print(f"{result.name}: {result.error}", markup=False)

            results = run_batch(self.manifest, self.output, machine, work, said)
        done = sum(result.status == "done" for result in results)
        print(f"{self.output}: {done} of {len(results)} videos, {len(results) - done} failed")
        if done < len(results):
            raise SystemExit(1)

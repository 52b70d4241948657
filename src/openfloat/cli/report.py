"""`openfloat report`."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Report:
    """Build the page of results, with plots, from what ablations and measurements left behind."""

    runs: Path = Path("runs/ablations")
    """Where `openfloat ablate` wrote; what is there is copied to the results first."""
    results: Path = Path("docs/results")
    """The JSON that the page is built from, kept in the repository."""
    page: Path = Path("docs/results.md")
    """The page to write, above the results."""

    def run(self) -> None:
        """Collect, build, and say what the page holds."""
        from openfloat.laboratory.report import NOT_RUN, build_report, collect

        copied = collect(self.runs, self.results)
        text = build_report(self.results, self.page)
        print(f"{self.page}: {len(text.splitlines())} lines; {len(copied)} ablations collected")
        if missing := text.count(f"{NOT_RUN}:"):
            print(f"{missing} sections say that they were not run yet")

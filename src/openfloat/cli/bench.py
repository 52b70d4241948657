"""`openfloat bench`."""

from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import OmitArgPrefixes

from openfloat.bench.options import BenchOptions


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Measure speed and memory on this machine; under half an hour on two CPU cores."""

    options: OmitArgPrefixes[BenchOptions] = field(default_factory=BenchOptions)
    json: Path | None = None
    """Write the figures there too."""

    def run(self) -> None:
        """Measure, print, write."""
        from openfloat.bench.rows import measure
        from openfloat.codec import write_json

        report = measure(self.options, print)
        if self.json is not None:
            write_json(report, self.json)

"""`openfloat assemble`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg


@dataclass(frozen=True, kw_only=True)
class Assemble:
    """Put finished training runs together into a model folder."""

    model: Positional[Literal["tiny", "openfloat-256", "float-512"]]
    """Which model the runs were of."""
    output: Annotated[Path, arg(aliases=["-o"])]
    """Model folder to write."""
    autoencoder: Path | None = None
    """Run of phase 1; default runs/autoencoder-MODEL."""
    reader: Path | None = None
    """Run of the motion reader; default runs/reader-MODEL, if that is there."""
    motion: Path | None = None
    """Run of phase 2; default runs/motion-MODEL."""
    emotion: Path | None = None
    """Run of the emotion classifier; default runs/emotion-MODEL."""
    base: str | None = None
    """Embedded model or model folder that parts without a run are taken from."""
    allow_untrained: bool = False
    """Give parts whose run is not there fresh weights instead of refusing."""

    def run(self) -> None:
        """Write the folder and say how large it is."""
        from openfloat.config import PRESETS
        from openfloat.training.export import assemble
        from openfloat.weights.hub import resolve_model

        folder = assemble(
            PRESETS[self.model](),
            self._run_of("autoencoder", self.autoencoder),
            self._run_of("motion", self.motion),
            self._run_of("emotion", self.emotion),
            self.output,
            reader_run=self._reader_run(),
            base=None if self.base is None else resolve_model(self.base),
            allow_untrained=self.allow_untrained,
        )
        size = sum(file.stat().st_size for file in folder.iterdir())
        print(f"{folder}: {self.model}, {size / 1e6:.1f} MB")

    def _reader_run(self) -> Path | None:
        usual = Path("runs") / f"reader-{self.model}"
        return self.reader or (usual if usual.is_dir() else None)

    def _run_of(self, part: str, given: Path | None) -> Path | None:
        usual = Path("runs") / f"{part}-{self.model}"
        needed = self.base is None and not self.allow_untrained
        return given or (usual if usual.is_dir() or needed else None)

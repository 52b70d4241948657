"""`openfloat calibrate`."""

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional


@dataclass(frozen=True, kw_only=True)
class Calibrate:
    """Measure what named controls take in a model, and keep it beside its weights.

    Run it again whenever the weights change. Directions that have names (openfloat-256) are
    measured on portraits of a data pack; others (float-512) need a driving clip, and then
    --yaw, --mouth, --blink and so on work with them too.
    """

    model: Positional[str] = "openfloat-256"
    """An embedded model or a model folder; its controls.json is written."""
    clip: Path | None = None
    """Video of one speaking, moving face, best of some 20 seconds; for directions without names."""
    data: Path | None = None
    """The data pack, for directions with names; default OPENFLOAT_DATA, else ../shared/data."""
    portraits: int = 24
    """How many portraits of the train split."""
    device: str = "cpu"
    """cpu, cuda, cuda:1, mps ..."""

    def run(self) -> None:
        """Measure, write and print."""
        import sys

        from openfloat.cli.animate import check_device
        from openfloat.data.manifest import data_folder
        from openfloat.editing.control_map import save_map
        from openfloat.errors import BadInput
        from openfloat.evaluation.calibrate import calibrate_by_rendering
        from openfloat.evaluation.calibrate_clip import calibrate_by_clip
        from openfloat.weights.hub import resolve_model

        if not 1 <= self.portraits <= 1000:
            raise BadInput("--portraits is 1 to 1000")
        check_device(self.device)
        if self.clip is not None:
            found = calibrate_by_clip(self.model, self.clip, device=self.device)
        else:
            found = calibrate_by_rendering(
                self.model,
                data_folder(self.data),
                portraits=self.portraits,
                device=self.device,
                said=lambda step: print(step, file=sys.stderr),
            )
        for name, r2 in zip(found.names, found.r2, strict=True):
            gain = "" if found.reads else f"  gain {found.gain(name):.2f}"
            print(f"{name:10s} R2 {r2:.2f}{gain}")
        print(f"fitted {found.fitted}")
        print(save_map(resolve_model(self.model), found))

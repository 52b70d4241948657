"""`openfloat evaluate`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import OmitArgPrefixes, Positional

from openfloat.evaluation.video_options import PublishedWeights


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Measure on held-out people and voices of a data pack; some minutes on a CPU."""

    what: Positional[Literal["model", "controls", "reader", "reenactment", "portraits", "videos"]]
    """model: figures of redrawing, lips, head, eyes, identity, emotions, jitter, speed, size;
    controls: slope and leakage of every named control on held-out portraits, against the data
    engine's pictures;
    reader: how well motion is read off the data engine's pictures of held-out portraits;
    reenactment: how portraits follow yaw, pitch and lips of held-out videos of others;
    portraits: a contact sheet of held-out portraits that speak, to be looked at;
    videos: a folder of videos (or what a model makes) against the real videos of --reference."""
    model: Positional[str] = "openfloat-256"
    """An embedded model or a model folder; for videos also a folder of videos."""
    data: Path | None = None
    """The data pack; default OPENFLOAT_DATA, else ../shared/data."""
    json: Path | None = None
    """Write figures, spread and rows there too."""
    device: str = "cpu"
    """cpu, cuda, cuda:1, mps ..."""
    clips: int = 12
    """Held-out talking clips; those that reenact are the longest."""
    portraits: int | None = None
    """Held-out portraits that speak; default 6 for the figures, 24 for controls and
    the sheet, 40 for the reader."""
    sheet: Path = Path("portraits.png")
    """Contact sheet to write."""
    reference: Path | None = None
    """videos: folder of real videos at 25 fps; pairs have the same name."""
    html: Path | None = None
    """videos: page with table, plots, frames and videos to write."""
    weights: OmitArgPrefixes[PublishedWeights] = PublishedWeights()

    def run(self) -> None:
        """Measure and print, or draw the sheet."""
        from openfloat.cli.animate import check_device
        from openfloat.errors import BadInput

        if min(self.clips, self.portraits or 1) < 1:
            raise BadInput("--clips and --portraits must be at least 1")
        check_device(self.device)
        if self.what == "model":
            self._measure()
        elif self.what == "controls":
            self._answer()
        elif self.what == "reader":
            self._read()
        elif self.what == "videos":
            from openfloat.cli.evaluate_videos import compare_videos

            compare_videos(self.model, self.reference, self.weights, json=self.json, html=self.html)
        elif self.what == "reenactment":
            self._follow()
        else:
            self._draw()

    def _measure(self) -> None:
        import sys

        from openfloat.codec import write_json
        from openfloat.data.manifest import data_folder
        from openfloat.evaluation.goals import table
        from openfloat.evaluation.model import EvaluateOptions, evaluate_model

        report = evaluate_model(
            self.model,
            data_folder(self.data),
            EvaluateOptions(clips=self.clips, portraits=self.portraits or 6),
            device=self.device,
            said=lambda step: print(step, file=sys.stderr),
        )
        print(table(report))
        if self.json is not None:
            write_json(report, self.json)

    def _answer(self) -> None:
        import sys

        from openfloat.codec import write_json
        from openfloat.data.manifest import data_folder
        from openfloat.evaluation.controls import evaluate_controls
        from openfloat.evaluation.goals import controls_table
        from openfloat.pipeline import FloatPipeline

        report = evaluate_controls(
            FloatPipeline.from_pretrained(self.model, device=self.device),
            data_folder(self.data),
            portraits=self.portraits or 24,
            said=lambda step: print(step, file=sys.stderr),
        )
        print(controls_table(report))
        if self.json is not None:
            write_json(report, self.json)

    def _read(self) -> None:
        import sys

        from openfloat.codec import write_json
        from openfloat.data.manifest import data_folder
        from openfloat.evaluation.reader import evaluate_reader, reader_table
        from openfloat.pipeline import FloatPipeline

        report = evaluate_reader(
            FloatPipeline.from_pretrained(self.model, device=self.device),
            data_folder(self.data),
            portraits=self.portraits or 40,
            said=lambda step: print(step, file=sys.stderr),
        )
        print(reader_table(report))
        if self.json is not None:
            write_json(report, self.json)

    def _follow(self) -> None:
        import sys

        from openfloat.codec import write_json
        from openfloat.data.manifest import data_folder
        from openfloat.evaluation.reenactment import evaluate_reenactment, reenactment_table
        from openfloat.pipeline import FloatPipeline

        report = evaluate_reenactment(
            FloatPipeline.from_pretrained(self.model, device=self.device),
            data_folder(self.data),
            clips=self.clips,
            said=lambda step: print(step, file=sys.stderr),
        )
        print(reenactment_table(report))
        if self.json is not None:
            write_json(report, self.json)

    def _draw(self) -> None:
        from openfloat.data.manifest import data_folder
        from openfloat.evaluation.sheet import portraits_sheet
        from openfloat.pipeline import FloatPipeline

        pipeline = FloatPipeline.from_pretrained(self.model, device=self.device)
        shown = portraits_sheet(
            pipeline, data_folder(self.data), self.sheet, count=self.portraits or 24
        )
        print(f"{self.sheet}: {shown} portraits")

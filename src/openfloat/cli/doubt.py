"""`openfloat doubt`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """Measure what readers doubt, on held-out voices; a minute of a core."""

    what: Positional[Literal["emotion", "speakers"]]
    """emotion: confusion of the speech-emotion network on actors it never heard;
    speakers: whether the jaw follows other speakers, sexes, languages, and voices in noise."""
    model: Positional[str] = "openfloat-256"
    """An embedded model or a model folder."""
    data: Path | None = None
    """The data pack; default OPENFLOAT_DATA, else ../shared/data."""
    json: Path | None = None
    """Write the figures there too."""
    count: int = 8
    """Recordings of each group of speakers."""

    def run(self) -> None:
        """Measure and print."""
        import sys
        from importlib.resources import as_file, files

        from openfloat.codec import write_json
        from openfloat.data.manifest import data_folder
        from openfloat.errors import BadInput
        from openfloat.evaluation.doubts import doubts_table, emotion_confusion, speaker_figures
        from openfloat.pipeline import FloatPipeline

        if self.count < 1:
            raise BadInput("--count must be at least 1")
        pipeline, data = FloatPipeline.from_pretrained(self.model), data_folder(self.data)
        if self.what == "emotion":
            report = emotion_confusion(pipeline, data)
        else:
            with as_file(files("openfloat") / "assets" / "demo" / "portrait.jpg") as photo:
                portrait = pipeline.encode(photo)
            report = speaker_figures(
                pipeline,
                portrait,
                data,
                count=self.count,
                said=lambda step: print(step, file=sys.stderr),
            )
        print(doubts_table(report))
        if self.json is not None:
            write_json(report, self.json)

"""`openfloat reenact`."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from openfloat.cli.animate import check_device, no_garbage, warn_unmarked
from openfloat.cli.motion import bar_of, written
from openfloat.options import CropOptions, MarkOptions, SampleOptions


@dataclass(frozen=True, kw_only=True)
class Reenact:
    """Make a portrait do what the face of a video does."""

    portrait: Positional[Path]
    """Photo: JPEG, PNG or WebP."""
    driving: Positional[Path]
    """Video with a face, of any size, length and frame rate; its sound goes into the mp4."""
    output: Annotated[Path, arg(aliases=["-o"])] = Path("out.mp4")
    """The mp4 file to write."""
    lips: Path | None = None
    """Sound or video file that the lips speak instead; the mp4 gets its sound and length."""
    absolute: bool = False
    """Head and expression as they are in the video. Without: what they differ by from its first
    frame, added to the portrait's own."""
    model: str = "openfloat-256"
    """Name of an embedded model, or a model folder."""
    device: str = "cpu"
    """Where to compute: cpu, cuda, mps."""
    sample: OmitArgPrefixes[SampleOptions] = SampleOptions()
    framing: OmitArgPrefixes[CropOptions] = CropOptions()
    marking: OmitArgPrefixes[MarkOptions] = MarkOptions()

    def run(self) -> None:
        """Write the video and say how fast it went."""
        with no_garbage():
            from openfloat.pipeline import FloatPipeline
            from openfloat.reenactment.show import reenact

        pipeline = FloatPipeline.from_pretrained(self.model, device=check_device(self.device))
        started = time.perf_counter()
        with bar_of("reading") as reading, bar_of("frames") as progress:
            frames = reenact(
                pipeline,
                self.portrait,
                self.driving,
                self.output,
                lips=self.lips,
                absolute=self.absolute,
                options=self.sample,
                crop=self.framing,
                reading=reading,
                progress=progress,
                marks=self.marking,
            )
        print(written(self.output, frames, pipeline.config.autoencoder.size, started))
        warn_unmarked(self.output, self.marking)

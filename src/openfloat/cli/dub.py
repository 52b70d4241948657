"""`openfloat dub`."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from openfloat.cli.animate import check_device, no_garbage, warn_unmarked
from openfloat.cli.motion import bar_of
from openfloat.options import MarkOptions, SampleOptions


@dataclass(frozen=True, kw_only=True)
class Dub:
    """Give a video another voice: its lips follow it, all else stays as it was filmed."""

    video: Positional[Path]
    """Video with a face, of any size, length and frame rate."""
    speech: Positional[Path]
    """Voice: any sound or video file."""
    output: Annotated[Path, arg(aliases=["-o"])] = Path("out.mp4")
    """The mp4 file to write."""
    model: str = "openfloat-256"
    """Name of an embedded model, or a model folder whose controls have names."""
    device: str = "cpu"
    """Where to compute: cpu, cuda, mps."""
    sample: OmitArgPrefixes[SampleOptions] = SampleOptions()
    marking: OmitArgPrefixes[MarkOptions] = MarkOptions()

    def run(self) -> None:
        """Write the video and say how fast it went."""
        with no_garbage():
            from openfloat.pipeline import FloatPipeline
            from openfloat.reenactment.dub import dub

        pipeline = FloatPipeline.from_pretrained(self.model, device=check_device(self.device))
        started = time.perf_counter()
        with bar_of("frames") as progress:
            frames = dub(
                pipeline,
                self.video,
                self.speech,
                self.output,
                self.sample,
                progress=progress,
                marks=self.marking,
            )
        seconds = time.perf_counter() - started
        print(f"{self.output}: {frames} frames, {frames / seconds:.1f} frames/s")
        warn_unmarked(self.output, self.marking)

"""What may happen to a video between its frames and its file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from openfloat.vision.video_reader import RgbFrame


class Finish(Protocol):
    """The last touch that a `VideoWriter` gives to what it writes."""

    @property
    def tags(self) -> Mapping[str, str]:
        """Names and values that go into the file's metadata."""
        ...

    def frame(self, pixels: RgbFrame, time_s: float) -> RgbFrame:
        """The frame that is written instead of one; frames come in order.

        Args:
            pixels: (height, width, 3) RGB bytes.
            time_s: when it is shown.
        """
        ...

    def seal(self, path: Path) -> None:
        """Complete a finished file in place, before it gets its name."""
        ...

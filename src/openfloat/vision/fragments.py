"""Write an mp4 whose beginning can be shown before its end is made."""

from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer

from openfloat.vision.finish import Finish
from openfloat.vision.video_writer import VideoWriter

FRAGMENT_S = 0.32
"""A fragment ends with the first frame beyond: before the next ten, which are decoded together."""
KEYFRAME_S = 2
"""Between pictures that can be shown without those before."""


class FragmentedWriter(VideoWriter):
    """A `VideoWriter` into memory, in fragments of about 0.4 s that are taken as they are ready.

    Args:
        width: even, in pixels.
        height: even, in pixels.
        fps: frames per second.
        audio: a sound or video file whose first sound track is added.
        crf: constant rate factor of x264, 0 (lossless) ... 51.
        finish: what marks the frames and names their origin; a stream cannot be sealed.
    """

    def __init__(
        self,
        width: int,
        height: int,
        fps: int | Fraction = 25,
        audio: Path | str | None = None,
        crf: int = 20,
        finish: Finish | None = None,
    ) -> None:
        super().__init__("stream.mp4", width, height, fps, audio, crf, finish=finish)
        # no frame waits in the encoder for those after it
        self._options |= {"tune": "zerolatency", "g": str(round(KEYFRAME_S * Fraction(fps)))}
        self._sink = Sink()

    def take(self) -> bytes:
        """What was written since the last call; all of it once the block has ended."""
        return self._sink.take()

    def _new_container(self) -> OutputContainer:
        return av.open(
            self._sink, "w", format="mp4", options={
                "movflags": "+frag_keyframe+empty_moov+default_base_moof+delay_moov"
                "+use_metadata_tags",
                "frag_duration": str(round(FRAGMENT_S * 1e6)),
            },
        )  # fmt: skip

    def _keep(self) -> None:
        """Nothing to rename."""


class Sink:
    """A file of bytes that cannot be sought, as FFmpeg writes to."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def write(self, data: bytes) -> int:
        """Take bytes."""
        self._bytes += data
        return len(data)

    def take(self) -> bytes:
        """All bytes since the last call."""
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken

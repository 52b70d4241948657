"""All that can be found of marks in a file."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from openfloat.errors import BadMedia
from openfloat.marking.lockin import SHORTEST_S, beats_of
from openfloat.marking.provenance import Provenance, read_picture, read_video
from openfloat.marking.search import Finding, find
from openfloat.marking.signing import Manifest, read_manifest
from openfloat.vision.image import FORMATS

SYNTHETIC = (
    "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicMedia",
    "compositeSynthetic", "virtualRecording",
)  # fmt: skip
"""The IPTC's digital source types for what no camera saw."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in one file.

    Attributes:
        kind: "video" or "picture".
        provenance: metadata.
        manifest: C2PA.
        watermark: none where it cannot be looked for.
        why_not: why it cannot be.
    """

    kind: str
    provenance: Provenance
    manifest: Manifest
    watermark: Finding | None = None
    why_not: str = ""

    @property
    def marked(self) -> bool:
        """Whether anything says that the file is generated."""
        said = self.provenance.source_type or ""
        named = said.rsplit("/", 1)[-1] in SYNTHETIC
        return named or (self.watermark is not None and self.watermark.found)


def inspect_file(path: Path) -> Report:
    """Look for every mark in a video or picture.

    Raises:
        BadMedia: no such file, or neither a video nor a picture.
    """
    if not path.is_file():
        raise BadMedia(f"{path}: there is no such file")
    if _is_picture(path):
        why_not = "it lives in how frames change, and a single picture does not"
        return Report("picture", read_picture(path), read_manifest(path), None, why_not)
    provenance = read_video(path)
    beats = beats_of(path)
    if beats.duration_s < SHORTEST_S:
        why_not = f"{beats.num_frames} frames are too few, it takes {SHORTEST_S:g} s"
        return Report("video", provenance, read_manifest(path), None, why_not)
    return Report("video", provenance, read_manifest(path), find(beats))


def _is_picture(path: Path) -> bool:
    try:
        with Image.open(path, formats=FORMATS):
            return True
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return False

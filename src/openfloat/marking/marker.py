"""All marks of one video, as a video writer's finish."""

import logging
from dataclasses import replace
from pathlib import Path

from openfloat.marking.code import Payload
from openfloat.marking.consent import read_consent
from openfloat.marking.label import Label
from openfloat.marking.provenance import Origin, seal
from openfloat.marking.signing import Signature
from openfloat.marking.watermark import Watermark
from openfloat.options import MarkOptions
from openfloat.vision.finish import Finish
from openfloat.vision.video_reader import RgbFrame

logger = logging.getLogger(__name__)


class Marker:
    """Marks frames and the file of one video.

    Args:
        options: which marks.
        origin: what made the video.
        picture: the portrait, named in a signed manifest.

    Raises:
        BadInput: a certificate, key or consent file that cannot be used.
    """

    def __init__(
        self, options: MarkOptions, origin: Origin, picture: RgbFrame | None = None
    ) -> None:
        if options.consent is not None:
            origin = replace(origin, consent=read_consent(options.consent))
        self._options, self._origin, self._picture = options, origin, picture
        self._signature: Signature | None = None
        if options.c2pa_cert is not None and options.c2pa_key is not None:
            self._signature = Signature(options.c2pa_cert, options.c2pa_key)
        self._watermark: Watermark | None = None
        self._label: Label | None = None

    @property
    def tags(self) -> dict[str, str]:
        """Metadata of the container."""
        return self._origin.tags if self._options.mark else {}

    def frame(self, pixels: RgbFrame, time_s: float) -> RgbFrame:
        """The frame with the notice, if there is one, and the watermark."""
        height, width = pixels.shape[:2]
        if self._options.label:
            self._label = self._label or Label(width, height)
            pixels = self._label.draw(pixels)
        if self._options.mark:
            if self._watermark is None:
                payload = Payload.of(self._origin.model, self._origin.seed or 0)
                self._watermark = Watermark(width, height, payload)
            pixels = self._watermark(pixels, time_s)
        return pixels

    def seal(self, path: Path) -> None:
        """Fill in the hash, add the XMP packet, sign."""
        if self._options.mark:
            seal(path, self._origin)
        if self._signature is not None:
            self._signature.sign(path, self._origin, self._picture)


def marker(options: MarkOptions, origin: Origin, picture: RgbFrame | None = None) -> Finish | None:
    """What marks one video; none, with a warning in the log, where no mark is asked for.

    Args:
        options: which marks.
        origin: what made the video.
        picture: the portrait, (h, w, 3) RGB bytes.

    Raises:
        BadInput: a certificate or key that cannot be used.
    """
    if not options.mark:
        logger.warning("the video is not marked as generated, as asked for")
    if not (options.mark or options.label):
        return None
    return Marker(options, origin, picture)

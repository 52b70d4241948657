"""A small visible notice in a corner of every frame."""

from functools import cached_property

import numpy as np
from jaxtyping import Float32
from numpy import ndarray
from PIL import Image, ImageDraw, ImageFont

from openfloat.vision.video_reader import RgbFrame

TEXT = "AI-generated"
HEIGHT = 1 / 18
"""Height of the letters as a share of the frame's shorter side."""
SHADE = 0.55
"""How dark the ground behind the letters is."""


class Label:
    """Draws the notice into frames of one size, lower left; rendered once.

    Args:
        width: of the frames, in pixels.
        height: of the frames, in pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self._size = width, height

    def draw(self, frame: RgbFrame) -> RgbFrame:
        """A labelled copy of a frame (height, width, 3)."""
        kept, added = self._patch
        rows, columns = kept.shape[:2]
        labelled = frame.copy()
        corner = labelled[-rows:, :columns]
        corner[...] = np.rint(corner * kept + added).astype(np.uint8)
        return labelled

    @cached_property
    def _patch(self) -> tuple[Float32[ndarray, "h w 1"], Float32[ndarray, "h w 1"]]:
        """Which share of the frame is kept, and levels of 255 that are added."""
        width, height = self._size
        font = ImageFont.load_default(max(min(width, height) * HEIGHT, 8))
        left, top, right, bottom = font.getbbox(TEXT)
        gap = max(int(bottom - top) // 3, 2)
        size = int(right - left) + 2 * gap, int(bottom - top) + 2 * gap
        ink = Image.new("L", size)
        ImageDraw.Draw(ink).text((gap - left, gap - top), TEXT, fill=255, font=font)
        letters = np.asarray(ink, np.float32)[-height:, :width, None] / 255
        return (1 - SHADE) * (1 - letters), 255 * letters

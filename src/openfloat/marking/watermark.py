"""Put the watermark into frames: cells of luma that breathe by a level or two.

Each cell of a 32-cell grid grows brighter and darker once in 0.64 s, by 1 to 2.6 levels of 255. The
cosine part's signs say that the mark is there, the sine part's signs say the payload, so that every
cell changes equally much. A still picture cancels out over time, which is why so little is needed.
"""

import math

import numpy as np
from jaxtyping import Float32
from numpy import ndarray
from PIL import Image

from openfloat.marking.code import CELLS, PERIOD_S, Payload, codes, payload_signs
from openfloat.vision.video_reader import RgbFrame

FLAT, PER_DEVIATION, MOST = 1.2, 0.13, 2.6
"""Levels of 255 in a flat cell, more per level of the cell's standard deviation, at most."""
LEAST_PSNR_DB = 42.5
"""Against the unmarked frame; where a frame has so much texture that the mark would be stronger,
all of it is made weaker."""
BAND = 64
"""Rows finished together: few enough to stay in a core's cache."""
SAMPLES = 4
"""Along a cell's side, to measure its texture."""


class Watermark:
    """Marks frames of one size.

    Args:
        width: of the frames, in pixels.
        height: of the frames, in pixels.
        payload: what the mark says.
    """

    def __init__(self, width: int, height: int, payload: Payload) -> None:
        self._size = width, height
        cell = min(width, height) / CELLS
        self._box = 0.0, 0.0, width / cell, height / cell
        self._grid = math.ceil(width / cell), math.ceil(height / cell)
        self._cosine, self._sine = (
            self._tiled(signs) for signs in (codes().presence, payload_signs(payload))
        )

    def _tiled(self, signs: Float32[ndarray, "32 32"]) -> Float32[ndarray, "rows columns"]:
        columns, rows = self._grid
        return np.tile(signs, (-(-rows // CELLS), -(-columns // CELLS)))[:rows, :columns]

    def __call__(self, frame: RgbFrame, time_s: float) -> RgbFrame:
        """A marked copy of a frame; the three colours change alike, so that only luma does.

        Args:
            frame: (height, width, 3) RGB bytes.
            time_s: when it is shown.
        """
        phase = 2 * math.pi * time_s / PERIOD_S
        cells = math.cos(phase) * self._cosine + math.sin(phase) * self._sine
        cells *= self._strength(frame)
        change = Image.fromarray(cells).resize(self._size, Image.Resampling.BICUBIC, box=self._box)
        levels = np.asarray(change)
        largest = 255 / 10 ** (LEAST_PSNR_DB / 20)
        rms = math.sqrt(np.vdot(levels, levels) / levels.size)
        weaker = np.float32(min(1.0, largest / max(rms, 1e-6)))
        marked = np.empty_like(frame)
        for top in range(0, len(frame), BAND):
            rows = slice(top, top + BAND)
            whole = np.rint(levels[rows] * weaker).astype(np.int16)
            marked[rows] = np.clip(frame[rows] + whole[..., None], 0, 255)
        return marked

    def _strength(self, frame: RgbFrame) -> Float32[ndarray, "rows columns"]:
        """Levels by which each cell may change: more where texture hides it."""
        columns, rows = self._grid
        size = columns * SAMPLES, rows * SAMPLES
        green = Image.fromarray(np.ascontiguousarray(frame[..., 1]))
        small = np.asarray(green.resize(size, Image.Resampling.BOX), dtype=np.float32)
        deviation = small.reshape(rows, SAMPLES, columns, SAMPLES).std(axis=(1, 3))
        return np.minimum(FLAT + PER_DEVIATION * deviation, MOST)

"""Blinks: of any stretch of an endless clip, at the rate of people or at another."""

import functools

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openfloat.config import FPS
from openfloat.data.controls import INDEX, SCALES
from openfloat.data.manner import EXPRESSIONS, blinks
from openfloat.editing.control_map import SHUT

BLINK = INDEX["blink"]
MINUTE = 60 * FPS
LONGEST_BLINK = 10
"""Frames by which a blink may outlast the minute in which it began."""


def with_lids(
    piece: Tensor, kind: str, own: float, start: int, seed: int, gain: float = SHUT
) -> Tensor:
    """Lids as asked for.

    Args:
        piece: frames (t, m) of coefficients.
        kind: "natural" blinks 8 to 25 times a minute, each 100 to 300 ms, at moments that the seed
            decides; a number blinks so often; "off" keeps the portrait's lids; "drawn" leaves what
            the model drew.
        own: the portrait's own blink coefficient.
        start: which frame of the clip is the first.
        seed: of the moments.
        gain: what the decoder must be told for shut, 1 being shut.
    """
    if kind == "drawn":
        return piece
    changed = piece.clone()
    changed[:, BLINK] = own
    if kind != "off":
        rate = None if kind == "natural" else float(kind)
        closing = torch.from_numpy(blink_curve(start, len(piece), seed, rate)).to(piece)
        changed[:, BLINK] = lid_coefficients(closing, own, gain)
    return changed


def lid_coefficients(closing: Tensor, own: float, gain: float) -> Tensor:
    """Coefficients (t,) of lids that close from the portrait's own (0) to shut (1)."""
    return own + closing * max(gain / float(SCALES[BLINK]) - own, 0.0)


def blink_curve(
    start: int, frames: int, seed: int, rate: float | None = None
) -> NDArray[np.float32]:
    """(t,) 0 open ... 1 shut: natural blinks from frame `start` of an endless clip on.

    Every minute is drawn by itself, so that any stretch is known without what came before. `rate`
    is blinks a minute; none: drawn for each minute from what people do.
    """
    first, last = start // MINUTE, (start + frames - 1) // MINUTE
    lids = np.zeros((last - first + 1) * MINUTE + LONGEST_BLINK, np.float32)
    for minute in range(first - 1, last + 1):
        drawn = _blinks_of(minute, seed, rate)
        begin = (minute - first) * MINUTE
        part = lids[max(begin, 0) : begin + len(drawn)]
        np.maximum(part, drawn[len(drawn) - len(part) :], out=part)
    skipped = start - first * MINUTE
    return lids[skipped : skipped + frames]


@functools.lru_cache(maxsize=64)
def _blinks_of(minute: int, seed: int, rate: float | None) -> NDArray[np.float32]:
    """One minute of lids, and the end of a blink that outlasts it."""
    generator = np.random.default_rng([seed, FPS, minute + 1])
    speaking = np.ones(MINUTE + LONGEST_BLINK)
    closing, starts = blinks(generator, speaking, EXPRESSIONS["neutral"], rate)
    if len(starts) and starts[-1] >= MINUTE / FPS:
        closing[MINUTE:] = 0
    return closing.astype(np.float32)

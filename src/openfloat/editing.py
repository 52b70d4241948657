"""Motion after it was drawn: what a user asks of named controls, as arithmetic on coefficients.

For models whose motion directions have names; every function takes and gives streams of frames,
so that nothing waits for the end of a clip.
"""

import functools
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openfloat.config import FPS
from openfloat.data.controls import INDEX, SCALES
from openfloat.data.manner import EXPRESSIONS, blinks
from openfloat.options import BlinkName

STEADIED = (
    "yaw", "pitch", "roll", "x", "y", "scale",
    "smile", "mouth_down", "brows_up", "brows_down", "squint",
)  # fmt: skip
"""Controls that move slowly in people; lips, lids and eyes are quick."""
SLOW = tuple(INDEX[name] for name in STEADIED)
REACH = 3
"""Standard deviations that the steadying filter looks to either side."""
BLINK = INDEX["blink"]
MINUTE = 60 * FPS
LONGEST_BLINK = 10
"""Frames by which a blink may outlast the minute in which it began."""


def steady(motion: Iterator[Tensor], deviation: float) -> Iterator[Tensor]:
    """Head and slow expression smoothed over time, which takes the trembling out.

    Args:
        motion: pieces (t, m) of coefficients.
        deviation: of the Gaussian filter, frames; 0 changes nothing.

    Returns:
        the same frames, in pieces that lag by the filter's reach (3 deviations); the first and the
        last frame stand for what lies beyond the ends.
    """
    waiting: Tensor | None = None
    for piece in motion:
        ready, waiting = steady_piece(waiting, piece, deviation)
        if len(ready):
            yield ready
    if waiting is not None and len(rest := steady_rest(waiting, deviation)):
        yield rest


def steady_piece(waiting: Tensor | None, piece: Tensor, deviation: float) -> tuple[Tensor, Tensor]:
    """The next frames (t, m) of a stream that `steady` smooths.

    Args:
        waiting: what the call before handed on; none at the start of a stream.
        piece: frames (t, m), at least one.
        deviation: as in `steady`.

    Returns:
        smoothed frames, as many as are surrounded by now, and what to hand on.
    """
    reach = reach_of(deviation)
    first = piece[:1].expand(reach, -1)
    waiting = torch.cat([first if waiting is None else waiting, piece])
    ready = len(waiting) - 2 * reach
    if ready <= 0:
        return waiting[:0], waiting
    return smoothed(waiting, deviation), waiting[ready:]


def steady_rest(waiting: Tensor, deviation: float) -> Tensor:
    """The last frames of a stream, (t, m): its last one stands for what would follow."""
    reach = reach_of(deviation)
    return smoothed(torch.cat([waiting, waiting[-1:].expand(reach, -1)]), deviation)


def reach_of(deviation: float) -> int:
    """Frames on either side that a steadied frame depends on, and lags behind."""
    return int(np.ceil(REACH * deviation))


def smoothed(frames: Tensor, deviation: float, columns: Sequence[int] = SLOW) -> Tensor:
    """Frames (t, m) without the reach at either end, the given columns through a Gaussian filter.

    Args:
        frames: more than twice the reach.
        deviation: of the filter, frames.
        columns: what is filtered; usually those of `STEADIED`.
    """
    reach = reach_of(deviation)
    out = frames[reach : len(frames) - reach].clone()
    if not reach:
        return out
    offsets = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.softmax(-0.5 * (offsets / deviation).square(), dim=0)
    chosen = list(columns)
    views = frames[:, chosen].unfold(0, 2 * reach + 1, 1)  # (t, c, taps)
    out[:, chosen] = views @ kernel.to(frames)
    return out


def with_blinks(
    motion: Iterator[Tensor], kind: BlinkName, own: float, seed: int
) -> Iterator[Tensor]:
    """Lids as asked for.

    Args:
        motion: pieces (t, m) of coefficients, from the clip's first frame on.
        kind: "natural" blinks 8 to 25 times a minute, each 100 to 300 ms, at moments that the seed
            decides; "off" keeps the portrait's lids; "drawn" leaves what the model drew.
        own: the portrait's own blink coefficient.
        seed: of the moments.
    """
    start = 0
    for piece in motion:
        yield with_lids(piece, kind, own, start, seed)
        start += len(piece)


def with_lids(piece: Tensor, kind: BlinkName, own: float, start: int, seed: int) -> Tensor:
    """Frames (t, m) from frame `start` of a clip on, with lids as `with_blinks` says."""
    if kind == "drawn":
        return piece
    changed = piece.clone()
    changed[:, BLINK] = own
    if kind == "natural":
        lids = torch.from_numpy(blink_curve(start, len(piece), seed) / SCALES[BLINK])
        changed[:, BLINK] = lids.to(piece).clamp(min=own)
    return changed


def blink_curve(start: int, frames: int, seed: int) -> NDArray[np.float32]:
    """(t,) 0 open ... 1 shut: natural blinks from frame `start` of an endless clip on.

    Every minute is drawn by itself, so that any stretch is known without what came before.
    """
    first, last = start // MINUTE, (start + frames - 1) // MINUTE
    lids = np.zeros((last - first + 1) * MINUTE + LONGEST_BLINK, np.float32)
    for minute in range(first - 1, last + 1):
        drawn = _blinks_of(minute, seed)
        begin = (minute - first) * MINUTE
        part = lids[max(begin, 0) : begin + len(drawn)]
        np.maximum(part, drawn[len(drawn) - len(part) :], out=part)
    skipped = start - first * MINUTE
    return lids[skipped : skipped + frames]


@functools.lru_cache(maxsize=64)
def _blinks_of(minute: int, seed: int) -> NDArray[np.float32]:
    """One minute of lids, and the end of a blink that outlasts it."""
    generator = np.random.default_rng([seed, FPS, minute + 1])
    speaking = np.ones(MINUTE + LONGEST_BLINK)
    closing, starts = blinks(generator, speaking, EXPRESSIONS["neutral"])
    if len(starts) and starts[-1] >= MINUTE / FPS:
        closing[MINUTE:] = 0
    return closing.astype(np.float32)

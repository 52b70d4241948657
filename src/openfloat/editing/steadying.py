"""Motion smoothed over time, frame by frame as it comes."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from openfloat.data.controls import INDEX

STEADIED = (
    "yaw", "pitch", "roll", "x", "y", "scale",
    "smile", "mouth_down", "brows_up", "brows_down", "squint",
)  # fmt: skip
"""Controls that move slowly in people; lips, lids and eyes are quick."""
SLOW = tuple(INDEX[name] for name in STEADIED)
REACH = 3
"""Standard deviations that the steadying filter looks to either side."""


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

"""Motion after it was drawn: what a user asks of named controls, as arithmetic on coefficients.

For models whose motion directions have names; every function takes and gives streams of frames,
so that nothing waits for the end of a clip.
"""

from collections.abc import Iterator

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
REACH = 3
"""Standard deviations that the steadying filter looks to either side."""
BLINK = INDEX["blink"]


def steady(motion: Iterator[Tensor], deviation: float) -> Iterator[Tensor]:
    """Head and slow expression smoothed over time, which takes the trembling out.

    Args:
        motion: pieces (t, m) of coefficients.
        deviation: of the Gaussian filter, frames; 0 changes nothing.

    Returns:
        the same frames, in pieces that lag by the filter's reach (3 deviations); the first and the
        last frame stand for what lies beyond the ends.
    """
    reach = int(np.ceil(REACH * deviation))
    if reach == 0:
        yield from motion
        return
    offsets = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.softmax(-0.5 * (offsets / deviation).square(), dim=0)
    waiting: Tensor | None = None
    for piece in motion:
        first = piece[:1].expand(reach, -1)
        waiting = torch.cat([first if waiting is None else waiting, piece])
        if len(waiting) > 2 * reach:
            yield _smoothed(waiting, kernel, reach)
            waiting = waiting[len(waiting) - 2 * reach :]
    if waiting is not None:
        yield _smoothed(torch.cat([waiting, waiting[-1:].expand(reach, -1)]), kernel, reach)


def _smoothed(frames: Tensor, kernel: Tensor, reach: int) -> Tensor:
    """Frames without `reach` at either end, their slow columns filtered."""
    out = frames[reach : len(frames) - reach].clone()
    slow = [INDEX[name] for name in STEADIED]
    views = frames[:, slow].unfold(0, 2 * reach + 1, 1)  # (t, c, taps)
    out[:, slow] = views @ kernel.to(frames)
    return out


def with_blinks(
    motion: Iterator[Tensor], kind: BlinkName, own: float, frames: int, seed: int
) -> Iterator[Tensor]:
    """Lids as asked for.

    Args:
        motion: pieces (t, m) of coefficients.
        kind: "natural" blinks 8 to 25 times a minute, each 100 to 300 ms, at moments that the seed
            decides; "off" keeps the portrait's lids; "drawn" leaves what the model drew.
        own: the portrait's own blink coefficient.
        frames: of the whole clip.
        seed: of the moments.
    """
    if kind == "drawn":
        yield from motion
        return
    lids = np.full(frames, own, np.float32)
    if kind == "natural":
        lids = np.maximum(lids, blink_curve(frames, seed) / SCALES[BLINK])
    start = 0
    for piece in motion:
        changed = piece.clone()
        changed[:, BLINK] = torch.from_numpy(lids[start : start + len(piece)]).to(piece)
        start += len(piece)
        yield changed


def blink_curve(frames: int, seed: int) -> NDArray[np.float32]:
    """(t,) 0 open ... 1 shut: natural blinks of a clip."""
    generator = np.random.default_rng([seed, FPS])
    closing, _ = blinks(generator, np.ones(frames), EXPRESSIONS["neutral"])
    return closing.astype(np.float32)

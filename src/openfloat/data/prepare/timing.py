"""When frames are shown, where shots end, which stretches become clips: functions of numbers."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from openfloat.config import FPS
from openfloat.vision.timed_frames import TimedFrame
from openfloat.vision.video_reader import RgbFrame

THUMBNAIL = (32, 24)
CUT_CHANGE = 18.0
"""Mean change of a thumbnail's colours, of 255, that a cut is at least."""
CUT_RATIO = 4.0
"""Times that a cut changes more than the frames around it do."""
AROUND = 4


class Span(NamedTuple):
    """Frames start ... stop - 1."""

    start: int
    stop: int


def at_video_rate(frames: Iterable[TimedFrame]) -> Iterator[RgbFrame]:
    """Frames of any rate as 25 per second: at every tick the one shown nearest before its middle.

    The last frame is shown once.
    """
    tick = 0
    held: RgbFrame | None = None
    for frame in frames:
        place = round(frame.start_s * FPS)  # the tick at which it appears
        while held is not None and tick < place:
            yield held
            tick += 1
        held = frame.image
    if held is not None:
        yield held


def thumbnail(image: RgbFrame) -> NDArray[np.float32]:
    """A small picture whose colours tell shots apart."""
    small = Image.fromarray(image).resize(THUMBNAIL, Image.Resampling.BOX, reducing_gap=2.0)
    return np.asarray(small, dtype=np.float32)


def change(before: NDArray[np.float32], after: NDArray[np.float32]) -> float:
    """Mean difference of two thumbnails, 0 ... 255."""
    return float(np.abs(after - before).mean())


def find_cuts(changes: NDArray[np.float64]) -> NDArray[np.int64]:
    """First frames of new shots.

    Args:
        changes: (n,) of each frame against the one before; the first counts nothing.
    """
    cuts = []
    for k in range(1, len(changes)):
        first = max(1, k - AROUND)
        around = np.concatenate([changes[first:k], changes[k + 1 : k + 1 + AROUND]])
        usual = float(np.median(around)) if len(around) else 0.0
        if changes[k] > max(CUT_CHANGE, CUT_RATIO * usual):
            cuts.append(k)
    return np.array(cuts, dtype=np.int64)


def find_spans(
    there: NDArray[np.bool_], cuts: Sequence[int] | NDArray[np.int64], shortest: int, longest: int
) -> list[Span]:
    """Stretches without a gap and without a cut inside, in parts of nearly equal length.

    Args:
        there: (n,) frames that show the face.
        cuts: first frames of new shots.
        shortest: frames of a span at least.
        longest: frames at most.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], there.astype(np.int8), [0]])))
    spans = []
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        inner = [cut for cut in np.asarray(cuts).tolist() if start < cut < stop]
        bounds = [start, *inner, stop]
        for low, high in pairwise(bounds):
            parts = -(-(high - low) // longest)
            places = [low + (high - low) * k // parts for k in range(parts + 1)]
            spans += [Span(a, b) for a, b in pairwise(places)]
    return [span for span in spans if span.stop - span.start >= shortest]

"""`openfloat animate` with most of its pictures left out: what an hour of sound is measured with.

Everything that could grow with a clip runs as ever: the sound is read and heard, motion is drawn,
smoothed and edited, every frame marked, encoded and written with its sound. Decoding, which holds
what one piece of frames takes and forgets it, happens for one piece in so many; the pieces between
show the last decoded one again.
"""

import sys

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from openfloat.clip import Portrait
from openfloat.pipeline import FloatPipeline

COMMAND = """
from openfloat.bench.thinned import thin
from openfloat.cli.main import main
import sys
thin({every})
sys.exit(main())
"""


def thinned(arguments: list[str], every: int) -> list[str]:
    """A command line of `openfloat` in a process where one piece in `every` is decoded."""
    if every == 1:
        return [sys.executable, "-m", "openfloat", *arguments]
    return [sys.executable, "-c", COMMAND.format(every=every), *arguments]


def thin(every: int) -> None:
    """Have all pipelines of this process decode one piece in so many."""
    decode = FloatPipeline.decode
    shown: list[NDArray[np.uint8]] = []
    calls = 0

    def sometimes(pipeline: FloatPipeline, portrait: Portrait, motion: Tensor) -> NDArray[np.uint8]:
        nonlocal calls
        if calls % every == 0 or len(shown[0]) < len(motion):
            shown[:] = [decode(pipeline, portrait, motion)]
        calls += 1
        return shown[0][: len(motion)].copy()

    FloatPipeline.decode = sometimes  # type: ignore[method-assign, assignment]

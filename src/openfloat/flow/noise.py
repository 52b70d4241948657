"""Noise that a sample keeps whatever else is drawn with it."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

MAX_SEED = 2**63 - 1


def seeded_noise(
    seeds: Sequence[int], window: int, *, frames: int, width: int
) -> Float[Tensor, "b t f"]:
    """Standard normal noise, one generator per seed and window, on the CPU.

    The generator is Philox keyed by (seed, window): neither the batch nor the windows before
    change what a sample gets, and no two windows share their noise.

    Args:
        seeds: one for each sample, 0 to 2^63 - 1.
        window: number of the window, from 0.
        frames: length of a whole window, whatever part of it is used.
        width: motion channels.
    """
    draws = [
        np.random.Generator(np.random.Philox(key=seed + (window << 64))).standard_normal(
            (frames, width), dtype=np.float32
        )
        for seed in seeds
    ]
    return torch.from_numpy(np.stack(draws))

"""Phase 1 of the embedded model, shortened.

Run it by `openfloat train autoencoder recipes/short_autoencoder.py`.
"""

from dataclasses import replace

from openfloat.training.config import Stage, TrainConfig
from openfloat.training.recipes import openfloat_autoencoder


def recipe() -> TrainConfig:
    """A quarter of the samples at every size."""
    whole = openfloat_autoencoder()
    stages = tuple(
        Stage(size=stage.size, clips=stage.clips // 4, batch=stage.batch) for stage in whole.stages
    )
    return replace(whole, stages=stages)

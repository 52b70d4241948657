"""The lip-sync network at compact size, for as long as a few minutes of clips can teach it.

openfloat train sync recipes/clips_sync.py --data prepared/
"""

from dataclasses import replace

from openfloat.training.config import Stage, TrainConfig
from openfloat.training.recipes import openfloat_sync


def recipe() -> TrainConfig:
    """A tenth of the preset."""
    return replace(openfloat_sync(), stages=(Stage(clips=9_600, batch=64),), warmup_clips=640)

"""Phase 2 at compact size on prepared clips, with the motion that a run of phase 1 sees in them.

torchrun --nproc-per-node 2 -m openfloat train motion recipes/clips_motion.py --data prepared/
"""

from dataclasses import replace

from openfloat.training.config import Stage, TrainConfig
from openfloat.training.recipes import openfloat_motion


def recipe() -> TrainConfig:
    """In two pieces: the same run on one process and on two."""
    return replace(
        openfloat_motion(),
        stages=(Stage(clips=3200, batch=32),),
        pieces=2,
        autoencoder="runs/autoencoder-clips_autoencoder",
        log_clips=320,
    )

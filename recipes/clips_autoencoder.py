"""Phase 1 at compact size on prepared clips: the embedded model goes on with real faces alone.

openfloat train autoencoder recipes/clips_autoencoder.py --data prepared/
"""

from dataclasses import replace

from openfloat.training.config import Stage, TrainConfig
from openfloat.training.recipes import openfloat_autoencoder


def recipe() -> TrainConfig:
    """A few hundred pairs of real frames at full size, a small fraction of the rate."""
    return replace(
        openfloat_autoencoder(),
        stages=(Stage(size=256, clips=240, batch=4),),
        start="openfloat-256",
        reader="",
        real_share=1.0,
        lr=2e-4,
        warmup_clips=40,
        log_clips=40,
        preview_clips=120,
    )

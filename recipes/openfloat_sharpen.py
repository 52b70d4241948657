"""The embedded model's auto-encoder goes on from where it is, at its full size.

    openfloat train autoencoder recipes/openfloat_sharpen.py --output runs/sharpen
    openfloat assemble openfloat-256 -o better --autoencoder runs/sharpen --base openfloat-256

The encoder stays as it is, so that a pair costs less. Mouths and eyes count most, and in them what
the photo does not show. 30,000 pairs take two hours of one CPU core.
"""

from dataclasses import replace

from openfloat.training.config import Stage, TrainConfig
from openfloat.training.recipes import openfloat_autoencoder


def recipe() -> TrainConfig:
    """The recipe that `openfloat train` runs."""
    usual = openfloat_autoencoder()
    return replace(
        usual,
        start="openfloat-256",
        reader="",
        stages=(Stage(size=256, clips=30_000, batch=4),),
        lr=1.5e-3,
        warmup_clips=200,
        ema=0.995,
        fixed_encoder=True,
        feature_window=0.625,
        pictures=replace(
            usual.pictures,
            component=0.1,
            hidden_l1=3.0,
            grid=3.0,
            truth_clips=1,
            truth_floor=0.7,
        ),
        checkpoint_s=240.0,
        log_clips=200,
        preview_clips=800,
    )

"""The embedded model's auto-encoder goes on from where it is, at its full size.

    openfloat train autoencoder recipes/openfloat_sharpen.py --output runs/sharpen
    openfloat assemble openfloat-256 -o better --autoencoder runs/sharpen --base openfloat-256

30,000 pairs take two hours of one CPU core.
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
        warmup_clips=400,
        ema=0.995,
        pictures=replace(usual.pictures, truth_clips=1, truth_floor=0.5),
    )

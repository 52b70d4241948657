"""The embedded model's motion goes on from where it is.

    openfloat data observe
    openfloat train motion recipes/openfloat_manner.py --output runs/manner
    openfloat assemble openfloat-256 -o better --motion runs/manner --base openfloat-256

A model that was made before heads could be told their pose learns that on the way. 32,000 windows
take half an hour of one CPU core.
"""

from dataclasses import replace

from openfloat.training.config import ConditionDrop, Stage, TrainConfig
from openfloat.training.recipes import openfloat_motion


def recipe() -> TrainConfig:
    """The recipe that `openfloat train` runs."""
    return replace(
        openfloat_motion(),
        start="openfloat-256",
        stages=(Stage(clips=32_000, batch=32),),
        lr=1.6e-3,
        drop=ConditionDrop(pose=0.2),
        warmup_clips=640,
        ema=0.99,
    )

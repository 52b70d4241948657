"""Phase 1 with M = 5 motion directions; `replace` its seed for another run.

openfloat train autoencoder recipes/ablations/directions_5.py
"""

from openfloat.laboratory.phase1 import small_autoencoder
from openfloat.training.config import TrainConfig


def recipe() -> TrainConfig:
    """The recipe that `openfloat train` runs."""
    return small_autoencoder(num_directions=5)

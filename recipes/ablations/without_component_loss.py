"""Phase 1 without L_comp-lp; beside `directions_20.py`, which has it.

openfloat train autoencoder recipes/ablations/without_component_loss.py
"""

from openfloat.laboratory.phase1 import small_autoencoder
from openfloat.training.config import TrainConfig


def recipe() -> TrainConfig:
    """The recipe that `openfloat train` runs."""
    return small_autoencoder(component=0)

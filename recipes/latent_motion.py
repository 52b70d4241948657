"""Phase 2 on motion latents instead of coefficients: the paper's space at the embedded size."""

from dataclasses import replace

from openfloat.training.config import TrainConfig
from openfloat.training.recipes import openfloat_motion


def recipe() -> TrainConfig:
    """Needs the run of the auto-encoder whose basis the latents lie in."""
    whole = openfloat_motion()
    model = replace(
        whole.model,
        name="openfloat-256-latent",
        motion_space="latent",
        motion=replace(whole.model.motion, motion_dim=whole.model.autoencoder.latent_dim),
    )
    return replace(whole, model=model, autoencoder="runs/autoencoder-256")

"""Phase 1 without the data engine's truth, small: for ablations of the auto-encoder."""

from dataclasses import replace

from openfloat.config import AutoencoderConfig, ModelConfig
from openfloat.training.config import PictureWeights, Stage, TrainConfig
from openfloat.training.recipes import openfloat_autoencoder


def small_autoencoder(
    *, num_directions: int = 20, component: float = 100.0, seed: int = 0
) -> TrainConfig:
    """The paper's auto-encoder at 64², motion directions unsupervised, no adversaries.

    Args:
        num_directions: M (paper, ablation: 5, 10, 20, 40).
        component: weight of L_comp-lp; 0 leaves it out.
        seed: of weights and batches.
    """
    whole = openfloat_autoencoder()
    tiny = ModelConfig.tiny()
    model = replace(
        tiny,
        name=f"directions-{num_directions}",
        autoencoder=AutoencoderConfig(
            size=64, latent_dim=128, num_directions=num_directions, channel_base=2048,
            max_channels=64, min_channels=16,
        ),
        motion=replace(tiny.motion, motion_dim=num_directions),
        controls=tiny.controls if num_directions == len(tiny.controls) else (),
    )  # fmt: skip
    return replace(
        whole,
        model=model,
        stages=(Stage(size=64, clips=12_000, batch=8),),
        pictures=PictureWeights(
            component=component,
            adversarial=0, eyes_adversarial=0, eyes_style=0, mouth_adversarial=0, mouth_style=0,
        ),
        reader="",
        known_motion=0.0,
        real_share=1.0,
        seed=seed,
    )  # fmt: skip

"""Phase 1 without the data engine's truth, small: for ablations of the auto-encoder."""

from dataclasses import dataclass, replace

from openfloat.config import AutoencoderConfig, ModelConfig
from openfloat.training.config import PictureWeights, Stage, TrainConfig
from openfloat.training.recipes import openfloat_autoencoder

PAIRS, BATCH = 2000, 8
COMPONENT = 0.1
"""Weight of L_comp-lp with which it counts about as much as L_lp in the random pyramid, whose
features are larger than VGG-19's beside their difference of pictures; the paper's is 100."""


def small_autoencoder(
    *, num_directions: int = 20, component: float = COMPONENT, seed: int = 0, pairs: int = PAIRS
) -> TrainConfig:
    """The paper's auto-encoder at 64², motion directions unsupervised, no adversaries.

    Args:
        num_directions: M (paper, ablation: 5, 10, 20, 40).
        component: weight of L_comp-lp; 0 leaves it out.
        seed: of weights and batches.
        pairs: frames of one clip that are seen together.
    """
    whole = openfloat_autoencoder()
    tiny = ModelConfig.tiny()
    model = replace(
        tiny,
        name=f"directions-{num_directions}",
        autoencoder=AutoencoderConfig(
            size=64, latent_dim=64, num_directions=num_directions, channel_base=1024,
            max_channels=32, min_channels=8,
        ),
        motion=replace(tiny.motion, motion_dim=num_directions),
        controls=tiny.controls if num_directions == len(tiny.controls) else (),
    )  # fmt: skip
    return replace(
        whole,
        model=model,
        stages=(Stage(size=64, clips=pairs, batch=BATCH),),
        pictures=PictureWeights(
            component=component,
            adversarial=0, eyes_adversarial=0, eyes_style=0, mouth_adversarial=0, mouth_style=0,
        ),
        warmup_clips=200,
        reader="",
        known_motion=0.0,
        real_share=1.0,
        log_clips=400,
        preview_clips=0,
        seed=seed,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureVariant:
    """What one row of an ablation of phase 1 is made with."""

    name: str
    num_directions: int = 20
    component: float = COMPONENT
    pairs: int = PAIRS
    trained_as: str = ""
    """Variant of another ablation that is the same; empty: its own."""

    def recipe(self, seed: int) -> TrainConfig:
        """How it is trained."""
        return small_autoencoder(
            num_directions=self.num_directions,
            component=self.component,
            seed=seed,
            pairs=self.pairs,
        )

"""One setting of an ablation: what is trained, or how the embedded model draws."""

from dataclasses import dataclass, replace
from typing import Literal

from openfloat.config import VectorFieldConfig
from openfloat.options import SampleOptions
from openfloat.training.config import MotionWeights, Stage, TrainConfig
from openfloat.training.recipes import openfloat_motion

Objective = Literal["flow", "epsilon", "x0"]
EmotionSource = Literal["label", "voice", "face", "none"]

SMALL_FIELD = VectorFieldConfig(
    motion_dim=20, speech_dim=192, hidden_dim=64, num_heads=4, depth=2, attention_radius=2
)
"""Trained in half a minute of one core; depth and width are all that is small about it."""
WINDOWS, BATCH = 8000, 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """What one row of an ablation's table is made with."""

    name: str
    field: VectorFieldConfig | None = SMALL_FIELD
    """The network to train; none: the embedded model's, as it is."""
    trained_as: str = ""
    """Variant whose training this one draws from; empty: its own."""
    objective: Objective = "flow"
    latent_dim: int = 0
    """Motion tokens of this width, in which the twenty coefficients lie along random orthonormal
    directions; 0: the coefficients themselves."""
    weights: MotionWeights = MotionWeights()
    options: SampleOptions = SampleOptions(emotion_scale=1.0)
    evaluations: int = 50
    """Of the network in one window, where the objective is no flow."""
    emotion: EmotionSource = "label"
    """Where a clip's emotion comes from when it is drawn."""
    windows: int = WINDOWS
    """Of training."""

    @property
    def token_field(self) -> VectorFieldConfig:
        """The trained network's shape, with the width that its tokens have."""
        field = self.field or SMALL_FIELD
        return replace(field, motion_dim=self.latent_dim) if self.latent_dim else field

    def recipe(self, seed: int) -> TrainConfig:
        """How it is trained: the embedded model's recipe, shorter and for the smaller network."""
        whole = openfloat_motion()
        field = self.token_field
        model = replace(
            whole.model,
            name=self.name,
            motion=field,
            motion_space="latent" if self.latent_dim else "coefficients",
            autoencoder=replace(whole.model.autoencoder, latent_dim=self.latent_dim or 256),
        )
        return replace(
            whole,
            model=model,
            stages=(Stage(clips=self.windows, batch=BATCH),),
            lr=3e-3,
            warmup_clips=800,
            ema=0.99,
            motion=self.weights,
            seed=seed,
            log_clips=1600,
        )

"""How a part is trained: frozen values, free of torch so that a recipe is quick to read."""

from dataclasses import dataclass
from typing import Literal

from openfloat.config import ModelConfig, SyncConfig

Part = Literal["reader", "autoencoder", "motion", "emotion", "sync"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """A stretch of a run; a run walks its stages in order."""

    clips: int
    """Samples (pairs of pictures, or windows of motion) to see in this stage."""
    batch: int
    """Samples per step."""
    size: int = 0
    """Picture size of the auto-encoder in this stage; 0 where there are no pictures."""

    def __post_init__(self) -> None:
        if self.clips < 1 or self.batch < 1:
            raise ValueError(f"clips={self.clips} and batch={self.batch} must be positive")


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureWeights:
    """Weights of the phase 1 losses; the defaults are the paper's (section 3.1), without truth.

    A weight of 0 leaves the term out, its network included.
    """

    l1: float = 1.0
    perceptual: float = 10.0
    component: float = 100.0
    """Perceptual, mouth and eyes alone, mean over their mask."""
    component_l1: float = 0.0
    """Pixels of mouth and eyes alone (ours)."""
    hidden_l1: float = 0.0
    """Pixels of mouth and eyes that the source does not show, as the data engine knows (ours)."""
    adversarial: float = 1.0
    eyes_adversarial: float = 1.0
    eyes_style: float = 100.0
    mouth_adversarial: float = 1.0
    mouth_style: float = 100.0
    coefficients: float = 0.0
    """Known controls against the motion head's coefficients (ours)."""
    grid: float = 0.0
    """Known displacement against each level's sampling grid (ours)."""
    mask: float = 0.0
    """Each level's mask towards 1 where the source shows the pixel (ours)."""
    truth_clips: int = 1
    """Samples over which `grid` and `mask` fall linearly to `truth_floor` of their weight."""
    truth_floor: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class MotionWeights:
    """Weights of the phase 2 losses (paper, section 3.2)."""

    velocity: float = 1.0
    past: float = 1.0
    difference: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ConditionDrop:
    """How often a sample of phase 2 sees a condition as zeros, each drawn by itself."""

    reference: float = 0.1
    speech: float = 0.1
    emotion: float = 0.1
    past_motion: float = 0.5
    past_speech: float = 0.5
    pose: float = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """A recipe: which part of which model, on what, for how long."""

    part: Part
    model: ModelConfig
    stages: tuple[Stage, ...]
    lr: float
    """Peak; held until the last stage, over which it falls by a half cosine to `lr_final`."""
    lr_final: float = 0.01
    """As a share of `lr`."""
    warmup_clips: int = 0
    """Samples of linear warm-up at the start of every stage."""
    betas: tuple[float, ...] = (0.9, 0.99)
    weight_decay: float = 0.0
    gradient_norm: float = 1.0
    pieces: int = 1
    """Parts that a step's samples are drawn and seen in, one after the other or by several
    processes, their gradients added up: less memory, and the most processes that a run can be
    resumed on without another trace. At least one for each process."""
    ema: float = 0.999
    """Decay per step of the averaged weights; less in the first steps."""
    seed: int = 0
    pictures: PictureWeights = PictureWeights()
    motion: MotionWeights = MotionWeights()
    drop: ConditionDrop = ConditionDrop()
    sync: SyncConfig = SyncConfig()
    """The network that judges lips and voice; part of no model."""
    real_share: float = 0.25
    """Share of phase 1 pairs that are real clips (or real photos of one person)."""
    known_motion: float = 0.0
    """Share of made pairs whose decoder is given the driving picture's known controls instead of
    the coefficients read off it; saves an encoding and teaches from the first step (ours)."""
    augment: bool = True
    """Phase 2: change gain, noise and band of the voice."""
    vgg: str = ""
    """File of VGG-19 weights for the perceptual losses; empty: a random pyramid of our own."""
    reader: str = ""
    """Phase 1 of a model with a motion reader: run folder of the reader, which is kept frozen;
    empty: it learns along from the known controls."""
    start: str = ""
    """Name or folder of a model that the run goes on from: phase 1 from its auto-encoder, at full
    size, phase 2 from its motion and own speech encoder; empty: from random weights."""
    fixed_encoder: bool = False
    """Phase 1: leave the encoder as it is; a pair then costs a quarter less."""
    feature_window: float = 1.0
    """Phase 1: height and width of the window, as a share of the picture's, in which features are
    compared; it lies about the face, elsewhere in every step."""
    autoencoder: str = ""
    """Phase 2 on motion latents: run folder of the auto-encoder whose basis they lie in."""
    frozen: str = ""
    """Phase 2 on wav2vec 2.0: model folder that holds its weights."""
    checkpoint_s: float = 300.0
    """Seconds between checkpoints."""
    log_clips: int = 1000
    """Samples per line of the log."""
    preview_clips: int = 0
    """Samples between previews; 0: none."""

    def __post_init__(self) -> None:
        if not self.stages:
            raise ValueError("a recipe needs at least one stage")
        if self.part == "autoencoder":
            sizes = [stage.size for stage in self.stages]
            if sizes != sorted(sizes) or sizes[-1] != self.model.autoencoder.size:
                raise ValueError(
                    f"stage sizes {sizes} do not grow to the model's size, "
                    f"{self.model.autoencoder.size}"
                )
            if self.start and sizes[0] != sizes[-1]:
                raise ValueError("a run that starts from a model begins at its full size")
        if not 1 <= self.pieces <= min(stage.batch for stage in self.stages):
            raise ValueError(f"pieces={self.pieces} is not between 1 and the smallest batch")
        if len(self.betas) != 2:
            raise ValueError(f"betas={self.betas} are not two numbers")
        for name in ("real_share", "known_motion"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}={getattr(self, name)} is not between 0 and 1")

    @property
    def clips(self) -> int:
        """Samples of the whole run."""
        return sum(stage.clips for stage in self.stages)

    def stage_at(self, clips: int) -> tuple[Stage, int]:
        """The stage that begins at or before this progress, and the progress it began at."""
        start = 0
        for stage in self.stages[:-1]:
            if clips < start + stage.clips:
                return stage, start
            start += stage.clips
        return self.stages[-1], start

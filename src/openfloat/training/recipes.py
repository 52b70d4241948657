"""The recipes that come with the package: one per model and part, each a function.

A recipe file of one's own is a Python file with a function `recipe()` that returns a TrainConfig,
usually one of these with something replaced; see `recipes/` in the repository.
"""

import runpy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from openfloat.config import ModelConfig, SyncConfig
from openfloat.errors import BadInput
from openfloat.training.config import ConditionDrop, Part, PictureWeights, Stage, TrainConfig


def tiny_reader() -> TrainConfig:
    """Seconds on any machine; for tests and for a first look."""
    return replace(tiny_motion(), part="reader", stages=(Stage(clips=320, batch=16),))


def tiny_autoencoder() -> TrainConfig:
    """Seconds on any machine; for tests and for a first look."""
    return TrainConfig(
        part="autoencoder",
        model=ModelConfig.tiny(),
        stages=(Stage(size=64, clips=320, batch=4),),
        lr=2e-3,
        warmup_clips=40,
        ema=0.98,
        pictures=replace(openfloat_pictures(), truth_clips=200),
        known_motion=0.5,
        log_clips=40,
        preview_clips=160,
    )


def tiny_motion() -> TrainConfig:
    """Seconds on any machine; for tests and for a first look."""
    return TrainConfig(
        part="motion",
        model=ModelConfig.tiny(),
        stages=(Stage(clips=1600, batch=16),),
        lr=2e-3,
        warmup_clips=80,
        ema=0.98,
        log_clips=160,
    )


def tiny_emotion() -> TrainConfig:
    """Seconds on any machine; for tests and for a first look."""
    return replace(tiny_motion(), part="emotion", stages=(Stage(clips=320, batch=8),))


def tiny_sync() -> TrainConfig:
    """Seconds on any machine; for tests and for a first look."""
    return replace(
        tiny_motion(),
        part="sync",
        stages=(Stage(clips=640, batch=32),),
        sync=SyncConfig(num_mels=20, width=4, embedding_dim=32),
    )


def openfloat_reader() -> TrainConfig:
    """The motion reader of the embedded model: half an hour of one CPU core."""
    return TrainConfig(
        part="reader",
        model=ModelConfig.openfloat_256(),
        stages=(Stage(clips=50_000, batch=32), Stage(clips=50_000, batch=32)),
        lr=1.5e-3,
        lr_final=0.02,
        warmup_clips=3200,
        weight_decay=0.02,
        ema=0.998,
        log_clips=3200,
    )


def openfloat_pictures() -> PictureWeights:
    """Picture losses of the embedded model: truth of the data engine first, no adversary."""
    return PictureWeights(
        l1=1.0,
        perceptual=2.0,
        component=0.02,
        component_l1=8.0,
        adversarial=0,
        eyes_adversarial=0,
        eyes_style=0,
        mouth_adversarial=0,
        mouth_style=0,
        coefficients=0.0,
        grid=1.0,
        mask=1.0,
        truth_clips=50_000,
        truth_floor=0.2,
    )


def openfloat_autoencoder() -> TrainConfig:
    """Phase 1 of the embedded model: about 90 minutes of two CPU cores."""
    return TrainConfig(
        part="autoencoder",
        model=ModelConfig.openfloat_256(),
        stages=(
            Stage(size=64, clips=12_000, batch=8),
            Stage(size=128, clips=14_000, batch=8),
            Stage(size=256, clips=4_600, batch=4),
        ),
        lr=2e-3,
        lr_final=0.05,
        warmup_clips=800,
        gradient_norm=20.0,
        ema=0.99,
        pictures=openfloat_pictures(),
        real_share=0.1,
        known_motion=1.0,
        reader="runs/reader-openfloat-256",
        log_clips=400,
        preview_clips=2000,
    )


def openfloat_motion() -> TrainConfig:
    """Phase 2 of the embedded model: under an hour of two CPU cores."""
    return TrainConfig(
        part="motion",
        model=ModelConfig.openfloat_256(),
        stages=(Stage(clips=108_000, batch=32),),
        lr=1e-3,
        warmup_clips=3200,
        weight_decay=0.01,
        ema=0.995,
        # Heads mostly move as they like: the field must be good at that first.
        drop=ConditionDrop(pose=0.5),
        log_clips=1600,
    )


def openfloat_emotion() -> TrainConfig:
    """Speech emotion of the embedded model: minutes of two CPU cores."""
    return replace(
        openfloat_motion(),
        part="emotion",
        stages=(Stage(clips=16_000, batch=16),),
        lr=1e-3,
        warmup_clips=320,
        weight_decay=0.05,
        ema=0.98,
        log_clips=800,
    )


def openfloat_sync() -> TrainConfig:
    """Whether lips and voice agree, at compact size."""
    return replace(
        openfloat_motion(),
        part="sync",
        stages=(Stage(clips=96_000, batch=64),),
        lr=1e-3,
        warmup_clips=3200,
        weight_decay=0.02,
        ema=0.99,
        sync=SyncConfig(num_mels=40, width=16, embedding_dim=128),
        log_clips=3200,
    )


def float_sync() -> TrainConfig:
    """Whether lips and voice agree, at SyncNet's size, for a GPU."""
    return replace(
        openfloat_sync(), stages=(Stage(clips=2_000_000, batch=128),), lr=2e-4, sync=SyncConfig()
    )


def float_autoencoder() -> TrainConfig:
    """Phase 1 as in the paper: one A100 for about nine days; `vgg` names your VGG-19 file."""
    return TrainConfig(
        part="autoencoder",
        model=ModelConfig.float_512(),
        stages=(Stage(size=512, clips=8 * 460_000, batch=8),),
        lr=2e-4,
        betas=(0.0, 0.99),
        real_share=1.0,
        log_clips=800,
        preview_clips=80_000,
    )


def float_motion() -> TrainConfig:
    """Phase 2 as in the paper: one A100 for about two days."""
    return TrainConfig(
        part="motion",
        model=ModelConfig.float_512(),
        stages=(Stage(clips=8 * 2_000_000, batch=8),),
        lr=1e-5,
        betas=(0.9, 0.999),
        ema=0.9999,
        log_clips=8000,
    )


PRESETS: dict[str, dict[Part, Callable[[], TrainConfig]]] = {
    "tiny": {
        "reader": tiny_reader,
        "autoencoder": tiny_autoencoder,
        "motion": tiny_motion,
        "emotion": tiny_emotion,
        "sync": tiny_sync,
    },
    "openfloat-256": {
        "reader": openfloat_reader,
        "autoencoder": openfloat_autoencoder,
        "motion": openfloat_motion,
        "emotion": openfloat_emotion,
        "sync": openfloat_sync,
    },
    "float-512": {
        "autoencoder": float_autoencoder,
        "motion": float_motion,
        "sync": float_sync,
    },
}


def find_recipe(name: str, part: Part) -> TrainConfig:
    """The recipe of a preset's name, or what `recipe()` of a Python file returns.

    Raises:
        BadInput: neither, a file that fails, or a recipe for another part.
    """
    path = Path(name)
    if name in PRESETS:
        if part not in PRESETS[name]:
            raise BadInput(f"{name} has no recipe for its {part}: the paper's is used frozen")
        return PRESETS[name][part]()
    if path.suffix != ".py" or not path.is_file():
        raise BadInput(f"{name} is neither a Python file nor one of {', '.join(PRESETS)}")
    try:
        recipe = runpy.run_path(str(path)).get("recipe")
        config = recipe() if callable(recipe) else None
    except Exception as error:
        raise BadInput(f"{path} cannot be run: {type(error).__name__}: {error}") from error
    if not isinstance(config, TrainConfig):
        raise BadInput(f"{path} has no function recipe() that returns a TrainConfig")
    if config.part != part:
        raise BadInput(f"{path} is a recipe for the {config.part}, not for the {part}")
    return config

"""Learning rate, truth weight and averaging as pure functions of the samples seen."""

import math

from openfloat.training.config import TrainConfig


def learning_rate(config: TrainConfig, clips: int) -> float:
    """Warm-up at the start of every stage, flat, then a half cosine over the last stage.

    Args:
        config: the recipe.
        clips: samples seen before this step.
    """
    stage, start = config.stage_at(clips)
    rate = config.lr
    if stage is config.stages[-1]:
        done = min(1.0, (clips - start) / stage.clips)
        rate *= config.lr_final + (1 - config.lr_final) * (1 + math.cos(math.pi * done)) / 2
    if clips - start < config.warmup_clips:
        rate *= (clips - start + stage.batch) / (config.warmup_clips + stage.batch)
    return rate


def truth_weight(config: TrainConfig, clips: int) -> float:
    """How much the engine's known displacement still counts: 1 falling linearly to the floor."""
    floor = config.pictures.truth_floor
    return floor + (1 - floor) * max(0.0, 1 - clips / config.pictures.truth_clips)


def ema_decay(decay: float, steps: int) -> float:
    """Decay of the averaged weights after so many steps: short memory first, then `decay`."""
    return min(decay, (1 + steps) / (10 + steps))

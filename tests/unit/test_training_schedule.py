"""Rates, averages and configs of training."""

import math
from dataclasses import replace

import pytest
import torch

from openfloat.codec import from_json, to_json
from openfloat.config import ModelConfig
from openfloat.training.config import Stage, TrainConfig
from openfloat.training.ema import averaged_copy, update_average
from openfloat.training.recipes import PRESETS, find_recipe
from openfloat.training.schedule import ema_decay, learning_rate, truth_weight


def recipe() -> TrainConfig:
    return TrainConfig(
        part="motion",
        model=ModelConfig.tiny(),
        stages=(Stage(clips=1000, batch=10), Stage(clips=2000, batch=10)),
        lr=0.1,
        lr_final=0.2,
        warmup_clips=90,
    )


def test_the_rate_warms_up_at_every_stage_and_falls_by_a_cosine_over_the_last() -> None:
    config = recipe()
    assert learning_rate(config, 0) == pytest.approx(0.1 * 10 / 100)
    assert learning_rate(config, 90) == pytest.approx(0.1)
    assert learning_rate(config, 990) == pytest.approx(0.1)
    assert learning_rate(config, 1000) == pytest.approx(0.1 * 10 / 100)
    middle = 0.1 * (0.2 + 0.8 * (1 + math.cos(math.pi / 2)) / 2)
    assert learning_rate(config, 2000) == pytest.approx(middle)
    assert learning_rate(config, 3000) == pytest.approx(0.02)


def test_the_stage_follows_from_the_samples_seen() -> None:
    config = recipe()
    assert config.clips == 3000
    assert config.stage_at(999) == (config.stages[0], 0)
    assert config.stage_at(1000) == (config.stages[1], 1000)
    assert config.stage_at(10_000) == (config.stages[1], 1000)


def test_truth_counts_less_and_less_down_to_its_floor() -> None:
    config = recipe()
    config = replace(config, pictures=replace(config.pictures, truth_clips=100, truth_floor=0.1))
    assert truth_weight(config, 0) == pytest.approx(1)
    assert truth_weight(config, 50) == pytest.approx(0.55)
    assert truth_weight(config, 1000) == pytest.approx(0.1)


def test_the_average_of_a_constant_after_n_steps_is_the_closed_form() -> None:
    module = torch.nn.Linear(1, 1, bias=False, dtype=torch.float64)
    torch.nn.init.constant_(module.weight, 0.0)
    average = averaged_copy(module)
    torch.nn.init.constant_(module.weight, 1.0)
    for _ in range(7):
        update_average(average, module, 0.9)
    torch.testing.assert_close(average.weight.item(), 1 - 0.9**7, atol=1e-12, rtol=0)


def test_the_average_forgets_quickly_in_the_first_steps() -> None:
    assert ema_decay(0.999, 0) == pytest.approx(0.1)
    assert ema_decay(0.999, 10**6) == 0.999


def test_every_recipe_builds_and_survives_json() -> None:
    for name, parts in PRESETS.items():
        for part in parts:
            config = find_recipe(name, part)
            assert config.part == part
            assert from_json(TrainConfig, to_json(config)) == config


def test_recipes_of_the_paper_state_its_schedule() -> None:
    first, second = find_recipe("float-512", "autoencoder"), find_recipe("float-512", "motion")
    assert (first.lr, first.stages[0].batch, first.clips) == (2e-4, 8, 8 * 460_000)
    assert (second.lr, second.stages[0].batch, second.clips) == (1e-5, 8, 8 * 2_000_000)


@pytest.mark.parametrize("sizes", [(128, 64), (64, 64, 128)])
def test_sizes_that_do_not_grow_to_the_models_are_refused(sizes: tuple[int, ...]) -> None:
    stages = tuple(Stage(clips=1, batch=1, size=size) for size in sizes)
    with pytest.raises(ValueError, match="do not grow to the model's size"):
        TrainConfig(part="autoencoder", model=ModelConfig.tiny(), stages=stages, lr=1e-3)

"""The one training loop: whatever is trained, this is how it is stepped, logged and resumed."""

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from openfloat.errors import BadCheckpoint, OpenFloatError
from openfloat.training.checkpoint import (
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
    under_prefix,
    with_prefix,
)
from openfloat.training.config import Stage, TrainConfig
from openfloat.training.ema import update_average
from openfloat.training.log import LossMeter, append_line, cut_back
from openfloat.training.schedule import ema_decay, learning_rate


class Losses(NamedTuple):
    """What one step of one player found."""

    total: Tensor
    """The weighted sum to descend."""
    parts: dict[str, Tensor]
    """Unweighted terms by name, for the log."""


class Player(NamedTuple):
    """Networks that descend one loss with one optimiser."""

    name: str
    module: nn.Module
    optimizer: torch.optim.Optimizer
    losses: Callable[[Any, int], Losses]
    """From a batch and the samples seen so far."""


class Task(Protocol):
    """What is particular to one part of the model."""

    players: tuple[Player, ...]
    """The first is what the run is about; the others (discriminators) play against it."""
    average: nn.Module
    """Averaged copy of the first player's networks."""

    def enter(self, stage: Stage) -> None:
        """Make the networks fit a stage: grow them where its pictures are larger."""

    def batch(self, stage: Stage, generator: torch.Generator) -> Any:
        """Draw one batch; the generator is the only source of chance."""

    def preview(self, path: Path) -> None:
        """Draw what the averaged networks do now into a picture file."""


class Progress(NamedTuple):
    """How far a run is."""

    clips: int = 0
    steps: int = 0


def step_generator(seed: int, clips: int) -> torch.Generator:
    """All chance of one step, a function of the run's seed and the samples seen alone."""
    state = np.random.SeedSequence([seed, clips]).generate_state(2, np.uint32)
    return torch.Generator().manual_seed(int(state[0]) << 31 | int(state[1]) >> 1)


def run_loop(
    task: Task,
    config: TrainConfig,
    run_dir: Path,
    *,
    limit_seconds: float | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Progress:
    """Train until the recipe's samples are seen, the time is up, or somebody asks to stop.

    Run again on the same folder it goes on from the last checkpoint, and its loss trace is the one
    of an uninterrupted run. Stage lengths, rates and weights come from the recipe each time.

    Args:
        task: networks, data and losses.
        config: the recipe.
        run_dir: folder of checkpoints, log and previews.
        limit_seconds: stop, with a checkpoint, after this time.
        stopped: asked before each step.

    Raises:
        OpenFloatError: a loss is not a number.
        BadCheckpoint: the folder's checkpoint is of another model.
    """
    progress, meter = resume(task, config, run_dir)
    began = saved = logged = time.monotonic()
    logged_clips = progress.clips
    while progress.clips < config.clips and not stopped():
        stage, _ = config.stage_at(progress.clips)
        task.enter(stage)
        batch = task.batch(stage, step_generator(config.seed, progress.clips))
        rate = learning_rate(config, progress.clips)
        for player in task.players:
            losses = player.losses(batch, progress.clips)
            _descend(player, losses, rate, config.gradient_norm)
            meter.add(losses.parts)
        update_average(task.average, task.players[0].module, ema_decay(config.ema, progress.steps))
        before, progress = progress, Progress(progress.clips + stage.batch, progress.steps + 1)

        now = time.monotonic()
        if _passes(config.log_clips, before, progress) or progress.clips >= config.clips:
            speed = (progress.clips - logged_clips) / max(now - logged, 1e-9)
            counts = {"clips": progress.clips, "size": stage.size, "lr": rate}
            append_line(run_dir, counts | {"clips_per_s": round(speed, 2)} | meter.take())
            logged, logged_clips = now, progress.clips
        if _passes(config.preview_clips, before, progress):
            task.preview(run_dir / f"preview-{progress.clips:08d}.png")
        if now - saved > config.checkpoint_s:
            save(task, progress, meter, run_dir)
            saved = time.monotonic()
        if limit_seconds is not None and now - began > limit_seconds:
            break
    save(task, progress, meter, run_dir)
    return progress


def _passes(interval: int, before: Progress, after: Progress) -> bool:
    return interval > 0 and before.clips // interval < after.clips // interval


def _descend(player: Player, losses: Losses, rate: float, gradient_norm: float) -> None:
    """One step of one player; a loss that is not a number ends the run before it spoils weights."""
    if not math.isfinite(float(losses.total.detach())):
        parts = losses.parts.items()
        bad = [name for name, loss in parts if not math.isfinite(float(loss.detach()))]
        raise OpenFloatError(
            f"training of {player.name} diverged ({', '.join(bad) or 'total'} is not a number); "
            "the last checkpoint is kept: lower lr and run the same command again"
        )
    player.optimizer.zero_grad(set_to_none=True)
    losses.total.backward()
    nn.utils.clip_grad_norm_(player.module.parameters(), gradient_norm)
    for group in player.optimizer.param_groups:
        group["lr"] = rate
    player.optimizer.step()


def save(task: Task, progress: Progress, meter: LossMeter, run_dir: Path) -> None:
    """Write everything that a resumed run needs."""
    tensors = with_prefix("average", task.average.state_dict())
    for player in task.players:
        tensors |= with_prefix(f"player.{player.name}", player.module.state_dict())
        memory = optimizer_tensors(player.module, player.optimizer)
        tensors |= with_prefix(f"optimizer.{player.name}", memory)
    state = progress._asdict() | {"meter": meter.state(), "size": getattr(task, "size", 0)}
    save_checkpoint(run_dir, state, tensors)


def resume(task: Task, config: TrainConfig, run_dir: Path) -> tuple[Progress, LossMeter]:
    """Put a task where its run's checkpoint says, or at the beginning."""
    run_dir.mkdir(parents=True, exist_ok=True)
    found = load_checkpoint(run_dir)
    if found is None:
        cut_back(run_dir, 0)
        task.enter(config.stages[0])
        return Progress(), LossMeter()
    state, tensors = found
    cut_back(run_dir, state["clips"])
    task.enter(Stage(clips=1, batch=1, size=state["size"]))
    _load(task.average, under_prefix("average", tensors), run_dir)
    for player in task.players:
        _load(player.module, under_prefix(f"player.{player.name}", tensors), run_dir)
        memory = under_prefix(f"optimizer.{player.name}", tensors)
        restore_optimizer(player.module, player.optimizer, memory)
    return Progress(state["clips"], state["steps"]), LossMeter(state["meter"])


def _load(module: nn.Module, tensors: Mapping[str, Tensor], run_dir: Path) -> None:
    try:
        module.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        raise BadCheckpoint(
            f"{run_dir} holds a run of another model; give another --output ({error})"
        ) from error

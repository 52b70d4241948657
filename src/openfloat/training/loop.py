"""The one training loop: whatever is trained, this is how it is stepped, logged and resumed."""

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from openfloat.errors import BadCheckpoint
from openfloat.training.checkpoint import (
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
    under_prefix,
    with_prefix,
)
from openfloat.training.config import Stage, TrainConfig
from openfloat.training.descent import Losses, Machine, descend
from openfloat.training.ema import update_average
from openfloat.training.guard import moved
from openfloat.training.log import LossMeter, append_line, cut_back
from openfloat.training.parallel import Piece, Team, pieces_of
from openfloat.training.recompute import recompute_layers
from openfloat.training.schedule import ema_decay, learning_rate
from openfloat.training.speed import Speedometer


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
    frozen: tuple[nn.Module, ...]
    """Other networks that losses need."""

    def enter(self, stage: Stage) -> None:
        """Make the networks fit a stage: grow them where its pictures are larger."""

    def batch(self, stage: Stage, generator: torch.Generator) -> Any:
        """Draw one batch; the generator is the only source of chance."""

    def preview(self, path: Path, /) -> Iterable[Path]:
        """Show what the averaged networks do now in files of that name; says in which."""


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
    machine: Machine = Machine(),
    told: Callable[[dict[str, Any]], object] = lambda _line: None,
    shown: Callable[[Path, int], object] = lambda _picture, _clips: None,
) -> Progress:
    """Train until the recipe's samples are seen, the time is up, or somebody asks to stop.

    Run again on the same folder it goes on from the last checkpoint, and its loss trace is the one
    of an uninterrupted run, also where the number of processes changes. Stage lengths, rates and
    weights come from the recipe each time.

    Args:
        task: networks, data and losses.
        config: the recipe.
        run_dir: folder of checkpoints, log and previews.
        limit_seconds: stop, with a checkpoint, after this time.
        stopped: asked before each step.
        machine: who takes part, and how it computes.
        told: given every line of the log, on the leading process.
        shown: given every preview's file and the samples seen, on the leading process.

    Raises:
        OpenFloatError: a loss is not a number; the samples are kept in the run's folder.
        BadCheckpoint: the folder's checkpoint is of another model.
    """
    team = machine.team
    progress, meter, num_pieces = resume(task, config, run_dir, team)
    diary = _Diary(task, config, run_dir, meter, num_pieces, machine, told, shown)
    diary.speed.start(progress.clips)
    began, first = time.monotonic(), progress.clips
    current: Stage | None = None
    while progress.clips < config.clips:
        late = limit_seconds is not None and time.monotonic() - began > limit_seconds
        if team.any(stopped() or (late and progress.clips > first)):
            break
        stage, _ = config.stage_at(progress.clips)
        task.enter(stage)
        if is_new := stage is not current:
            settle(task, machine)
            current = stage
        pieces = pieces_of(progress.clips, stage.batch, num_pieces)[team.rank :: team.size]
        batches = {piece: _draw(task, stage, piece, config.seed, team.device) for piece in pieces}
        rate = learning_rate(config, progress.clips)
        counting = diary.speed.counting(sum(piece.rows for piece in pieces))
        with counting if is_new else contextlib.nullcontext():
            for player in task.players:
                means = descend(
                    player, batches, progress.clips,
                    rate=rate, gradient_norm=config.gradient_norm, machine=machine, run_dir=run_dir,
                )  # fmt: skip
                meter.add(means)
        update_average(task.average, task.players[0].module, ema_decay(config.ema, progress.steps))
        before, progress = progress, Progress(progress.clips + stage.batch, progress.steps + 1)
        if team.leads:
            diary.write(before, progress, {"size": stage.size, "lr": rate})
    if team.leads:
        save(task, progress, meter, run_dir, num_pieces)
    return progress


class _Diary:
    """What the leading process writes while a run goes on: log, previews, checkpoints."""

    def __init__(
        self,
        task: Task,
        config: TrainConfig,
        run_dir: Path,
        meter: LossMeter,
        num_pieces: int,
        machine: Machine,
        told: Callable[[dict[str, Any]], object],
        shown: Callable[[Path, int], object],
    ) -> None:
        self._task, self._config, self._run_dir = task, config, run_dir
        self._meter, self._num_pieces = meter, num_pieces
        self._told, self._shown = told, shown
        self._saved = time.monotonic()
        dtype = torch.bfloat16 if machine.precision == "bfloat16" else torch.float32
        self.speed = Speedometer(machine.team.device, dtype, machine.team.size)

    def write(self, before: Progress, now: Progress, about: dict[str, Any]) -> None:
        """Write what is due after a step."""
        config, clips = self._config, now.clips
        if _passes(config.log_clips, before, now) or clips >= config.clips:
            line = {"clips": clips} | about | self.speed.read(clips) | self._meter.take()
            append_line(self._run_dir, line)
            self._told(line)
        if _passes(config.preview_clips, before, now):
            for picture in self._task.preview(self._run_dir / f"preview-{clips:08d}"):
                self._shown(picture, clips)
        if time.monotonic() - self._saved > config.checkpoint_s:
            save(self._task, now, self._meter, self._run_dir, self._num_pieces)
            self._saved = time.monotonic()


def _draw(task: Task, stage: Stage, piece: Piece, seed: int, device: torch.device) -> Any:
    """One piece of a step's samples, where the networks are."""
    part = replace(stage, batch=piece.rows)
    return moved(task.batch(part, step_generator(seed, piece.first)), device)


def settle(task: Task, machine: Machine) -> None:
    """Bring networks, and what their optimisers remember, where the machine computes."""
    device = machine.team.device
    for player in task.players:
        player.module.to(device)
        for memory in player.optimizer.state.values():
            for name, value in memory.items():
                if name != "step" and value.device != device:
                    memory[name] = value.to(device)
        if machine.recompute:
            recompute_layers(player.module)
    for network in (task.average, *task.frozen):
        network.to(device)


def _passes(interval: int, before: Progress, after: Progress) -> bool:
    return interval > 0 and before.clips // interval < after.clips // interval


def save(
    task: Task, progress: Progress, meter: LossMeter, run_dir: Path, num_pieces: int = 1
) -> None:
    """Write everything that a resumed run needs."""
    tensors = with_prefix("average", task.average.state_dict())
    for player in task.players:
        tensors |= with_prefix(f"player.{player.name}", player.module.state_dict())
        memory = optimizer_tensors(player.module, player.optimizer)
        tensors |= with_prefix(f"optimizer.{player.name}", memory)
    state = progress._asdict() | {"meter": meter.state(), "size": getattr(task, "size", 0)}
    state["pieces"] = num_pieces
    save_checkpoint(run_dir, state, tensors)


def resume(
    task: Task, config: TrainConfig, run_dir: Path, team: Team = Team()
) -> tuple[Progress, LossMeter, int]:
    """Put a task where its run's checkpoint says, or at the beginning.

    Returns:
        progress, losses since the last line of the log, and in how many pieces steps are drawn: as
        many as before, or as the recipe says, but at least one for each process.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    wanted = max(config.pieces, team.size)
    found = load_checkpoint(run_dir)
    if team.leads:
        cut_back(run_dir, found[0]["clips"] if found else 0)
    if found is None:
        task.enter(config.stages[0])
        return Progress(), LossMeter(), wanted
    state, tensors = found
    task.enter(Stage(clips=1, batch=1, size=state["size"]))
    _load(task.average, under_prefix("average", tensors), run_dir)
    for player in task.players:
        _load(player.module, under_prefix(f"player.{player.name}", tensors), run_dir)
        memory = under_prefix(f"optimizer.{player.name}", tensors)
        restore_optimizer(player.module, player.optimizer, memory)
    num_pieces = max(state.get("pieces", 1), wanted)
    return Progress(state["clips"], state["steps"]), LossMeter(state["meter"]), num_pieces


def _load(module: nn.Module, tensors: Mapping[str, Tensor], run_dir: Path) -> None:
    try:
        module.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        raise BadCheckpoint(
            f"{run_dir} holds a run of another model; give another --output ({error})"
        ) from error

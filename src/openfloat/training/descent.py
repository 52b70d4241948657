"""One step of one player, over the pieces of a step and the processes of a run."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from openfloat.training.guard import diverged
from openfloat.training.parallel import Piece, Team

TrainPrecision = Literal["float32", "bfloat16"]


class Losses(NamedTuple):
    """What one step of one player found."""

    total: Tensor
    """The weighted sum to descend."""
    parts: dict[str, Tensor]
    """Unweighted terms by name, for the log."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a run computes, and how: nothing that it learns depends on it, but for rounding."""

    team: Team = Team()
    precision: TrainPrecision = "float32"
    """bfloat16 multiplies in it (autocast); weights and optimiser stay float32."""
    recompute: bool = False
    """Compute layers again in the backward pass instead of keeping what they made."""

    def computing(self) -> torch.autocast:
        """The context that losses are computed in."""
        enabled = self.precision == "bfloat16"
        return torch.autocast(self.team.device.type, torch.bfloat16, enabled=enabled)


def descend(
    player: Any,
    batches: Mapping[Piece, Any],
    clips: int,
    *,
    rate: float,
    gradient_norm: float,
    machine: Machine,
    run_dir: Path,
) -> dict[str, float]:
    """Step a player down the mean loss of all pieces of all processes.

    Args:
        player: a `loop.Player`.
        batches: this process's pieces.
        clips: samples seen before the step.
        rate: learning rate.
        gradient_norm: longer gradients are shortened to it.
        machine: who takes part.
        run_dir: where the samples of a step that is not finite are kept.

    Returns:
        the mean of every loss by name.

    Raises:
        OpenFloatError: a loss or the gradient is not finite; the weights are as before.
    """
    player.optimizer.zero_grad(set_to_none=True)
    means: dict[str, float] = {}
    with _averaged_statistics(player.module, machine.team, batches) as begin_piece:
        for piece, batch in batches.items():
            begin_piece(piece)
            with machine.computing():
                losses: Losses = player.losses(batch, clips)
            (losses.total * piece.share).backward()
            seen = losses.parts | {"total": losses.total}
            for name, loss in seen.items():
                means[name] = means.get(name, 0.0) + piece.share * float(loss.detach())
    means = _mean_over(machine.team, means)
    total = means.pop("total")
    machine.team.add_up_gradients(player.module)
    length = nn.utils.clip_grad_norm_(player.module.parameters(), gradient_norm)
    if not (math.isfinite(total) and math.isfinite(float(length))):
        kept = {piece.first: batch for piece, batch in batches.items()}
        raise diverged(player.name, means or {"total": total}, kept, run_dir)
    for group in player.optimizer.param_groups:
        group["lr"] = rate
    player.optimizer.step()
    return means


def _mean_over(team: Team, shares: dict[str, float]) -> dict[str, float]:
    """Sums over all processes of what each found, which has the same names everywhere."""
    values = torch.tensor([shares[name] for name in sorted(shares)], dtype=torch.float64)
    if team.size > 1:
        placed = values.to(team.device)
        team.add_up([placed])
        values = placed.cpu()
    by_name = dict(zip(sorted(shares), values.tolist(), strict=True))
    return {name: by_name[name] for name in shares}


@contextmanager
def _averaged_statistics(
    module: nn.Module, team: Team, batches: Mapping[Piece, Any]
) -> Iterator[Any]:
    """Let batch norms move their running statistics once a step, by the mean over all pieces."""
    norms = [m for m in module.modules() if isinstance(m, _BatchNorm) and m.training]
    held = [b for m in norms for b in (m.running_mean, m.running_var) if b is not None]
    whole = team.size == 1 and len(batches) == 1
    if whole or not held:
        yield lambda _piece: None
        return
    before = [buffer.clone() for buffer in held]
    after = [torch.zeros_like(buffer) for buffer in held]
    shares: list[float] = []

    def collect() -> None:
        if shares:
            for total, buffer in zip(after, held, strict=True):
                total.add_(buffer, alpha=shares[-1])

    def begin_piece(piece: Piece) -> None:
        collect()
        for buffer, old in zip(held, before, strict=True):
            buffer.copy_(old)
        shares.append(piece.share)

    yield begin_piece
    collect()
    team.add_up(after)
    for buffer, new in zip(held, after, strict=True):
        buffer.copy_(new)

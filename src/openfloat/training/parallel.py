"""Several processes, on one machine or many, that train one set of networks; torchrun starts them.

The samples of a step are drawn in pieces. A piece depends on the run's seed and on the samples
before it alone, not on who draws it, and its gradients are added up with all others' before
anything moves. So a run is the same whatever the number of processes, and one process that walks
all pieces accumulates gradients. Gradients are summed once a step rather than while the backward
pass goes on (as DistributedDataParallel does): players that descend in turns, penalties on
gradients and pieces then need no special care.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn

from openfloat.errors import BadInput, OpenFloatError

PATIENCE = timedelta(hours=2)
"""How long processes wait for one that prepares data."""


@dataclass(frozen=True, slots=True)
class Team:
    """The processes of a run; one process alone needs no help."""

    rank: int = 0
    size: int = 1
    device: torch.device = torch.device("cpu")

    @property
    def leads(self) -> bool:
        """Whether this process writes the run's files."""
        return self.rank == 0

    def any(self, claim: bool) -> bool:
        """Whether one of the processes claims it."""
        if self.size == 1:
            return claim
        flag = torch.tensor([float(claim)], device=self.device)
        _wait(lambda: dist.all_reduce(flag, dist.ReduceOp.MAX))
        return bool(flag)

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors of one type by their sums over the processes, in place."""
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        _wait(lambda: dist.all_reduce(flat))
        for tensor, total in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(total.view_as(tensor))

    def add_up_gradients(self, module: nn.Module) -> None:
        """Sum gradients; a parameter that no process has a gradient for keeps none."""
        if self.size == 1:
            return
        parameters = [p for p in module.parameters() if p.requires_grad]
        there = torch.tensor([float(p.grad is not None) for p in parameters], device=self.device)
        self.add_up([there])
        used = [p for p, count in zip(parameters, there.tolist(), strict=True) if count]
        for parameter in used:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self.add_up([parameter.grad for parameter in used if parameter.grad is not None])

    @contextmanager
    def leader_first(self) -> Iterator[None]:
        """The leader does what is inside before the others do: it fills caches that they read."""
        if self.size > 1 and not self.leads:
            _wait(dist.barrier)
        yield
        if self.size > 1 and self.leads:
            _wait(dist.barrier)


def _wait(collective: Callable[[], object]) -> None:
    try:
        collective()
    except RuntimeError as error:
        raise OpenFloatError(
            "another process of this run has ended; run the same command again, it goes on from "
            "the last checkpoint"
        ) from error


@contextmanager
def team(device: str = "cpu") -> Iterator[Team]:
    """The processes that torchrun started, or this one alone.

    Args:
        device: where networks compute; `cuda` is the GPU of the process's own number.

    Raises:
        BadInput: there is no such device.
    """
    if not dist.is_torchelastic_launched():
        yield Team(device=_device(device, 0))
        return
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo", timeout=PATIENCE)
    try:
        place = _device(device, dist.get_node_local_rank())
        yield Team(dist.get_rank(), dist.get_world_size(), place)
    finally:
        dist.destroy_process_group()


def _device(name: str, local_rank: int) -> torch.device:
    try:
        device = torch.device(f"cuda:{local_rank}" if name == "cuda" else name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise BadInput(f"device={name!r} cannot be used: {reason}") from error
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device


class Piece(NamedTuple):
    """A part of a step's samples."""

    first: int
    """Samples seen before it; with the run's seed it settles the piece's chance."""
    rows: int
    share: float
    """Of the step's samples."""


def pieces_of(clips: int, batch: int, count: int) -> list[Piece]:
    """A step's samples in so many pieces of nearly equal size.

    Args:
        clips: seen before the step.
        batch: samples of the step.
        count: pieces.

    Raises:
        BadInput: there are more pieces than samples.
    """
    if count > batch:
        raise BadInput(
            f"a step of {batch} samples cannot be split into {count} pieces; start fewer processes "
            "or give the recipe larger batches"
        )
    edges = [batch * k // count for k in range(count + 1)]
    return [
        Piece(clips + start, stop - start, (stop - start) / batch)
        for start, stop in pairwise(edges)
    ]

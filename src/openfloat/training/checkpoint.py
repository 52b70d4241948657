"""Checkpoints of a run: safetensors and JSON, complete or absent, never pickle."""

import errno
import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from openfloat.drafts import not_written, sync, sync_folder
from openfloat.errors import BadCheckpoint

logger = logging.getLogger(__name__)

STATE, TENSORS = "state.json", "tensors.safetensors"
CURRENT, PREVIOUS, PARTIAL = "checkpoint", "checkpoint.previous", "checkpoint.partial"


def save_checkpoint(run_dir: Path, state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write a checkpoint, read it again, and only then put it in the place of the one before.

    The one before is kept as well, for the day when the disk loses the newest.

    Args:
        run_dir: the run's folder.
        state: progress, as JSON can hold it.
        tensors: everything else, by name.

    Raises:
        NotWritten: the disk is full, or gives back something else than was written.
    """
    partial, current, previous = (run_dir / name for name in (PARTIAL, CURRENT, PREVIOUS))
    stored = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        save_file(stored, partial / TENSORS)
        (partial / STATE).write_text(json.dumps(state, indent=1) + "\n")
        sync_folder(partial)
        _verify(partial, state, stored)
        if current.exists():
            shutil.rmtree(previous, ignore_errors=True)
            current.rename(previous)
        partial.rename(current)
        sync(run_dir)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise not_written(current, error) from error


def _verify(folder: Path, state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Raise OSError where a folder does not hold what was written to it, bit for bit."""
    same = json.loads((folder / STATE).read_text()) == json.loads(json.dumps(state))
    read = load_file(folder / TENSORS)
    same = same and read.keys() == tensors.keys()
    if not same or not all(same_bits(read[name], tensor) for name, tensor in tensors.items()):
        raise OSError(errno.EIO, "it reads back as something else")


def same_bits(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are the same in type, shape and every bit, NaN included."""
    other = other.detach().to(one.device)
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    return torch.equal(one.reshape(-1).view(torch.uint8), other.reshape(-1).view(torch.uint8))


def load_checkpoint(run_dir: Path) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """The newest readable checkpoint of a run, or None for a run that has not begun.

    Raises:
        BadCheckpoint: there are checkpoints, but none that can be read.
    """
    unread: list[str] = []
    for name in (CURRENT, PREVIOUS):
        folder = run_dir / name
        if not folder.is_dir():
            continue
        try:
            state = dict(json.loads((folder / STATE).read_text()))
            found = state, load_file(folder / TENSORS)
        except (OSError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
            unread.append(f"{folder} cannot be read: {' '.join(str(error).split())}")
        else:
            for said in unread:
                logger.warning("%s; going on from %s", said, folder)
            return found
    if unread:
        raise BadCheckpoint(unread[0])
    return None


def with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors under `prefix.name`."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def under_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors named `prefix.name`, by name."""
    head = prefix + "."
    return {name[len(head) :]: t for name, t in tensors.items() if name.startswith(head)}


def optimizer_tensors(module: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """An optimiser's memory as `parameter name.field` -> tensor."""
    return {
        f"{name}.{field}": value
        for name, parameter in module.named_parameters()
        for field, value in optimizer.state.get(parameter, {}).items()
    }


def restore_optimizer(
    module: nn.Module, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]
) -> None:
    """Give an optimiser the memory that `optimizer_tensors` took from one.

    What is stored for a parameter of another shape is left out: its memory starts anew, as after
    the network has grown.
    """
    for name, parameter in module.named_parameters():
        memory = under_prefix(name, tensors)
        if memory and all(v.shape in (parameter.shape, torch.Size()) for v in memory.values()):
            optimizer.state[parameter] = {
                field: value.clone()
                if field == "step"
                else torch.empty_like(parameter).copy_(value)
                for field, value in memory.items()
            }

"""Checkpoints of a run: safetensors and JSON, complete or absent, never pickle."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from openfloat.errors import BadCheckpoint

CURRENT, PREVIOUS, PARTIAL = "checkpoint", "checkpoint.previous", "checkpoint.partial"


def save_checkpoint(run_dir: Path, state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write a checkpoint; the one before stays until the new one is in its place.

    Args:
        run_dir: the run's folder.
        state: progress, as JSON can hold it.
        tensors: everything else, by name.
    """
    partial, current, previous = (run_dir / name for name in (PARTIAL, CURRENT, PREVIOUS))
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    save_file(
        {name: tensor.detach().contiguous() for name, tensor in tensors.items()},
        partial / "tensors.safetensors",
    )
    (partial / "state.json").write_text(json.dumps(state, indent=1) + "\n")
    if current.exists():
        shutil.rmtree(previous, ignore_errors=True)
        current.rename(previous)
    partial.rename(current)
    shutil.rmtree(previous, ignore_errors=True)


def load_checkpoint(run_dir: Path) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """The newest complete checkpoint of a run, or None for a run that has not begun.

    Raises:
        BadCheckpoint: a file of the checkpoint cannot be read.
    """
    for name in (CURRENT, PREVIOUS):
        folder = run_dir / name
        if not folder.is_dir():
            continue
        try:
            state = json.loads((folder / "state.json").read_text())
            return state, load_file(folder / "tensors.safetensors")
        except (OSError, ValueError, RuntimeError) as error:
            raise BadCheckpoint(f"{folder} cannot be read: {error}") from error
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

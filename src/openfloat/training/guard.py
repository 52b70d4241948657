"""What stops a run whose numbers have gone bad, before they spoil its weights."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from openfloat.drafts import drafted
from openfloat.errors import OpenFloatError


def diverged(
    name: str, parts: Mapping[str, float], batches: Mapping[int, Any], run_dir: Path
) -> OpenFloatError:
    """Keep the samples that broke a run, and say so in one sentence.

    Args:
        name: of the player that diverged.
        parts: its losses.
        batches: samples of this process by the number seen before them.
        run_dir: gets `diverged-00001234.safetensors` for each of them.
    """
    files = [run_dir / f"diverged-{first:08d}.safetensors" for first in batches]
    for file, batch in zip(files, batches.values(), strict=True):
        save_batch(batch, file)
    bad = [part for part, value in parts.items() if not math.isfinite(value)]
    reason = f"{', '.join(bad)} is not a number" if bad else "its gradient is not finite"
    kept = f"the samples are kept in {', '.join(map(str, files))}, and the last checkpoint too"
    return OpenFloatError(
        f"training of {name} diverged ({reason}); {kept}: lower lr and run the same command again"
    )


def save_batch(batch: Any, path: Path) -> None:
    """Write the tensors of a batch, named by the fields that lead to them (`windows.motion`)."""
    named = {name: tensor.detach().cpu().contiguous() for name, tensor in named_tensors(batch)}
    with drafted(path) as draft:
        save_file(named, draft)


def named_tensors(batch: Any, prefix: str = "") -> list[tuple[str, Tensor]]:
    """All tensors of a batch, a tuple with named fields that may hold others."""
    found = []
    for name, value in zip(batch._fields, batch, strict=True):
        if isinstance(value, torch.Tensor):
            found.append((prefix + name, value))
        else:
            found += named_tensors(value, f"{prefix}{name}.")
    return found


def moved(batch: Any, device: torch.device) -> Any:
    """The same batch with its tensors on a device."""
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    return type(batch)(*(moved(value, device) for value in batch))

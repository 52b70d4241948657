"""Averaged weights."""

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn

Module = TypeVar("Module", bound=nn.Module)


def averaged_copy(module: Module) -> Module:
    """A copy in evaluation mode that takes no gradients."""
    return copy.deepcopy(module).eval().requires_grad_(requires_grad=False)


@torch.no_grad()
def update_average(average: nn.Module, module: nn.Module, decay: float) -> None:
    """Move every averaged parameter towards the trained one; buffers are copied.

    Args:
        average: from `averaged_copy`, changed in place.
        module: the trained network.
        decay: what remains of the average, between 0 and 1.
    """
    kept: list[Tensor] = list(average.parameters())
    new: list[Tensor] = list(module.parameters())
    torch._foreach_lerp_(kept, new, 1 - decay)
    for old, buffer in zip(average.buffers(), module.buffers(), strict=True):
        old.copy_(buffer)

"""Gradient checkpointing: layers are computed again in the backward pass, not kept."""

from functools import partial

from torch import nn
from torch.utils.checkpoint import checkpoint


def recompute_layers(module: nn.Module) -> None:
    """Let every entry of the module's lists and dictionaries of layers be computed twice.

    Those are the blocks that networks here are stacks of; what is inside of one is not wrapped
    again, unless its parts are called one by one. Gradients stay the same. Calling it again changes
    nothing.

    Args:
        module: changed in place; make copies of it before.
    """
    for child in module.children():
        if isinstance(child, nn.ModuleList | nn.ModuleDict):
            for layer in child.children():
                _wrap(layer)
        else:
            recompute_layers(child)


def _wrap(layer: nn.Module) -> None:
    if type(layer).forward is nn.Module.forward:  # a holder of layers
        for part in layer.children():
            _wrap(part)
    elif "forward" not in vars(layer):
        twice = partial(checkpoint, layer.forward, use_reentrant=False, preserve_rng_state=False)
        layer.forward = twice

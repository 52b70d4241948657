"""Making networks and optimisers for a run: seeded starts, and starts from a smaller network."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from openfloat.training.config import TrainConfig


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Initial weights made inside depend on the seed alone; the caller's generator is untouched."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def optimizer_for(module: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """AdamW over what the module trains; without weight decay this is Adam (the paper's)."""
    return torch.optim.AdamW(
        [parameter for parameter in module.parameters() if parameter.requires_grad],
        lr=config.lr,
        betas=(config.betas[0], config.betas[1]),
        weight_decay=config.weight_decay,
    )

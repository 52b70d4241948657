"""Flow times: the grid that sampling walks and the draws that training takes."""

import torch
from jaxtyping import Float
from torch import Tensor


def uniform_grid(
    steps: int, *, device: torch.device | None = None, dtype: torch.dtype = torch.float32
) -> Float[Tensor, " n"]:
    """The `steps + 1` evenly spaced times from 0 to 1.

    Raises:
        ValueError: fewer than one step.
    """
    if steps < 1:
        raise ValueError(f"steps={steps} is less than 1")
    return torch.linspace(0, 1, steps + 1, device=device, dtype=dtype)


def draw_times(
    count: int, generator: torch.Generator, *, stratified: bool = False
) -> Float[Tensor, " b"]:
    """Times drawn uniformly from [0, 1), on the generator's device.

    Args:
        count: how many.
        generator: the only source of chance.
        stratified: one time from each of `count` equal parts of [0, 1), in random order: each time
            is still uniform, but a small batch covers the whole range (paper: plain draws).
    """
    device = generator.device
    draws = torch.rand(count, generator=generator, device=device)
    if not stratified:
        return draws
    part = torch.randperm(count, generator=generator, device=device)
    # Rounding may lift the sum of the last part to exactly 1.
    return ((part + draws) / count).clamp(max=1 - torch.finfo(draws.dtype).eps)

"""Flow warp: take the source's features from somewhere else.

Positions are (x, y) in [-1, 1] where -1 and 1 are the outer edges of the border pixels, as
`grid_sample` with `align_corners=False` reads them; outside lie zeros, or the border goes on.
"""

import torch
import torch.nn.functional as F
from einops import rearrange

from openfloat.shapes import Float, Grid, Tensor


def full_precision(x: Tensor) -> Tensor:
    """At least float32: half types cannot name one of 512 positions."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def sampling_grid(offsets: Float[Tensor, "b 2 h w"]) -> Grid:
    """Offsets (x, y) from a regular mesh of linspace(-1, 1) positions.

    The mesh puts the centres of the border pixels on -1 and 1, which `warp` reads as their outer
    edges: offset 0 stretches by half a pixel at each border. The released weights were trained
    so (specification, section 3). A pixel's own place is offset -mesh / size.
    """
    height, width = offsets.shape[-2:]
    device, dtype = offsets.device, offsets.dtype
    x = torch.linspace(-1, 1, width, device=device, dtype=dtype).expand(height, width)
    y = torch.linspace(-1, 1, height, device=device, dtype=dtype)[:, None].expand(height, width)
    return rearrange(offsets + torch.stack((x, y)), "b two h w -> b h w two")


def warp(
    features: Float[Tensor, "p c i j"], grid: Grid, *, edge_goes_on: bool = False
) -> Float[Tensor, "b c h w"]:
    """Features at the grid's positions, bilinear; in the features' type.

    Features of batch p = 1 serve a grid of any batch b; else p = b.

    Args:
        features: maps to look things up in.
        grid: where.
        edge_goes_on: beyond the border lies what lies on it; else zeros.
    """
    source = full_precision(features).expand(len(grid), -1, -1, -1)
    places = full_precision(grid)
    if edge_goes_on:  # torch crashes on places that are no numbers; features are none there anyway
        places = torch.nan_to_num(places)
    found = F.grid_sample(source, places, padding_mode=padding(edge_goes_on), align_corners=False)
    return found.to(features.dtype)


def padding(edge_goes_on: bool) -> str:
    """What `grid_sample` calls it."""
    return "border" if edge_goes_on else "zeros"

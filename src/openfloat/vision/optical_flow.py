"""How one picture became another: where each pixel came from, by the slopes of grey."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

SIDES = (32, 64, 128)
"""Pixels of the pyramid on which motion is searched for; the last is what comes out."""
ROUNDS = 3
"""Steps of the search at each side; one moves by a pixel at most."""
WINDOW, TOUCH_UP = 3, 1
"""Half widths of the boxes, in pixels of the pyramid, that share a motion and that smooth it."""
STIFFNESS = 3e-4
"""Squared slope (grey, 0 ... 1) below which a place counts as flat and stays where it is."""

Flow = Float[Tensor, "1 2 s s"]


def motion_between(rest: list[Tensor], frame: list[Tensor]) -> Flow:
    """Where in one picture each pixel of another comes from (Lucas and Kanade, coarse to fine).

    Args:
        rest: grey pyramid of the picture that is looked up, (1 1 side side) for each of `SIDES`.
        frame: the same of the picture whose pixels are explained.

    Returns:
        (x, y) offsets in pixels of the last side; 0 where both are flat.
    """
    flow = rest[0].new_zeros(1, 2, SIDES[0], SIDES[0])
    for old, new in zip(rest, frame, strict=True):
        side = new.shape[-1]
        if side > flow.shape[-1]:
            flow = F.interpolate(flow, size=(side, side), mode="bilinear") * 2
        for _ in range(ROUNDS):
            flow = flow + _towards(bend(old, flow), new)
        flow = box_blur(flow, TOUCH_UP)
    return flow


def _towards(bent: Float[Tensor, "1 1 s s"], new: Float[Tensor, "1 1 s s"]) -> Flow:
    """One least-squares step in every window."""
    wide = F.pad(bent, (1, 1, 1, 1), mode="replicate")[0, 0]
    x = (wide[1:-1, 2:] - wide[1:-1, :-2]) / 2
    y = (wide[2:, 1:-1] - wide[:-2, 1:-1]) / 2
    missing = (new - bent)[0, 0]
    products = torch.stack([x * x, x * y, y * y, x * missing, y * missing])[None]
    xx, xy, yy, xd, yd = box_blur(box_blur(products, WINDOW), WINDOW)[0]
    xx, yy = xx + STIFFNESS, yy + STIFFNESS
    step = torch.stack([yy * xd - xy * yd, xx * yd - xy * xd]) / (xx * yy - xy * xy)
    return step.clamp_(-1, 1)[None]


def bend(image: Float[Tensor, "1 c s s"], flow: Flow) -> Float[Tensor, "1 c s s"]:
    """The picture read at each pixel's own place plus the flow, in pixels."""
    height, width = image.shape[-2:]
    grid = mesh(height, width) + flow.permute(0, 2, 3, 1) * (2 / width)
    return F.grid_sample(image, grid, padding_mode="border", align_corners=False)


def mesh(height: int, width: int) -> Float[Tensor, "1 h w 2"]:
    """Each pixel's own place, (x, y) in [-1, 1] from edge to edge."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)[None]


def pyramid(pixels: Float[Tensor, "1 3 s s"]) -> list[Tensor]:
    """Grey, 0 ... 1, at each of `SIDES`."""
    grey = pixels.mean(1, keepdim=True) / 255
    return [F.interpolate(grey, size=(side, side), mode="area") for side in SIDES]


def box_blur(x: Float[Tensor, "1 c h w"], reach: int) -> Float[Tensor, "1 c h w"]:
    """Mean over 2 * reach + 1 pixels each way, border pixels repeated, by running sums."""
    window = 2 * reach + 1
    for dim, pad in ((-1, (reach + 1, reach, 0, 0)), (-2, (0, 0, reach + 1, reach))):
        sums = F.pad(x, pad, mode="replicate").cumsum(dim)
        length = sums.shape[dim] - window
        x = (sums.narrow(dim, window, length) - sums.narrow(dim, 0, length)) / window
    return x

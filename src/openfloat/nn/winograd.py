"""3x3 convolution with a quarter of the multiplications: Winograd's, F(4x4, 3x3).

Lavin and Gray, Fast algorithms for convolutional neural networks (2016), section 4.3.
Tiles of 6x6 pixels are brought to where convolution is a product in each of 36 places; there a
layer is 36 dense matrix products. It pays where channels are many: bringing tiles there and back
costs a fixed amount for each channel, what it saves grows with their number.
"""

import torch
import torch.nn.functional as F

from openfloat.nn.equalised import NEGATIVE_SLOPE
from openfloat.shapes import Float, Tensor

TILE = 4
"""Pixels out, each way; 6 go in."""
PLACES = (TILE + 2) ** 2
TILES_AT_ONCE = 2**14
"""Numbers of one place that are brought over at once: they stay in the cache."""
_TO_PLACES = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
_KERNEL = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
_BACK = (
    (1, 1, 1, 1, 1, 0),
    (0, 1, -1, 2, -2, 0),
    (0, 1, 1, 4, 4, 0),
    (0, 1, -1, 8, -8, 1),
)


def transformed(weight: Float[Tensor, "o i 3 3"]) -> Float[Tensor, "36 i o"]:
    """A kernel as `convolved` takes it."""
    kernel = weight.new_tensor(_KERNEL, dtype=torch.float64)
    places = torch.einsum("ay,bx,oiyx->abio", kernel, kernel, weight.double())
    return places.reshape(PLACES, *places.shape[2:]).to(weight.dtype).contiguous()


def convolved(
    x: Float[Tensor, "n h w i"],
    weight: Float[Tensor, "36 i o"],
    scale: Float[Tensor, "n 1 1 i"],
    norm: Float[Tensor, "n o"],
    bias: Float[Tensor, " o"],
    *,
    rows_around: int = 1,
) -> Float[Tensor, "n _ w o"]:
    """Leaky ReLU of norm * (kernel over scale * x) + bias, channels last, zeros outside.

    Args:
        x: maps; the height and width that come out are multiples of four.
        weight: the kernel from `transformed`.
        scale: of each map's channels in.
        norm: of each map's channels out.
        bias: of the channels out.
        rows_around: 1 for all rows, with zeros around; 0 for those that have neighbours.
    """
    count, height, width, channels = x.shape
    height += 2 * rows_around - 2
    down, across, outputs = height // TILE, width // TILE, weight.shape[-1]
    padded = x.new_empty(count, height + 2, width + 2, channels)
    for edge in (padded[:, 0], padded[:, -1], padded[:, :, 0], padded[:, :, -1]):
        edge.zero_()
    torch.mul(x, scale, out=padded[:, rows_around : height + 2 - rows_around, 1:-1])
    n, y, c = padded.stride()[:3]
    tiles = padded.as_strided(
        (6, 6, count, down, across, channels), (y, c, n, TILE * y, TILE * c, 1)
    )
    there = x.new_tensor(_TO_PLACES)
    back = x.new_tensor(_BACK)
    out = x.new_empty(count, down, TILE, across, TILE, outputs)
    rows = max(1, TILES_AT_ONCE // (count * across * max(channels, outputs)))
    for first in range(0, down, rows):
        piece = tiles[:, :, :, first : first + rows]
        seen = _both_ways(there, piece.reshape(6, -1), 6).view(PLACES, -1, channels)
        told = _both_ways(back, torch.bmm(seen, weight).view(6, -1), 6)
        told = told.view(TILE, TILE, count, -1, across, outputs)
        torch.addcmul(
            bias,
            told.permute(2, 3, 0, 4, 1, 5),
            norm[:, None, None, None, None],
            out=out[:, first : first + rows],
        )
    return F.leaky_relu_(out.view(count, height, width, outputs), NEGATIVE_SLOPE)


def _both_ways(
    matrix: Float[Tensor, "out given"], tiles: Float[Tensor, "given numbers"], given: int
) -> Tensor:
    """A matrix applied to the rows, then to the columns of tiles (given, given, ...)."""
    half = torch.mm(matrix, tiles).view(len(matrix), given, -1)
    return torch.bmm(matrix.expand(len(matrix), -1, -1), half)

"""Warp of one source by many grids: each pixel's four neighbours as four rows of a table.

The same numbers as `warp`, several times sooner on processor cores where channels are many: a
pixel's channels lie side by side, and one weighted sum of four rows is all that a pixel needs.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange

from openfloat.shapes import Float, Int, Tensor

BEFORE, AFTER = 1, 2
"""Rows and columns of zeros around the map, so that neighbours outside need no question."""


class Neighbours(NamedTuple):
    """Where pixels look."""

    rows: Int[Tensor, "p 4"]
    """Rows of the table."""
    weights: Float[Tensor, "p 4"]


class Table:
    """A source map, one row for each pixel."""

    def __init__(self, source: Float[Tensor, "1 c r r"]) -> None:
        """Lay out a square map."""
        self._size = source.shape[-1]
        self._width = BEFORE + self._size + AFTER
        padded = F.pad(source, (BEFORE, AFTER, BEFORE, AFTER))
        self._table = rearrange(padded, "1 c h w -> (h w) c").contiguous()
        corners = torch.tensor([0, 1, self._width, self._width + 1], device=source.device)
        self._corners = (corners + BEFORE * (self._width + 1)).int()

    def neighbours(
        self, places: Float[Tensor, "n 2 h w"], amount: Float[Tensor, "n 1 h w"]
    ) -> Neighbours:
        """What bilinear interpolation takes.

        Args:
            places: (x, y) in pixels, 0 the first one's centre; written over.
            amount: a factor on what is taken.
        """
        places.clamp_(-BEFORE, self._size)
        corner = places.floor()
        after = places.sub_(corner)
        before = 1 - after
        x, y = corner.int().unbind(dim=1)
        first = torch.add(x, y, alpha=self._width)
        above, below = (before[:, 1:] * amount, after[:, 1:] * amount)
        left, right = before[:, :1], after[:, :1]
        weights = torch.cat((above * left, above * right, below * left, below * right), dim=1)
        return Neighbours(
            (first[..., None] + self._corners).view(-1, 4),
            rearrange(weights, "n four h w -> (n h w) four").contiguous(),
        )

    def __call__(self, neighbours: Neighbours) -> Float[Tensor, "p c"]:
        """Weighted sums of the neighbours' channels."""
        return F.embedding_bag(
            neighbours.rows, self._table, mode="sum", per_sample_weights=neighbours.weights
        )

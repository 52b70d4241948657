"""Levels of the fast decoder: one resolution each, for one portrait."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange, repeat

from openfloat.models.encoder import SourceMap
from openfloat.models.fast_layers import HALO, Convolution, Head, Maps, Style, pointwise
from openfloat.models.synthesis import SynthesisLevel
from openfloat.nn.equalised import ACTIVATION_GAIN, NEGATIVE_SLOPE
from openfloat.nn.filters import blur_kernel
from openfloat.nn.gather import Table
from openfloat.nn.warp import padding, sampling_grid
from openfloat.nn.winograd import TILE
from openfloat.shapes import Float, Tensor

FLOWS, COLOURS = 3, 3
"""Planes of a frame's state: offsets (x, y) and mask before the sigmoid, then red, green, blue."""
STRIP = 2**19
"""Numbers in a strip of a level's maps."""
STRIPS_FROM = 128
"""Resolution from which levels are done strip by strip, one frame at a time."""
State = Float[Tensor, "n 6 r r"]
"""Sums of the heads so far; offsets count double, since tanh(x) = 2 sigmoid(2 x) - 1."""
NextState = Float[Tensor, "n 6 _ _"]
NextMaps = Float[Tensor, "n _ _ _"]


class Styles(NamedTuple):
    """What a level makes of some frames' styles."""

    up: Style
    conv: Style
    head: Float[Tensor, "n o i"]

    def of(self, frames: slice) -> "Styles":
        """Those of some frames."""
        return Styles(self.up.of(frames), self.conv.of(frames), self.head[frames])


class LevelWeights:
    """`SynthesisLevel` made ready for any portrait."""

    def __init__(self, level: SynthesisLevel, resolution: int, *, short: bool) -> None:
        """Fold scales and gains.

        Args:
            level: the trained one.
            resolution: of its maps.
            short: 8-bit numbers where they are quicker.
        """
        self.resolution, self.edge_goes_on = resolution, level.edge_goes_on
        self.up = Convolution(level.up, resolution // 2, short=short)
        self.conv = Convolution(level.conv, resolution, short=short)
        self.head = Head(level.flow, level.paint)
        colour = level.colour
        gain = ACTIVATION_GAIN / math.sqrt(colour.conv.weight.shape[1])
        self.to_colours = colour.conv.weight[:, :, 0, 0] * gain
        self.activation_bias = colour.activation_bias[:, None, None] * ACTIVATION_GAIN
        self.bias = colour.bias[:, None, None].clone()
        kernel = blur_kernel(self.bias) * 4
        self._doubling = repeat(kernel, "y x -> n 1 y x", n=FLOWS + COLOURS).contiguous()

    @property
    def modulations(self) -> tuple[tuple[Tensor, Tensor], ...]:
        """Weight and bias that make scales of a latent, for each layer."""
        return self.up.modulation, self.conv.modulation, self.head.modulation

    def styles(self, up: Tensor, conv: Tensor, head: Tensor) -> Styles:
        """Of the layers' scales (n i)."""
        return Styles(self.up.style(up), self.conv.style(conv), self.head.weights(head))

    def doubled(self, state: State) -> NextState:
        """The state of the level below at this resolution."""
        return F.conv_transpose2d(
            state, self._doubling, stride=2, padding=1, groups=FLOWS + COLOURS
        )

    def add_colours(
        self, state: State, colours: Tensor, mask: Float[Tensor, "n 1 r r"], told: Tensor
    ) -> None:
        """Put into the state what the source's masked colours and the paint add.

        Args:
            state: written over.
            colours: of the source, with gain and activation bias; written over.
            mask: 1 where the source is taken.
            told: by the heads.
        """
        image = state[:, FLOWS:]
        image.add_(F.leaky_relu_(colours, NEGATIVE_SLOPE)).add_(self.bias)
        if told.shape[1] > FLOWS:
            image.addcmul_(1 - mask, told[:, FLOWS:])


def in_colours(source: SourceMap, weights: LevelWeights) -> Float[Tensor, "1 3 r r"]:
    """The source as its colours, before they are warped and masked: both commute."""
    pixels, nothing = rearrange(source, "1 c h w -> 1 h w c"), source.new_zeros(3, 1)
    return pointwise(pixels, weights.to_colours[None], nothing)


class Level:
    """All levels but the last, for one source."""

    def __init__(self, weights: LevelWeights, source: SourceMap) -> None:
        """Lay out the source, and where its pixels lie."""
        self.resolution, self._weights = weights.resolution, weights
        self._table = Table(source)
        self._colours = Table(in_colours(source, weights))
        mesh = sampling_grid(source.new_zeros(1, 2, self.resolution, self.resolution))
        # sampling_grid's -1 is the border pixel's outer edge; offsets are 2 sigmoid - 1
        self._places = rearrange(mesh * self.resolution - 1, "1 h w two -> 1 two h w") / 2

    def __call__(self, hidden: Maps, state: State, styles: Styles) -> tuple[NextMaps, NextState]:
        """The next hidden features and state, twice as wide and high."""
        weights, size = self._weights, self.resolution
        state = weights.doubled(state)
        if size < STRIPS_FROM:
            hidden = weights.conv(weights.up(hidden, styles.up), styles.conv)
            told = pointwise(hidden, styles.head, weights.head.bias)
            return self._blended(hidden, state, told, slice(0, size)), state
        out = hidden.new_empty(1, size, size, len(weights.conv.bias))
        for rows, made, told in strips(weights, hidden, styles):
            out[:, rows] = self._blended(made, state[:, :, rows], told, rows)
        return out, state

    def _blended(self, hidden: Maps, state: Tensor, told: Tensor, rows: slice) -> NextMaps:
        """Some rows of hidden features with the warped source's, where the mask takes it.

        Args:
            hidden: the level's own (n rows r c).
            state: those rows of the state (n 6 rows r); what the level adds is added to it.
            told: by the heads (n o rows r).
            rows: which they are.
        """
        weights, size = self._weights, self.resolution
        decided = state[:, :FLOWS].add_(told[:, :FLOWS]).sigmoid()
        mask = decided[:, 2:]
        places = torch.add(self._places[:, :, rows], decided[:, :2], alpha=size)
        if weights.edge_goes_on:
            places = places.clamp_(0, size - 1)
        seen = self._table.neighbours(places, mask)
        colours = rearrange(
            self._colours(seen).view(*hidden.shape[:3], -1), "n h w three -> n three h w"
        )
        weights.add_colours(state, colours + weights.activation_bias, mask, told)
        kept = 1 - mask.view(*hidden.shape[:3], 1)
        return self._table(seen).view(hidden.shape).addcmul_(hidden, kept)


class LastLevel:
    """The last level, whose hidden features nobody asks for: one frame, strip by strip."""

    def __init__(self, weights: LevelWeights, source: SourceMap) -> None:
        """Bring the source to colours, since they commute with the warp."""
        self.resolution, self._weights = weights.resolution, weights
        self._source = in_colours(source, weights)
        mesh = sampling_grid(source.new_zeros(1, 2, self.resolution, self.resolution))
        self._mesh = mesh - 1

    def __call__(
        self, hidden: Float[Tensor, "1 h w c"], state: State, styles: Styles
    ) -> Float[Tensor, "1 3 _ _"]:
        """The picture."""
        weights = self._weights
        told = hidden.new_empty(1, styles.head.shape[1], self.resolution, self.resolution)
        for rows, _, part in strips(weights, hidden, styles):
            told[:, :, rows] = part
        state = weights.doubled(state)
        decided = state[:, :FLOWS].add_(told[:, :FLOWS]).sigmoid()
        mask = decided[:, 2:]
        grid = self._mesh + 2 * rearrange(decided[:, :2], "1 two h w -> 1 h w two")
        warped = F.grid_sample(
            self._source, grid, padding_mode=padding(weights.edge_goes_on), align_corners=False
        )
        colours = torch.addcmul(weights.activation_bias, warped, mask)
        weights.add_colours(state, colours, mask, told)
        return state[:, FLOWS:]


def strips(
    weights: LevelWeights, hidden: Float[Tensor, "1 h w c"], styles: Styles
) -> Iterator[tuple[slice, Float[Tensor, "1 _ r o"], Float[Tensor, "1 _ _ r"]]]:
    """A level's hidden features of one frame, some rows at a time: they stay in the cache.

    Args:
        weights: of the level.
        hidden: features of the level below.
        styles: of one frame.

    Returns:
        Which rows, their features, and what the heads make of them.
    """
    up, conv, size = weights.up, weights.conv, weights.resolution
    up_weight = up.weight(styles.up, rows_around=0)
    conv_weight = conv.weight(styles.conv, rows_around=0)
    count = min(size, max(8, STRIP // (size * len(conv.bias)) // TILE * TILE))
    for first in range(0, size, count):
        last = min(first + count, size)
        x = up.strip(_rows(hidden, first // 2 - HALO, last // 2 + HALO), styles.up, up_weight)
        if first == 0:
            x[:, 0] = 0
        if last == size:
            x[:, -1] = 0
        x = conv.strip(x, styles.conv, conv_weight)
        yield slice(first, last), x, pointwise(x, styles.head, weights.head.bias)


def _rows(x: Float[Tensor, "1 h w c"], first: int, last: int) -> Float[Tensor, "1 _ w c"]:
    """Rows of a map, zeros above and below it."""
    above, below = max(0, -first), max(0, last - x.shape[1])
    inside = x[:, first + above : last - below]
    return F.pad(inside, (0, 0, 0, 0, above, below)) if above or below else inside

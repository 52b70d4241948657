"""Convolutions of 8-bit numbers: twice as many a second on processor cores without AVX-512.

Weights take 7 bits, since such cores add products in pairs and would run over; they have a scale
for each channel out. Maps take 8 bits, with scale and zero of their own in each call: nothing has
to be calibrated. What comes out is float32.
"""

import warnings
from typing import NamedTuple

import torch
from einops import rearrange

from openfloat.shapes import Float, Int, Tensor, UInt8

WEIGHT_LEVELS, MAP_LEVELS = 63, 255
_ZERO = 1
"""Any other than 0: that maps have a zero point is told beforehand, which one with each call."""


class ShortMaps(NamedTuple):
    """Maps as 8-bit numbers."""

    numbers: UInt8[Tensor, "n c h w"]
    scale: float
    zero: int

    def rows(self, first: int, last: int) -> "ShortMaps":
        """Some rows of them."""
        return ShortMaps(self.numbers[:, :, first:last], self.scale, self.zero)


class ShortWeight(NamedTuple):
    """A kernel as 8-bit numbers in the order that the processor likes."""

    packed: Tensor
    scales: Float[Tensor, " o"]
    zeros: Int[Tensor, " o"]


def no_warning() -> None:
    """Use up torch's one warning that its 8-bit tensors will go: the version is bounded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.quantize_per_tensor(torch.zeros(1), 1.0, 0, torch.quint8)


def shortened(x: Float[Tensor, "n h w c"]) -> ShortMaps:
    """Contiguous maps as 8-bit numbers between the least and the greatest of them, and zero."""
    low, high = (float(bound) for bound in torch.aminmax(x))
    low, high = min(low, 0.0), max(high, 1e-12)
    scale = (high - low) / MAP_LEVELS
    zero = round(-low / scale)
    quantised = torch.quantize_per_tensor(x, scale, zero, torch.quint8)
    numbers = torch.empty(0, dtype=torch.uint8)
    numbers.set_(quantised.untyped_storage(), 0, quantised.shape, quantised.stride())
    return ShortMaps(rearrange(numbers, "n h w c -> n c h w"), scale, zero)


def packed(weight: Float[Tensor, "o i y x"], padding: tuple[int, int]) -> ShortWeight:
    """A kernel for `convolved`, to be used with the same padding."""
    scales = weight.abs().amax(dim=(1, 2, 3)).clamp_(min=1e-12) / WEIGHT_LEVELS
    numbers = (weight / scales[:, None, None, None]).round_().to(torch.int8)
    ready = torch.ops.onednn.qconv_prepack(
        numbers, scales, 1.0, _ZERO, [1, 1], list(padding), [1, 1], 1, None
    )
    return ShortWeight(ready, scales, torch.zeros(len(scales), dtype=torch.int32))


def convolved(
    x: ShortMaps, weight: ShortWeight, padding: tuple[int, int], bias: Tensor | None = None
) -> Float[Tensor, "n _ _ o"]:
    """The convolution in float32, channels last."""
    out = torch.ops.onednn.qconv2d_pointwise(
        x.numbers, x.scale, x.zero, weight.packed, weight.scales, weight.zeros, bias,
        [1, 1], list(padding), [1, 1], 1, 1.0, 0, torch.float32, "none", [], "",
    )  # fmt: skip
    return rearrange(out, "n o h w -> n h w o")


def phases(kernel: Float[Tensor, "o i 3 3"]) -> tuple[Float[Tensor, "o i _ _"], ...]:
    """Kernels of the four kinds of pixels that a transposed convolution of stride 2 makes.

    Even rows and columns hear of two pixels that way, odd ones of one: even-even (2 x 2), even-odd
    (2 x 1), odd-even (1 x 2), odd-odd (1 x 1).
    """
    even, odd = [2, 0], [1]
    return tuple(kernel[:, :, y][..., x].contiguous() for y in (even, odd) for x in (even, odd))


def phase_padding(rows_around: int) -> tuple[tuple[int, int], ...]:
    """What each phase's convolution adds around: rows as asked for, columns always."""
    return (rows_around, 1), (rows_around, 0), (0, 1), (0, 0)


def doubled(
    x: ShortMaps, weights: tuple[ShortWeight, ...], rows_around: int
) -> Float[Tensor, "n _ _ o"]:
    """A transposed convolution of stride 2, kernel 3.

    Args:
        x: maps in, h rows.
        weights: of the four phases, packed for the same rows around.
        rows_around: 1 for all 2 h + 1 rows; 0 for those from row 2 to row 2 h - 2.
    """
    height, width = x.numbers.shape[-2:]
    inner = x if rows_around else x.rows(1, height - 1)
    rows = 2 * height + 1 if rows_around else 2 * height - 3
    out = torch.empty(len(x.numbers), rows, 2 * width + 1, len(weights[0].scales))
    parts = (x, x, inner, inner)
    around = phase_padding(rows_around)
    for number, (part, weight, padding) in enumerate(zip(parts, weights, around, strict=True)):
        out[:, number // 2 :: 2, number % 2 :: 2] = convolved(part, weight, padding)
    return out

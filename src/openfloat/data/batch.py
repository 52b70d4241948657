"""What one step of phase 1 sees."""

from typing import NamedTuple

from openfloat.shapes import Bool, Float, Image, Mask, Tensor


class PairBatch(NamedTuple):
    """Pairs of pictures, each pair of one person."""

    source: Image
    driving: Image
    controls_source: Float[Tensor, "b n"]
    """Controls of the source picture as coefficients, in CONTROLS' order; 0 where not known."""
    controls_driving: Float[Tensor, "b n"]
    supervised: Bool[Tensor, " b"]
    """False for real clips: controls and grid are not known."""
    grid: Float[Tensor, "b g g 2"]
    """Where in the source each driving pixel comes from, as shapes.Grid."""
    visible: Float[Tensor, "b 1 g g"]
    """1 where that is meaningful: not inside an opened mouth, not on new eyelids."""
    region: Mask
    """1 inside mouth and eyes of the driving picture."""

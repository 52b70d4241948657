"""From a network's pictures to bytes."""

from jaxtyping import UInt8

from openfloat.finite import finite
from openfloat.shapes import Image, Tensor


def rgb_bytes(images: Image) -> UInt8[Tensor, "b h w 3"]:
    """Pictures (b 3 h w) in [-1, 1] as RGB bytes, what lies outside cut off; contiguous.

    Raises:
        NotFinite: a colour is no number, which would be black and go unseen.
    """
    finite("decoding", images)
    levels = images.clamp(-1, 1).add_(1).mul_(127.5).round_().byte()
    return levels.permute(0, 2, 3, 1).contiguous()

"""Resampling without aliases: the [1, 3, 3, 1] filter of StyleGAN2 before or after a factor of two.

The kernel is computed where it is used, from nothing but the device and the type of the input:
four numbers are no state, and a network built on the meta device lacks nothing after loading.
"""

import torch
import torch.nn.functional as F

from openfloat.shapes import FeatureMap, Float, Tensor


def blur_kernel(like: Tensor) -> Float[Tensor, "4 4"]:
    """[1, 3, 3, 1] times its transpose over 64, of the device and type of `like`; its sum is 1."""
    step = torch.arange(4, device=like.device, dtype=like.dtype)
    row = (1 + step * (3 - step)) / 8
    return row[:, None] * row


def blur(
    x: FeatureMap, *, padding: int, stride: int = 1, gain: float = 1.0
) -> Float[Tensor, "b c y x"]:
    """Smooth each channel by the 4x4 kernel.

    Args:
        x: feature maps.
        padding: zeros on every side; the output loses 3 rows and columns and gains 2 * padding.
        stride: keep every stride-th pixel only.
        gain: factor on the result; 4 where zeros were inserted between pixels.
    """
    channels = x.shape[1]
    kernel = (blur_kernel(x) * gain).expand(channels, 1, 4, 4)
    return F.conv2d(x, kernel, stride=stride, padding=padding, groups=channels)


def upsample(x: FeatureMap) -> Float[Tensor, "b c y x"]:
    """Twice the height and width: zeros between pixels, then the blur with gain 4.

    Inside it equals bilinear interpolation; what lies outside the map counts as zero.
    """
    doubled = F.interpolate(F.pad(x, (1, 1, 1, 1)), scale_factor=2, mode="bilinear")
    return doubled[:, :, 2:-2, 2:-2]

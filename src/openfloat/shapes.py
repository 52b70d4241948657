"""Axis letters and tensor types, in one place.

b clips or pictures   t video frames   s audio samples   c feature channels   h w rows, columns
d latent width        m motion directions   f motion width of the vector field (d or m)
p past frames         k past and window frames together
a speech width        e emotions
"""

from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

Image = Float[Tensor, "b 3 h w"]
"""Pictures, RGB in [-1, 1]."""
FeatureMap = Float[Tensor, "b c h w"]
Latent = Float[Tensor, "b d"]
"""Identity, motion, or their sum."""
Coefficients = Float[Tensor, "b m"]
"""Coordinates along the motion directions."""
Grid = Float[Tensor, "b h w 2"]
"""Sampling positions (x, y) in [-1, 1]; -1 and 1 are the outer edges of the border pixels."""
Mask = Float[Tensor, "b 1 h w"]
Time = Float[Tensor, " b"]
Motion = Float[Tensor, "b t f"]
Speech = Float[Tensor, "b t a"]
Waveform = Float[Tensor, "b s"]
"""Mono sound at 16 kHz."""
Emotion = Float[Tensor, "b e"]
"""Weights of the seven emotions, sum 1 (or all zero: no emotion given)."""
Pose = Float[Tensor, "b t 6"]
"""Head pose: yaw, pitch, roll, x, y and scale as motion coefficients."""
Frames = UInt8[Tensor, "t h w 3"]
"""Finished video frames, RGB bytes."""

__all__ = [
    "Bool", "Coefficients", "Emotion", "FeatureMap", "Float", "Frames", "Grid", "Image", "Int",
    "Latent", "Mask", "Motion", "Pose", "Speech", "Tensor", "Time", "UInt8", "Waveform",
]  # fmt: skip

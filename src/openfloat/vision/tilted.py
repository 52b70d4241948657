"""Squares of a picture that are turned by the tilt of a head, at the picture's own sharpness."""

import math

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image

from openfloat.options import FillName
from openfloat.vision.geometry import Box, cut


def surroundings(box: Box) -> Box:
    """The square about the same middle that holds a square however it is turned."""
    reach = 2 * math.ceil(0.25 * box.width) if box.width else 0
    return Box(box.left - reach, box.top - reach, box.right + reach, box.bottom + reach)


def upright_square(
    image: UInt8[ndarray, "h w 3"], box: Box, roll: float, fill: FillName
) -> UInt8[ndarray, "s s 3"]:
    """The content of a square that is turned about its middle, upright.

    Args:
        image: the picture.
        box: the square before it is turned, in whole pixels; may leave the picture.
        roll: degrees by which its content is turned clockwise in the picture.
        fill: what stands outside of the picture.
    """
    around = surroundings(box)
    pixels = Image.fromarray(cut(image, around, fill))
    turned = np.asarray(pixels.rotate(roll, Image.Resampling.BICUBIC))
    border, side = int(box.left - around.left), int(box.width)
    return turned[border : border + side, border : border + side].copy()

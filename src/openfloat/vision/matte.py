"""Where a photo shows the person: a soft matte of head and shoulders, without a network.

No segmentation network comes with the package. The face says where the person surely is (face,
neck, the middle of the shoulders) and surely is not (far beside and above the head); a random
walker over the colours decides in between, and a guided filter brings its answer to the photo's
own edges. It is good where the background differs in colour from hair and clothes; it is not good
at loose hair, and takes what touches the shoulders for the person.
"""

import warnings

import numpy as np
from jaxtyping import Float32, Float64
from numpy import ndarray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter, uniform_filter
from skimage.segmentation import random_walker

from openfloat.errors import NoFaceFound
from openfloat.vision.face import Face, RgbImage
from openfloat.vision.paste import full_size

WORKING_SIDE = 200
"""Pixels of the longer side in which the walker walks."""
EDGE_WEIGHT = 1500.0
"""How strongly a change of colour stops the walker."""
SHOULDER_WIDTH = 0.75
"""Of the surely covered part of the chest on either side of its middle, in face widths."""
REACH = 0.012
"""Radius of the guided filter, share of the longer side."""
SHARPNESS = 1e-4
EVEN = 0.5
PERSON, BACKGROUND = 1, 2

Matte = Float32[ndarray, "h w"]


def person_matte(picture: RgbImage, face: Face | None) -> Matte:
    """(h, w) 1 where the picture shows the person, 0 where the background.

    Args:
        picture: RGB bytes.
        face: the person's.

    Raises:
        NoFaceFound: there is none to go by.
    """
    if face is None:
        raise NoFaceFound("a background can be changed only where a face was looked for")
    height, width = picture.shape[:2]
    scale = min(1.0, WORKING_SIDE / max(height, width))
    size = max(round(width * scale), 8), max(round(height * scale), 8)
    small = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
    colours = gaussian_filter(small.astype(np.float64) / 255, (0.7, 0.7, 0))
    seeds = _seeds(face.points * scale, size)
    if not (seeds == BACKGROUND).any():
        return np.ones((height, width), np.float32)
    with warnings.catch_warnings():
        # answers a little beyond 0 and 1 are cut off below
        warnings.simplefilter("ignore", UserWarning)
        sure = random_walker(
            colours, seeds, beta=EDGE_WEIGHT, mode="cg_j", channel_axis=-1, return_full_prob=True
        )[0]
    grown = Image.fromarray((sure > EVEN).astype(np.float32)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    guide = picture.astype(np.float32).mean(axis=-1) / 255
    return _guided(np.asarray(grown).clip(0, 1), guide, max(2, round(REACH * max(size) / scale)))


def full_matte(picture: RgbImage, face: Face | None) -> Matte:
    """`person_matte` at the size at which the whole picture is shown (`full_size`).

    Raises:
        NoFaceFound: there is no face to go by.
    """
    matte = person_matte(picture, face)
    width, height = full_size(picture)
    if matte.shape[0] > height + 1 or matte.shape[1] > width + 1:
        small = Image.fromarray(matte).resize((width, height), Image.Resampling.BOX)
        matte = np.asarray(small)
    return matte[:height, :width].copy()


def _seeds(points: Float64[ndarray, "478 2"], size: tuple[int, int]) -> ndarray:
    """(h, w) where the walker surely knows: the person, the background, or 0."""
    width, height = size
    left, top = points.min(axis=0)
    right, bottom = points.max(axis=0)
    x, y, wide, high = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
    seeds = Image.new("L", size)
    draw = ImageDraw.Draw(seeds)
    # beside and above the head, hair and all; beside the shoulders nothing is sure
    draw.rectangle((0, 0, width, y), fill=BACKGROUND)
    draw.ellipse((x - 0.95 * wide, y - 1.15 * high, x + 0.95 * wide, y + 1.15 * high), fill=0)
    draw.ellipse((left, top - 0.12 * high, right, bottom), fill=PERSON)
    neck = bottom + 0.1 * high
    chest = [(x - 0.25 * wide, y), (x + 0.25 * wide, y), (x + 0.28 * wide, neck)]
    chest += [(x + SHOULDER_WIDTH * wide, height), (x - SHOULDER_WIDTH * wide, height)]
    draw.polygon([*chest, (x - 0.28 * wide, neck)], fill=PERSON)
    return np.asarray(seeds).astype(np.int32)


def _guided(matte: Matte, guide: Matte, radius: int) -> Matte:
    """A matte whose edges are where the guide's are (He, Sun and Tang's guided filter)."""

    def mean(values: Matte) -> Matte:
        return np.asarray(uniform_filter(values, 2 * radius + 1, mode="nearest"))

    middle, level = mean(guide), mean(matte)
    slope = (mean(guide * matte) - middle * level) / (
        mean(guide * guide) - middle * middle + SHARPNESS
    )
    return (mean(slope) * guide + mean(level - slope * middle)).clip(0, 1).astype(np.float32)

"""How alike two faces look, without a face-embedding network: shape of the bones, and textures."""

import functools
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from openfloat.data.mesh import EYE_RINGS, OUTER_LIP_RING
from openfloat.training.perceptual import RandomPyramid
from openfloat.vision.landmarks import NUM_LANDMARKS

BATCH = 16


class PictureScores(NamedTuple):
    """How alike two pictures are, pixel by pixel."""

    psnr: float
    """dB over all channels."""
    ssim: float
    """Structural similarity, -1 ... 1, mean of the channels, windows of 7 pixels."""


def picture_scores(picture: NDArray[np.uint8], other: NDArray[np.uint8]) -> PictureScores:
    """PSNR and SSIM of two pictures (h, w, 3)."""
    psnr = peak_signal_noise_ratio(picture, other)  # type: ignore[no-untyped-call]
    ssim = structural_similarity(picture, other, channel_axis=2)  # type: ignore[no-untyped-call]
    return PictureScores(float(psnr), float(ssim))


@functools.cache
def _stable_points() -> NDArray[np.int64]:
    """Points that neither speech nor blinks move: at least an eye's breadth off lips and lids."""
    moving = {*OUTER_LIP_RING, *(point for ring in EYE_RINGS for point in ring)}
    return np.array([point for point in range(NUM_LANDMARKS - 10) if point not in moving])


def shape_distance(points: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Root mean square distance of two faces (478, 2) after the best shift, turn and scale.

    In units of the second face's size (root mean square distance from its middle).
    """
    a, b = (p[_stable_points()] - p[_stable_points()].mean(axis=0) for p in (points, other))
    a, b = a[:, 0] + 1j * a[:, 1], b[:, 0] + 1j * b[:, 1]
    fit = np.vdot(a, b) / np.vdot(a, a)
    return float(np.sqrt(np.mean(np.abs(fit * a - b) ** 2) / np.mean(np.abs(b) ** 2)))


@functools.cache
def _pyramid() -> RandomPyramid:
    return RandomPyramid()


@torch.inference_mode()
def appearance_distance(pictures: NDArray[np.uint8], others: NDArray[np.uint8]) -> float:
    """Mean distance of picture pairs (n, h, w, 3) in normalised features of four scales.

    Built like LPIPS, but in a random network: the numbers are no LPIPS and compare with their like
    alone. 0 for equal pictures, up to 2.
    """
    distances = []
    for start in range(0, len(pictures), BATCH):
        both = [
            _pyramid()(torch.from_numpy(p[start : start + BATCH]).permute(0, 3, 1, 2) / 127.5 - 1)
            for p in (pictures, others)
        ]
        for a, b in zip(*both, strict=True):
            unit_a, unit_b = (torch.nn.functional.normalize(x, dim=1, eps=1e-3) for x in (a, b))
            distances.append((unit_a - unit_b).square().sum(dim=1).mean(dim=(1, 2)))
    return float(torch.cat(distances).mean())

"""A camera before the engine's clips: light that changes, tint, blur, noise, compression.

It changes colours alone: every point of a picture stays at its place.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from openfloat.config import FPS

CRF = (16, 28)
"""Constant rate factors of x264, from hardly visible to a video call."""
DRIFT_HZ = (0.03, 0.25)
GAIN, GAIN_DRIFT = 0.08, 0.025
"""Deviation of the logarithm of the exposure between clips, and within one."""
TINT, TINT_DRIFT = 0.03, 0.006
MOST_SIDE, SIDE_DRIFT = 0.22, 0.04
"""Change of light from the middle of the picture to its edge, as a share."""
BLUR_SHARE, MOST_BLUR = 0.5, 0.9
"""Share of clips that are out of focus, and by how many pixels of 256 (deviation)."""
NOISE = (0.3, 3.0)
"""Deviation of the noise at full light, in steps of a byte; two thirds of it in the dark."""


class Camera(NamedTuple):
    """How one clip is taken."""

    gain: NDArray[np.float32]
    """(t, 3) factor on red, green and blue."""
    side: NDArray[np.float32]
    """(t, 2) share by which light grows from the middle to the right and to the lower edge."""
    blur_px: float
    """Standard deviation."""
    noise: float
    """Deviation in steps of a byte."""
    noise_seed: int
    crf: int
    """For the encoder: 0 (lossless) to 51."""


def draw_camera(generator: np.random.Generator, frames: int, size: int) -> Camera:
    """A random camera and light.

    Args:
        generator: decides everything, noise included.
        frames: length of the clip.
        size: height and width of its pictures.
    """
    tint = generator.normal(0, TINT, 3)
    tint_drift = np.stack([_drift(generator, frames) for _ in range(3)], axis=1)
    exposure = generator.normal(0, GAIN) + GAIN_DRIFT * _drift(generator, frames)
    gain = np.exp(exposure[:, None] + (tint - tint.mean()) + TINT_DRIFT * tint_drift)
    angle = generator.uniform(0, 2 * np.pi)
    strength = generator.uniform(0, MOST_SIDE) + SIDE_DRIFT * _drift(generator, frames)
    is_soft = generator.random() < BLUR_SHARE
    blur = float(generator.uniform(0, MOST_BLUR)) * size / 256
    return Camera(
        gain=gain.astype(np.float32),
        side=(strength[:, None] * [np.cos(angle), np.sin(angle)]).astype(np.float32),
        blur_px=blur if is_soft else 0.0,
        noise=float(generator.uniform(*NOISE)),
        noise_seed=int(generator.integers(2**63)),
        crf=int(generator.integers(CRF[0], CRF[1] + 1)),
    )


def take(camera: Camera, image: NDArray[np.uint8], frame: int) -> NDArray[np.uint8]:
    """What the camera makes of one picture.

    Args:
        camera: of the clip.
        image: (s, s, 3) RGB.
        frame: its number in the clip.

    Returns:
        (s, s, 3) RGB; the same for the same arguments.
    """
    size = len(image)
    place = (np.arange(size, dtype=np.float32) + 0.5) / (size / 2) - 1
    across, down = camera.side[frame]
    light = 1 + across * place[None, :, None] + down * place[:, None, None]
    colours = image.astype(np.float32) * light * camera.gain[frame]
    if camera.blur_px:
        colours = gaussian_filter(colours, (camera.blur_px, camera.blur_px, 0), mode="nearest")
    generator = np.random.default_rng((camera.noise_seed, frame))
    noise = generator.standard_normal(image.shape, dtype=np.float32) * np.float32(camera.noise)
    colours += noise * (np.float32(2 / 3) + colours.clip(0, 255) / np.float32(765))
    return (colours + np.float32(0.5)).clip(0, 255).astype(np.uint8)


def _drift(generator: np.random.Generator, frames: int) -> NDArray[np.float64]:
    """(t,) slow random change of about unit deviation: sines of 0.03 to 0.25 Hz."""
    time = np.arange(frames)[:, None] / FPS
    frequency = generator.uniform(*DRIFT_HZ, 4)
    phase = generator.uniform(0, 2 * np.pi, 4)
    return np.sin(2 * np.pi * frequency * time + phase).sum(axis=1) * 2**-0.5

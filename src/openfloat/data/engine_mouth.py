"""What an opened mouth shows: upper teeth on the skull, lower teeth and tongue on the jaw.

Everything is computed in the frontal face's coordinates (eye distances, y down) of each pixel,
then lit by the portrait's own light. Portraits that smile keep their upper teeth's pixels.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool
from numpy.typing import NDArray

from openfloat.data.controls import INDEX
from openfloat.data.engine_paint import Colours, Pictures, Share, smoothed
from openfloat.data.face_rig import MIDDLE, FaceRig
from openfloat.data.face_rig_fields import INNER_PAIRS, JAW_DROP, LIP_RAISE
from openfloat.data.mesh import INNER_LIP_RING, LEFT_UPPER_LID, RIGHT_UPPER_LID
from openfloat.shapes import Float, Tensor

UPPER_TOOTH = 0.085
"""Eye distances that upper teeth reach below the relaxed upper lip."""
TOOTH_LENGTH = 0.16
ARCH = 0.40
"""Half width of the visible teeth."""
CAVITY = np.array([0.17, 0.055, 0.05], dtype=np.float32)
TONGUE = np.array([0.70, 0.34, 0.33], dtype=np.float32)
TOOTH = np.array([0.93, 0.88, 0.80], dtype=np.float32)
GUM = np.array([0.62, 0.33, 0.32], dtype=np.float32)
TOOTH_EDGES = (0.0, 0.14, 0.245, 0.355)
"""Distances from the middle at which one tooth ends and the next begins."""
LIP_SHADE_PX = 2.5
"""Deviation of the shadow that lips throw inwards."""


@dataclass(frozen=True, eq=False)
class Mouth:
    """One portrait's mouth, as it is found in the untouched crop."""

    rig: FaceRig
    light: Colours
    """(3,) colour of white under the portrait's light."""
    middle: float
    """Of the mouth, eye distances from the pivot to the right."""
    lip: float
    """Height of the relaxed upper lip's edge."""
    tooth_edge: float
    """Height at which the upper front teeth end."""

    @property
    def depth(self) -> float:
        """Of the teeth's plane in the frontal face, as a share of the crop."""
        return float(self.rig.teeth[0, 2])


def find_mouth(rig: FaceRig, image: Colours) -> Mouth:
    """Measure lips, teeth and light of the untouched crop (s, s, 3 in shares)."""
    points = rig.frontal / rig.unit
    lip = float(points[13, 1]) + LIP_RAISE * float(rig.base[INDEX["upper_lip_up"]])
    edge = lip + UPPER_TOOTH
    if rig.mouth_is_open:
        gap = float(points[14, 1] - points[13, 1])
        edge = float(points[13, 1]) + min(gap * 0.92, TOOTH_LENGTH)
    return Mouth(
        rig=rig,
        light=find_light(rig, image),
        middle=float(points[[78, 308], 0].mean()),
        lip=lip,
        tooth_edge=edge,
    )


def find_light(rig: FaceRig, image: Colours) -> Colours:
    """Colour of white in the portrait: from the eyes' whites and the brightness of the cheeks."""
    size = len(image)
    places = np.concatenate([
        rig.landmarks[list(lid), :2] * 0.5 + rig.landmarks[[lid[4]], :2] * 0.5
        for lid in (LEFT_UPPER_LID, RIGHT_UPPER_LID)
    ])  # fmt: skip
    cheeks = _colours_at(image, rig.landmarks[[50, 280, 205, 425], :2], size)
    eyes = _colours_at(image, places, size)
    brightness = max(float(np.percentile(eyes.max(axis=1), 80)), float(cheeks.max(axis=1).mean()))
    brightness = float(np.clip(brightness, 0.45, 0.88))
    tint = cheeks.mean(axis=0) / max(float(cheeks.mean()), 1e-3)
    return np.asarray(brightness * (0.85 + 0.15 * tint).clip(0.8, 1.1), dtype=np.float32)


def _colours_at(image: Colours, places: NDArray[np.float32], size: int) -> Colours:
    columns, rows = (places * size).astype(int).clip(0, size - 1).T
    return image[rows, columns]


def paint_mouth(
    mouth: Mouth,
    controls: Float[Tensor, "b 20"],
    positions: Float[Tensor, "b h w 2"],
    opening: Share,
) -> Pictures:
    """Colours of teeth, tongue and cavity.

    Args:
        mouth: the portrait's.
        controls: of each picture, physical.
        positions: each pixel in the frontal face, eye distances about the pivot.
        opening: how far the mouth's opening covers each pixel; shades what is near lips.
    """
    cavity, tongue, tooth, gum, light = (
        torch.from_numpy(colour).to(positions.device)
        for colour in (CAVITY, TONGUE, TOOTH, GUM, mouth.light)
    )
    x, y = positions[..., 0] - mouth.middle, positions[..., 1]
    jaw = JAW_DROP * controls[:, INDEX["jaw_open"], None, None]
    upper_edge = upper_teeth_edge(mouth, x)
    lower_edge = mouth.lip + 0.045 + 0.92 * jaw + 0.03 * (x / ARCH) ** 2
    sides = (1.15 - (x / ARCH) ** 2).clamp(0, 1)[..., None]
    depth = ((y - mouth.lip) / jaw.clamp(min=0.05)).clamp(0, 1)[..., None]
    colours = cavity * (0.45 + 0.75 * depth)
    mound = _tongue(x, y, mouth.lip + 0.62 * jaw, jaw)
    colours = colours + mound[..., None] * (tongue * (0.5 + 0.4 * depth) - colours)
    lower = _below(y, lower_edge) * _below(-y, -(lower_edge + 0.13)) * (x.abs() < ARCH * 0.95)
    ridge = _below(y, lower_edge + 0.1)[..., None]
    lower_teeth = (tooth + ridge * (gum - tooth)) * _gaps(x * 1.25) * 0.72 * sides
    colours = colours + lower[..., None] * (lower_teeth - colours)
    upper = _below(-y, -upper_edge) * ((ARCH * 1.05 - x.abs()) / 0.04).clamp(0, 1)
    upper_teeth = tooth * _gaps(x) * (0.28 + 0.78 * sides)
    colours = colours + upper[..., None] * (upper_teeth - colours)
    near_lips = smoothed(opening, LIP_SHADE_PX)[..., None]
    shade = 0.40 + 0.60 * (near_lips * 1.35 - 0.25).clamp(0, 1)
    return colours * light * shade


def upper_teeth_edge(mouth: Mouth, x: Tensor) -> Tensor:
    """Height at which the upper teeth end, at distances x from the mouth's middle."""
    return mouth.tooth_edge - 0.05 * (x / ARCH) ** 2


def shows_upper_teeth(mouth: Mouth, positions: Float[Tensor, "*b 2"]) -> Bool[Tensor, "*b"]:
    """Which positions in the frontal face, eye distances about the pivot, are upper teeth."""
    x = positions[..., 0] - mouth.middle
    return (x.abs() < ARCH) & (positions[..., 1] < upper_teeth_edge(mouth, x))


def _below(y: Tensor, edge: Tensor) -> Tensor:
    """Softly 1 where y lies below an edge, 0 above it."""
    t = ((y - edge) / 0.03 + 0.5).clamp(0, 1)
    return t * t * (3 - 2 * t)


def _tongue(x: Tensor, y: Tensor, top: Tensor, jaw: Tensor) -> Tensor:
    """A soft mound behind the lower teeth, seen once the jaw has dropped."""
    mound = top + 0.12 * (x / 0.3) ** 2
    return _below(y, mound + 0.02) * ((jaw - 0.05) / 0.08).clamp(0, 1)


def _gaps(x: Share) -> Pictures:
    """Slightly darker, (b, h, w, 1), where two teeth meet."""
    edges = torch.tensor(TOOTH_EDGES, device=x.device)
    distance = (x.abs()[..., None] - edges).abs().amin(dim=-1)
    return (1 - 0.16 * torch.exp(-((distance / 0.014) ** 2)))[..., None]


def mouth_ring(vertices: Float[Tensor, "b v c"]) -> Float[Tensor, "b 20 2"]:
    """The inner lips' outline in pictures."""
    return vertices[:, list(INNER_LIP_RING), :2]


def lip_gap(vertices: Float[Tensor, "b v c"]) -> Float[Tensor, " b"]:
    """Distance of the inner lips in the middle of the mouth, as a share of the picture."""
    upper, lower = (list(side) for side in zip(*INNER_PAIRS[MIDDLE], strict=True))
    return (vertices[:, upper, :2] - vertices[:, lower, :2]).norm(dim=2).mean(dim=1)

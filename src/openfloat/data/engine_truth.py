"""What the data engine knows of its pictures: where each point comes from, and what is new."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from openfloat.data.engine_mouth import Mouth, shows_upper_teeth
from openfloat.data.engine_paint import Share, coverage
from openfloat.data.face_rig_model import NUM_SKIN, FaceModel
from openfloat.data.mesh import BROW_RINGS, EYE_RINGS, OUTER_LIP_RING
from openfloat.data.mesh_raster import Windows, rasterise
from openfloat.shapes import Bool, Float, Tensor

TRUTH_SIZE = 128
"""Height and width at which correspondence is kept."""
MOST_STRETCH = 4.0
"""Growth of a triangle's area beyond which its pixels count as never seen."""
REGIONS = (
    (OUTER_LIP_RING, (1.25, 1.5)),
    *((ring, (1.4, 2.4)) for ring in EYE_RINGS),
    *((ring, (1.15, 1.3)) for ring in BROW_RINGS),
)
"""Outlines of mouth, eyes and brows, and how much they are enlarged for the region mask."""


class Truth(NamedTuple):
    """What is known of a picture at `TRUTH_SIZE`."""

    triangle: NDArray[np.int16]
    """(128, 128) number in `FaceModel.triangles` of the triangle seen at each pixel."""
    barycentric: NDArray[np.float16]
    """(128, 128, 2) weights of that triangle's first and second corner."""
    visible: NDArray[np.uint8]
    """(128, 128) 1 where the portrait may show the same spot: not in an opened mouth below the
    upper teeth, not on stretched lids."""
    region: NDArray[np.uint8]
    """(128, 128) 1 on mouth, eyes and brows."""


def find_truth(
    model: FaceModel,
    mouth: Mouth,
    vertices: Float[Tensor, "b v 3"],
    before: Float[Tensor, "v 3"],
    frontal: Float[Tensor, "b 128 128 2"],
) -> list[Truth]:
    """Correspondence, visibility and region of pictures.

    Args:
        model: triangles.
        mouth: of the portrait.
        vertices: the moved meshes.
        before: the untouched photo's.
        frontal: where in the frontal face, in eye distances, pixels see the plane of the teeth.
    """
    device, count = vertices.device, len(vertices)
    whole = Windows.whole(count, TRUTH_SIZE, device)
    triangles = torch.from_numpy(model.triangles).to(device)
    seen, weights = _seen(model, vertices)
    in_mouth = _on(model.mouth, device, len(triangles))[seen]
    corners = vertices[:, triangles[-1], :2].double()
    edges = torch.linalg.inv(corners[:, :2] - corners[:, 2:])
    places = whole.centres(TRUTH_SIZE).flatten(1, 2).double()
    on_teeth = ((places - corners[:, 2:]) @ edges).view_as(weights).float()
    seen = torch.where(in_mouth, len(triangles) - 1, seen)
    weights = torch.where(in_mouth[..., None], on_teeth, weights)
    fresh = in_mouth & ~shows_upper_teeth(mouth, frontal)
    stretch = _areas(vertices, triangles) > MOST_STRETCH * _areas(before[None], triangles)
    fresh |= stretch.gather(1, seen.flatten(1)).view_as(fresh)
    arrays = (
        seen.short(), weights.half(), (~fresh).byte(), (_region(vertices, whole) > 0).byte()
    )  # fmt: skip
    return [Truth(*rows) for rows in zip(*(a.cpu().numpy() for a in arrays), strict=True)]


def _seen(model: FaceModel, vertices: Float[Tensor, "b v 3"]) -> tuple[Tensor, Tensor]:
    """Triangle (b, h, w) and weights (b, h, w, 2) of skin or, between lids, of an eyeball."""
    device, first = vertices.device, len(model.skin)
    skin = torch.from_numpy(model.skin).to(device)
    points = vertices[..., :2]
    seen, weights = rasterise(points[:, :NUM_SKIN], vertices[:, :NUM_SKIN, 2], skin, TRUTH_SIZE)
    seen = seen.clamp(min=0)
    openings = [_on(inside, device, first)[seen] for inside in model.eyes]
    for eye, opening in enumerate(openings):
        triangles = torch.from_numpy(model.eyeballs[eye]).to(device)
        ball = rasterise(points, torch.zeros_like(points[..., 0]), triangles, TRUTH_SIZE)
        shown = opening & (ball.triangle >= 0)
        seen = torch.where(shown, ball.triangle + first + eye * len(triangles), seen)
        weights = torch.where(shown[..., None], ball.barycentric, weights)
    return seen, weights


def _on(inside: NDArray[np.bool_], device: torch.device, count: int) -> Bool[Tensor, " n"]:
    """Which of so many triangles are among the given ones of the skin, which come first."""
    mask = torch.zeros(count, dtype=torch.bool, device=device)
    mask[: len(inside)] = torch.from_numpy(inside).to(device)
    return mask


def _areas(vertices: Float[Tensor, "b v 3"], triangles: Tensor) -> Float[Tensor, "b n"]:
    """Areas of triangles in the picture."""
    first, second, third = vertices[:, triangles, :2].unbind(dim=2)
    (ax, ay), (bx, by) = (second - first).unbind(dim=2), (third - first).unbind(dim=2)
    return (ax * by - ay * bx).abs() / 2


def _region(vertices: Float[Tensor, "b v 3"], whole: Windows) -> Share:
    """Mouth, eyes and brows, generously."""
    found = vertices.new_zeros(len(vertices), whole.height, whole.width)
    for ring, growth in REGIONS:
        points = vertices[:, list(ring), :2]
        middle = (points.amin(dim=1, keepdim=True) + points.amax(dim=1, keepdim=True)) / 2
        outline = middle + (points - middle) * points.new_tensor(growth)
        found += coverage(outline, whole, whole.width, oversampling=1)
    return found

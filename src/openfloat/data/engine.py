"""The data engine: one portrait and named controls in, a picture with known truth out.

Everything that training is told about a picture (its controls, where each of its points comes
from, what was never seen) is known here because the picture was made here.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw

from openfloat.data.engine_eyes import paint_eyeballs
from openfloat.data.engine_mouth import (
    Mouth,
    find_mouth,
    lip_gap,
    mouth_ring,
    paint_mouth,
    shows_upper_teeth,
)
from openfloat.data.engine_paint import (
    Colours,
    as_texture,
    blend,
    coverage,
    sample,
    smooth_outline,
    window_around,
)
from openfloat.data.face_rig import FaceRig
from openfloat.data.face_rig_model import NUM_SKIN, FaceModel
from openfloat.data.mesh import BROW_RINGS, EYE_RINGS, OUTER_LIP_RING
from openfloat.data.mesh_raster import Raster, Window, rasterise
from openfloat.data.portraits import Portrait

TRUTH_SIZE = 128
"""Height and width at which correspondence is kept."""
MOST_STRETCH = 4.0
"""Growth of a triangle's area beyond which its pixels count as never seen."""
CLOSED, OPENED = 0.015, 0.06
"""Eye distances between the lips over which the mouth's inside fades in."""

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


class Picture(NamedTuple):
    """One made picture."""

    image: NDArray[np.uint8]
    """(s, s, 3) RGB."""
    controls: NDArray[np.float32]
    """(20,) physical values."""
    vertices: NDArray[np.float32]
    """(V, 2) the mesh in picture coordinates: -1 and 1 are the outer edges."""
    truth: Truth


@dataclass(frozen=True, eq=False)
class PortraitEngine:
    """Makes pictures of one person.

    Args:
        model: shared template and topology.
        portrait: standard crop, best at twice the size of the pictures.
        size: height and width of the pictures.
    """

    model: FaceModel
    portrait: Portrait
    size: int = 256

    @cached_property
    def rig(self) -> FaceRig:
        return FaceRig(self.model, self.portrait.landmarks)

    @cached_property
    def _photo(self) -> Colours:
        return self.portrait.image.astype(np.float32) / np.float32(255)

    @cached_property
    def _texture(self) -> torch.Tensor:
        return as_texture(self._photo)

    @cached_property
    def _eyeballs(self) -> torch.Tensor:
        return as_texture(paint_eyeballs(self._photo, self.portrait.landmarks))

    @cached_property
    def _mouth(self) -> Mouth:
        return find_mouth(self.rig, self._photo)

    @cached_property
    def _base_vertices(self) -> NDArray[np.float32]:
        return self.rig.vertices(self.rig.base)

    @cached_property
    def _teeth(self) -> torch.Tensor:
        """(1, 1, s, s) how surely a pixel of the photo is inside the mouth."""
        size = len(self._photo)
        whole = Window(0, 0, size, size)
        ring = mouth_ring(self._base_vertices)
        inner = ring.mean(axis=0) + (ring - ring.mean(axis=0)) * [0.96, 0.86]
        return as_texture(coverage(smooth_outline(inner), whole, size, oversampling=1)[..., None])

    def picture(self, controls: NDArray[np.float32]) -> Picture:
        """Make the picture that absolute controls (20,), in physical units, describe."""
        vertices = self.rig.vertices(controls)
        image = self._skin(vertices)
        for eye in (0, 1):
            self._add_eye(image, vertices, eye)
        if self._opens(controls):
            self._add_mouth(image, vertices, controls)
        return Picture(
            image=_to_bytes(image),
            controls=controls.astype(np.float32),
            vertices=vertices[:, :2] * 2 - 1,
            truth=self.truth(vertices, controls),
        )

    def untouched(self) -> Picture:
        """The standard crop itself with the controls that were read off it."""
        grid = Window(0, 0, self.size, self.size).centres(self.size)
        return Picture(
            image=_to_bytes(sample(self._texture, grid)),
            controls=self.rig.base,
            vertices=self._base_vertices[:, :2] * 2 - 1,
            truth=self.truth(self._base_vertices, self.rig.base),
        )

    def _skin(self, vertices: NDArray[np.float32]) -> Colours:
        """The moved photo with lids and lips, but mouth and eyes only stretched along."""
        raster = self._raster(vertices, self.size)
        places = raster.interpolate(self._base_vertices[:, :2], self.model.skin)
        return sample(self._texture, places)

    def _raster(self, vertices: NDArray[np.float32], size: int) -> Raster:
        skin = vertices[:NUM_SKIN]
        return rasterise(skin[:, :2], skin[:, 2], self.model.skin, size)

    def _add_eye(self, image: Colours, vertices: NDArray[np.float32], eye: int) -> None:
        """Lay the eyeball into the opening of the lids."""
        ring = vertices[list(EYE_RINGS[eye]), :2]
        window = window_around(ring, self.size, margin=2)
        if window.is_empty:
            return
        part = self._eyeball(vertices, eye, self.size, window)
        places = part.interpolate(self._base_vertices[:, :2], self.model.eyeballs[eye])
        alpha = coverage(smooth_outline(ring, 2), window, self.size) * (part.triangle >= 0)
        blend(image, sample(self._eyeballs, places), alpha, window)

    def _eyeball(
        self, vertices: NDArray[np.float32], eye: int, size: int, window: Window | None = None
    ) -> Raster:
        depth = np.zeros(len(vertices), dtype=np.float32)
        return rasterise(vertices[:, :2], depth, self.model.eyeballs[eye], size, window)

    def _opens(self, controls: NDArray[np.float32]) -> bool:
        """Whether a picture's mouth has to be painted: not if it is the photo's own."""
        return not np.array_equal(controls[6:14], self.rig.base[6:14]) or not np.array_equal(
            controls[:3], self.rig.base[:3]
        )

    def _add_mouth(
        self, image: Colours, vertices: NDArray[np.float32], controls: NDArray[np.float32]
    ) -> None:
        """Lay teeth, tongue and cavity into the opening of the lips."""
        ring = mouth_ring(vertices)
        window = window_around(ring, self.size, margin=4)
        fade = np.clip((lip_gap(vertices) / self.rig.unit - CLOSED) / (OPENED - CLOSED), 0, 1)
        if window.is_empty or fade == 0:
            return
        opening = coverage(smooth_outline(ring), window, self.size)
        frontal = self._on_teeth(window.centres(self.size), controls)
        colours = paint_mouth(self._mouth, controls, frontal / self.rig.unit, opening)
        if self.rig.mouth_is_open:
            own, sure = self._own_teeth(frontal)
            colours += sure * (own - colours)
        blend(image, colours, opening * np.float32(fade), window)

    def _on_teeth(
        self, places: NDArray[np.floating], controls: NDArray[np.float32]
    ) -> NDArray[np.floating]:
        """Where the plane of the teeth is seen at places (..., 2) of a picture: frontal, shares."""
        turn, offset = self.rig.placement(controls)
        plane = offset[:2] + turn[:2, 2] * self._mouth.depth
        return np.asarray((places - plane) @ np.linalg.inv(turn[:2, :2]).T)

    def _own_teeth(self, frontal: NDArray[np.floating]) -> tuple[Colours, Colours]:
        """The photo's own mouth pixels at frontal positions (h, w, 2; shares), and certainty."""
        turn, offset = self.rig.placement(self.rig.base)
        places = frontal @ turn[:2, :2].T + offset[:2] + turn[:2, 2] * self._mouth.depth
        return sample(self._texture, places), sample(self._teeth, places)

    def truth(self, vertices: NDArray[np.float32], controls: NDArray[np.float32]) -> Truth:
        """Correspondence, visibility and region of a picture from its moved mesh (V, 3)."""
        triangle, barycentric = self._raster(vertices, TRUTH_SIZE)
        fresh = self.model.mouth[triangle]
        first = len(self.model.skin)
        whole = Window(0, 0, TRUTH_SIZE, TRUTH_SIZE).centres(TRUTH_SIZE)[fresh]
        frontal = self._on_teeth(whole, controls) / self.rig.unit
        corners = vertices[self.model.triangles[-1], :2]
        triangle[fresh] = len(self.model.triangles) - 1
        barycentric[fresh] = (whole - corners[2]) @ np.linalg.inv(corners[:2] - corners[2])
        fresh[fresh] = ~shows_upper_teeth(self._mouth, frontal)
        for eye in (0, 1):
            ball = self._eyeball(vertices, eye, TRUTH_SIZE)
            inside = self.model.eyes[eye][triangle.clip(max=first - 1)] & (triangle < first)
            shown = inside & (ball.triangle >= 0)
            number = ball.triangle + np.int16(first + eye * len(self.model.eyeballs[eye]))
            triangle = np.where(shown, number, triangle).astype(np.int16)
            barycentric = np.where(shown[..., None], ball.barycentric, barycentric)
        areas = _areas(vertices, self.model.triangles)
        before = _areas(self._base_vertices, self.model.triangles)
        fresh |= (areas > MOST_STRETCH * before)[triangle]
        return Truth(
            triangle=triangle,
            barycentric=barycentric.astype(np.float16),
            visible=(~fresh).astype(np.uint8),
            region=_region(vertices),
        )


def _areas(vertices: NDArray[np.float32], triangles: NDArray[np.int64]) -> NDArray[np.float32]:
    """(n,) areas of triangles in the picture."""
    corner = vertices[triangles, :2]
    (ax, ay), (bx, by) = (corner[:, 1] - corner[:, 0]).T, (corner[:, 2] - corner[:, 0]).T
    return np.asarray(np.abs(ax * by - ay * bx) / 2)


def _region(vertices: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(64, 64) mouth and eyes, generously."""
    canvas = PillowImage.new("L", (TRUTH_SIZE, TRUTH_SIZE))
    draw = ImageDraw.Draw(canvas)
    for ring, growth in REGIONS:
        points = vertices[list(ring), :2]
        middle = (points.min(axis=0) + points.max(axis=0)) / 2
        outline = (middle + (points - middle) * growth) * TRUTH_SIZE - 0.5
        draw.polygon(outline.ravel().tolist(), fill=1)
    return np.array(canvas, dtype=np.uint8)


def _to_bytes(image: Colours) -> NDArray[np.uint8]:
    return (image * 255 + 0.5).clip(0, 255).astype(np.uint8)

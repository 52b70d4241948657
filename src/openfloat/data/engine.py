"""The data engine: one portrait and named controls in, pictures with known truth out.

Everything that training is told about a picture (its controls, where each of its points comes
from, what was never seen) is known here because the picture was made here. Pictures are made in
batches: the meshes move one by one in numpy, the pixels all at once in torch on any device.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from openfloat.data.engine_eyes import paint_eyeballs
from openfloat.data.engine_mouth import Mouth, find_mouth, lip_gap, mouth_ring, paint_mouth
from openfloat.data.engine_paint import (
    Colours,
    Pictures,
    Texture,
    as_texture,
    blend,
    coverage,
    sample,
    smooth_outline,
    windows_around,
)
from openfloat.data.engine_truth import TRUTH_SIZE, Truth, find_truth
from openfloat.data.face_rig import FaceRig
from openfloat.data.face_rig_model import NUM_SKIN, FaceModel
from openfloat.data.mesh import EYE_RINGS
from openfloat.data.mesh_raster import Windows, rasterise
from openfloat.data.portraits import Portrait
from openfloat.shapes import Float, Tensor

CLOSED, OPENED = 0.015, 0.06
"""Eye distances between the lips over which the mouth's inside fades in."""
CHUNK = 8
"""Pictures that are made at once."""


class Picture(NamedTuple):
    """One made picture."""

    image: NDArray[np.uint8]
    """(s, s, 3) RGB."""
    controls: NDArray[np.float32]
    """(20,) physical values."""
    vertices: NDArray[np.float32]
    """(V, 2) the mesh in picture coordinates: -1 and 1 are the outer edges."""
    truth: Truth


class Drawing(NamedTuple):
    """The pixels of a picture, and the mesh that was drawn."""

    image: NDArray[np.uint8]
    """(s, s, 3) RGB."""
    vertices: NDArray[np.float32]
    """(V, 3) shares of the picture, z away from the camera."""


@dataclass(frozen=True, eq=False)
class PortraitEngine:
    """Makes pictures of one person.

    Args:
        model: shared template and topology.
        portrait: standard crop, best at twice the size of the pictures.
        size: height and width of the pictures.
        device: where pixels are computed.
    """

    model: FaceModel
    portrait: Portrait
    size: int = 256
    device: str = "cpu"

    @cached_property
    def rig(self) -> FaceRig:
        return FaceRig(self.model, self.portrait.landmarks)

    @cached_property
    def _photo(self) -> Colours:
        return self.portrait.image.astype(np.float32) / np.float32(255)

    @cached_property
    def _texture(self) -> Texture:
        return as_texture(self._photo, torch.device(self.device))

    @cached_property
    def _eyeballs(self) -> Texture:
        painted = paint_eyeballs(self._photo, self.portrait.landmarks)
        return as_texture(painted, torch.device(self.device))

    @cached_property
    def _mouth(self) -> Mouth:
        return find_mouth(self.rig, self._photo)

    @cached_property
    def _base_vertices(self) -> Tensor:
        return self._tensor(self.rig.vertices(self.rig.base))

    @cached_property
    def _skin_triangles(self) -> Tensor:
        return self._tensor(self.model.skin)

    @cached_property
    def _teeth(self) -> Texture:
        """(1, 1, s, s) how surely a pixel of the photo is inside the mouth."""
        size = len(self._photo)
        ring = mouth_ring(self._base_vertices[None])
        middle = ring.mean(dim=1, keepdim=True)
        inner = middle + (ring - middle) * ring.new_tensor([0.96, 0.86])
        whole = Windows.whole(1, size, ring.device)
        return coverage(smooth_outline(inner), whole, size, oversampling=1)[None]

    def picture(self, controls: NDArray[np.float32]) -> Picture:
        """Make the picture that absolute controls (20,), in physical units, describe."""
        (made,) = self.pictures(controls[None])
        return made

    def pictures(
        self, controls: NDArray[np.float32] | Sequence[NDArray[np.float32]]
    ) -> list[Picture]:
        """Make the pictures that rows of absolute controls (b, 20), in physical units, describe."""
        return list(self.stream(np.asarray(controls, dtype=np.float32)))

    def stream(self, controls: NDArray[np.float32]) -> Iterator[Picture]:
        """The same one after the other, some of them made at once."""
        for part in _chunks(controls):
            yield from self._finished(*self._drawn(part), part)

    def drawings(self, controls: NDArray[np.float32]) -> list[Drawing]:
        """Pixels and meshes of `pictures` without their truth, at half the cost."""
        drawn = [self._drawn(part) for part in _chunks(controls)]
        return [
            Drawing(image, mesh)
            for images, meshes in drawn
            for image, mesh in zip(_to_bytes(images), meshes.cpu().numpy(), strict=True)
        ]

    def untouched(self) -> Picture:
        """The standard crop itself with the controls that were read off it."""
        grid = Windows.whole(1, self.size, self._texture.device).centres(self.size)
        controls = self.rig.base[None]
        vertices = self._base_vertices[None]
        (picture,) = self._finished(sample(self._texture, grid), vertices, controls)
        return picture

    def _drawn(self, controls: NDArray[np.float32]) -> tuple[Pictures, Float[Tensor, "b v 3"]]:
        """Pictures in shares of full light, and their meshes."""
        vertices = self._tensor(np.stack([self.rig.vertices(row) for row in controls]))
        images = self._skin(vertices)
        for eye in (0, 1):
            self._add_eye(images, vertices, eye)
        self._add_mouth(images, vertices, controls)
        return images, vertices

    def _finished(
        self, images: Pictures, vertices: Float[Tensor, "b v 3"], controls: NDArray[np.float32]
    ) -> list[Picture]:
        whole = Windows.whole(len(controls), TRUTH_SIZE, vertices.device)
        frontal = self._frontal(whole, TRUTH_SIZE, controls)
        truths = find_truth(self.model, self._mouth, vertices, self._base_vertices, frontal)
        points = (vertices[..., :2] * 2 - 1).cpu().numpy()
        rows = zip(_to_bytes(images), controls, points, truths, strict=True)
        return [Picture(*row) for row in rows]

    def _skin(self, vertices: Float[Tensor, "b v 3"]) -> Pictures:
        """The moved photo with lids and lips, but mouth and eyes only stretched along."""
        skin = vertices[:, :NUM_SKIN]
        raster = rasterise(skin[..., :2], skin[..., 2], self._skin_triangles, self.size)
        places = raster.interpolate(self._base_vertices[:, :2], self._skin_triangles)
        return sample(self._texture, places).contiguous()

    def _add_eye(self, images: Pictures, vertices: Float[Tensor, "b v 3"], eye: int) -> None:
        """Lay an eyeball into the opening of the lids."""
        ring = vertices[:, list(EYE_RINGS[eye]), :2]
        windows = windows_around(ring, self.size, margin=2)
        triangles = self._tensor(self.model.eyeballs[eye])
        flat = torch.zeros_like(vertices[..., 0])
        part = rasterise(vertices[..., :2], flat, triangles, self.size, windows)
        places = part.interpolate(self._base_vertices[:, :2], triangles)
        alpha = coverage(smooth_outline(ring, 2), windows, self.size) * (part.triangle >= 0)
        blend(images, sample(self._eyeballs, places), alpha, windows)

    def _add_mouth(
        self, images: Pictures, vertices: Float[Tensor, "b v 3"], controls: NDArray[np.float32]
    ) -> None:
        """Lay teeth, tongue and cavity into the opening of the lips."""
        ring = mouth_ring(vertices)
        windows = windows_around(ring, self.size, margin=4)
        gap = lip_gap(vertices) / self.rig.unit
        fade = ((gap - CLOSED) / (OPENED - CLOSED)).clamp(0, 1) * self._opens(controls)
        opening = coverage(smooth_outline(ring), windows, self.size)
        frontal = self._frontal(windows, self.size, controls)
        colours = paint_mouth(self._mouth, self._tensor(controls), frontal.float(), opening)
        if self.rig.mouth_is_open:
            own, sure = self._own_teeth(frontal)
            colours = torch.lerp(colours, own, sure)
        blend(images, colours, opening * fade[:, None, None], windows)

    def _opens(self, controls: NDArray[np.float32]) -> Float[Tensor, " b"]:
        """0 where a picture's mouth is the photo's own and need not be painted, else 1."""
        other = (controls[:, 6:14] != self.rig.base[6:14]).any(axis=1)
        turned = (controls[:, :3] != self.rig.base[:3]).any(axis=1)
        return self._tensor((other | turned).astype(np.float32))

    def _frontal(
        self, windows: Windows, size: int, controls: NDArray[np.float32]
    ) -> Float[Tensor, "b h w 2"]:
        """Where in the frontal face, in eye distances, pixels see the plane of the teeth."""
        turns, offsets = zip(*(self.rig.placement(row) for row in controls), strict=True)
        turn, offset = self._tensor(np.stack(turns)), self._tensor(np.stack(offsets))
        plane = offset[:, :2] + turn[:, :2, 2] * self._mouth.depth
        back = torch.linalg.inv(turn[:, :2, :2]).mT / self.rig.unit
        return (windows.centres(size) - plane[:, None, None]) @ back[:, None]

    def _own_teeth(self, frontal: Float[Tensor, "b h w 2"]) -> tuple[Pictures, Pictures]:
        """The photo's own mouth pixels at frontal positions, and certainty (b, h, w, 1)."""
        turn, offset = self.rig.placement(self.rig.base)
        plane = self._tensor(offset[:2] + turn[:2, 2] * self._mouth.depth)
        places = frontal @ self._tensor(turn[:2, :2].T * self.rig.unit) + plane
        return sample(self._texture, places), sample(self._teeth, places)

    def _tensor(self, values: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)


def _chunks(controls: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Rows (b, 20) in parts that are made at once."""
    return (controls[begin : begin + CHUNK] for begin in range(0, len(controls), CHUNK))


def _to_bytes(images: Pictures) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = (images * 255 + 0.5).clamp(0, 255).byte().cpu().numpy()
    return pixels

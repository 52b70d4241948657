"""The mesh that every portrait's rig shares: which vertices there are and what they join.

Vertices 0-467 are MediaPipe's face, then come the context rings and the fixed border with 36
vertices each, then 17 for each eyeball: centre, edge of the iris, outer ring, then the three of one
triangle in whose plane the upper teeth lie.
"""

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from openfloat.data.face_rig_fields import FaceFields
from openfloat.data.mesh import (
    EYE_RINGS,
    INNER_LIP_RING,
    IRIS_CENTRES,
    IRIS_RINGS,
    OVAL,
    FaceTemplate,
    Indices,
    inside,
)

RING_STEPS = (0.10, 0.27, 0.50, 0.75)
"""Where the context rings lie on the way from the outline (0) to the border (1)."""
NUM_FACE = 468
NUM_SKIN = NUM_FACE + 36 * (len(RING_STEPS) + 1)
EYE_POINTS = 8
NUM_TEETH = 3
NUM_VERTICES = NUM_SKIN + 2 * (1 + 2 * EYE_POINTS) + NUM_TEETH
IRIS_GROWTH = 1.15
"""The mesh' irises are this much larger than the landmarks', to take their dark rim along."""


@dataclass(frozen=True, eq=False)
class FaceModel:
    """What all rigs share: template, fields, and the topology of the whole mesh."""

    template: FaceTemplate

    @cached_property
    def fields(self) -> FaceFields:
        return FaceFields(self.template)

    @cached_property
    def skin(self) -> Indices:
        """(n, 3) triangles of face, context and border; mouth and eyes filled."""
        return np.concatenate([self.template.triangles, _context_triangles()])

    @cached_property
    def eyeballs(self) -> Indices:
        """(2, 24, 3) triangles of each eyeball."""
        return np.stack(
            [_eyeball_triangles(NUM_SKIN + eye * (1 + 2 * EYE_POINTS)) for eye in (0, 1)]
        )

    @cached_property
    def triangles(self) -> Indices:
        """All triangles: skin, then the left, then the right eyeball, then the upper teeth's."""
        teeth = np.arange(NUM_VERTICES - NUM_TEETH, NUM_VERTICES)
        return np.concatenate([self.skin, *self.eyeballs, teeth[None]])

    @cached_property
    def mouth(self) -> NDArray[np.bool_]:
        """(n,) skin triangles that fill the mouth."""
        return inside(self.skin, INNER_LIP_RING)

    @cached_property
    def eyes(self) -> NDArray[np.bool_]:
        """(2, n) skin triangles that fill the left and the right eye."""
        return np.stack([inside(self.skin, ring) for ring in EYE_RINGS])


def _context_triangles() -> Indices:
    """Two triangles for each quad between neighbouring rings from the outline to the border."""
    rings = [np.array(OVAL)]
    rings += [NUM_FACE + 36 * k + np.arange(36) for k in range(len(RING_STEPS) + 1)]
    found = []
    for inner, outer in itertools.pairwise(rings):
        a, b, c, d = inner, np.roll(inner, -1), outer, np.roll(outer, -1)
        found += [np.stack([a, c, b], axis=1), np.stack([b, c, d], axis=1)]
    return np.concatenate(found)


def _eyeball_triangles(first: int) -> Indices:
    """A fan from the centre to the iris' edge and a band from there to the outer ring."""
    iris = first + 1 + np.arange(EYE_POINTS)
    a, b = iris, np.roll(iris, -1)
    c, d = a + EYE_POINTS, b + EYE_POINTS
    centre = np.full(EYE_POINTS, first)
    return np.concatenate(
        [np.stack(corners, axis=1) for corners in ((centre, a, b), (a, c, b), (b, c, d))]
    )


def border_points() -> NDArray[np.float32]:
    """(36, 2) points of the picture's border, corners included, beside the outline's 36."""
    corners = {-4: (0, 0), 4: (1, 0), 14: (1, 1), 22: (0, 1), 32: (0, 0), 40: (1, 0)}
    places = np.array(list(corners), dtype=float)
    values = np.array(list(corners.values()), dtype=float)
    return np.stack(
        [np.interp(np.arange(36), places, values[:, axis]) for axis in (0, 1)], axis=1
    ).astype(np.float32)


def landmarks_of(vertices: NDArray[np.float32]) -> NDArray[np.float32]:
    """MediaPipe's 478 landmarks (with irises) of a mesh (V, c) in any coordinates."""
    landmarks = np.zeros((478, vertices.shape[1]), dtype=np.float32)
    landmarks[:NUM_FACE] = vertices[:NUM_FACE]
    for eye, (centre, ring) in enumerate(zip(IRIS_CENTRES, IRIS_RINGS, strict=True)):
        first = NUM_SKIN + eye * (1 + 2 * EYE_POINTS)
        edge = vertices[first + 1 + np.array([0, 6, 4, 2])]  # right, top, left, bottom
        landmarks[centre] = vertices[first]
        landmarks[list(ring)] = vertices[first] + (edge - vertices[first]) / IRIS_GROWTH
    return landmarks

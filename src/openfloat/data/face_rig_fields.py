"""What each expression control does to the face: smooth displacement fields over the template.

Amounts are in eye distances (about 63 mm) at full control, x away from the middle of the face,
y down, z away from the camera. They are written for one side and mirrored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from openfloat.data.controls import INDEX
from openfloat.data.mesh import (
    EYE_RINGS,
    INNER_LIP_RING,
    LEFT_BROW,
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    LOWER_INNER_LIP,
    LOWER_LIDS,
    LOWER_OUTER_LIP,
    OUTER_LIP_RING,
    OVAL,
    UPPER_INNER_LIP,
    UPPER_LIDS,
    UPPER_OUTER_LIP,
    FaceTemplate,
    spread,
)

Shift = tuple[float, float, float]
Shifts = dict[int, Shift]

JAW_DROP = 0.42
"""Eye distances that the lower lip falls when the jaw is wide open."""
LIP_RAISE = 0.12
LIP_LOWER = 0.12
SMILE_OUT = 0.15
SMILE_UP = 0.11
NOSE = (1, 2, 4, 5, 6, 19, 94, 98, 327, 168, 195, 197)
ALAE = (48, 64)
CHEEK = (50, 205)
UPPER_FACE = (9, 8, 151, 117, 118, 111, 226, 31)
INNER_PAIRS = tuple(zip(UPPER_INNER_LIP[1:-1], LOWER_INNER_LIP[1:-1], strict=True))
LID_PAIRS = tuple(
    tuple(zip(upper[1:-1], lower[1:-1], strict=True))
    for upper, lower in zip(UPPER_LIDS, LOWER_LIDS, strict=True)
)
CHIN_SHARES = {
    152: 1.0, 148: 0.98, 176: 0.93, 149: 0.85, 150: 0.72, 136: 0.56, 172: 0.39, 58: 0.22,
    132: 0.09, 93: 0.0, 175: 1.0, 199: 1.0, 200: 1.0,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class FaceFields:
    """Displacement fields of the template, computed on first use."""

    template: FaceTemplate

    @cached_property
    def linear(self) -> NDArray[np.float32]:
        """(20, 468, 3) field of each control at full strength; zero where a control is no field."""
        fields = np.zeros((len(INDEX), len(self.template.points), 3), dtype=np.float32)
        for name, shifts in self._anchors().items():
            both = self._mirrored(shifts)
            operator = spread(self.template, list(both))
            fields[INDEX[name]] = operator @ np.array(list(both.values()), dtype=np.float32)
        return fields

    @cached_property
    def lips(self) -> NDArray[np.float32]:
        """(468, 2, 9) how far each vertex follows the inner upper and lower lip."""
        moved = [upper for upper, _ in INNER_PAIRS] + [lower for _, lower in INNER_PAIRS]
        still = [*NOSE, *OVAL, 78, 308, 61, 291, 199, 200, 175, 50, 280, 205, 425]
        return spread(self.template, moved + still)[:, : len(moved)].reshape(-1, 2, 9)

    @cached_property
    def lids(self) -> NDArray[np.float32]:
        """(468, 2 eyes, 2 lids, 7) how far each vertex follows the lids' edges."""
        moved = [pair[lid] for pairs in LID_PAIRS for lid in (0, 1) for pair in pairs]
        still = [*NOSE, *OVAL, *self._both(LEFT_BROW), 9, 8, 50, 280, 117, 346, 118, 347, 111, 340]
        still += [lid[end] for lid in UPPER_LIDS for end in (0, -1)]
        return spread(self.template, moved + still)[:, : len(moved)].reshape(-1, 2, 2, 7)

    def _both(self, vertices: tuple[int, ...]) -> list[int]:
        """Vertices and their mirror images, each once."""
        return sorted({*vertices, *(int(self.template.mirror[v]) for v in vertices)})

    def _mirrored(self, shifts: Mapping[int, Shift]) -> Shifts:
        """Shifts outwards from the middle, given for one side, as (x, y, z) of both sides."""
        both: Shifts = {}
        for vertex, (out, y, z) in shifts.items():
            for one in (vertex, int(self.template.mirror[vertex])):
                both[one] = (out * float(np.sign(round(self.template.points[one, 0], 4))), y, z)
        return both

    def _anchors(self) -> dict[str, Shifts]:
        """Anchored shifts of every control that is a linear field."""
        return {
            "jaw_open": self._jaw(), "lips_round": self._round(), "lips_wide": self._wide(),
            "upper_lip_up": self._upper_lip(), "lower_lip_down": self._lower_lip(),
            "lips_pressed": self._pressed(), "smile": self._smile(),
            "mouth_down": self._mouth_down(), "brows_up": self._brows_up(),
            "brows_down": self._brows_down(), "squint": self._squint(),
        }  # fmt: skip

    def _along(self, lip: tuple[int, ...]) -> list[tuple[int, float, float]]:
        """Vertex, distance from the middle (1 = corner), and a bump that is 1 in the middle."""
        x = np.abs(self.template.points[list(lip), 0])
        share = x / x.max()
        bump = np.cos(np.pi / 2 * share)
        return list(zip(lip, share.tolist(), bump.tolist(), strict=True))

    def _lips(self) -> tuple[list[tuple[int, float, float]], list[tuple[int, float, float]]]:
        """`_along` for both edges of the upper lip (with corners) and of the lower lip."""
        upper = self._along(UPPER_INNER_LIP) + self._along(UPPER_OUTER_LIP)
        lower = self._along(LOWER_INNER_LIP)[1:-1] + self._along(LOWER_OUTER_LIP)[1:-1]
        return upper, lower

    def _still(self, *, jaw: bool = False) -> Shifts:
        """The upper face and, unless the jaw moves, the outline stay where they are."""
        rings = [vertex for ring in EYE_RINGS for vertex in ring]
        still = [*NOSE, *rings, *LEFT_BROW, *UPPER_FACE]
        still += [v for v in OVAL if not (jaw and (v in CHIN_SHARES or self._mirror_is_chin(v)))]
        return dict.fromkeys(still, (0.0, 0.0, 0.0))

    def _mirror_is_chin(self, vertex: int) -> bool:
        return int(self.template.mirror[vertex]) in CHIN_SHARES

    def _jaw(self) -> Shifts:
        upper, lower = self._lips()
        shifts = self._still(jaw=True)
        for vertex, share, _ in upper:
            shifts[vertex] = (-0.05 * share**2, JAW_DROP * 0.34 * share**3, 0.04 * share)
        for vertex, share, bump in lower:
            drop = JAW_DROP * (0.34 + 0.66 * bump**0.8)
            shifts[vertex] = (-0.05 * share**2, drop, 0.06)
        for vertex, share in CHIN_SHARES.items():
            shifts[vertex] = (0.0, JAW_DROP * share * 0.95, 0.15 * share)
        return shifts

    def _round(self) -> Shifts:
        upper, lower = self._lips()
        shifts = self._still()
        for vertex, share, bump in upper:
            outer = -0.02 * bump if vertex in UPPER_OUTER_LIP else 0.0
            shifts[vertex] = (-0.17 * share, outer, -0.06 - 0.08 * bump)
        for vertex, share, bump in lower:
            outer = 0.03 * bump if vertex in LOWER_OUTER_LIP else 0.0
            shifts[vertex] = (-0.17 * share, outer, -0.06 - 0.08 * bump)
        return shifts

    def _wide(self) -> Shifts:
        upper, lower = self._lips()
        shifts = self._still()
        for vertex, share, bump in upper:
            outer = 0.015 * bump if vertex in UPPER_OUTER_LIP else 0.0
            shifts[vertex] = (0.12 * share, outer - 0.015 * share, 0.05 * share)
        for vertex, share, bump in lower:
            outer = -0.02 * bump if vertex in LOWER_OUTER_LIP else 0.0
            shifts[vertex] = (0.12 * share, outer - 0.015 * share, 0.05 * share)
        return shifts

    def _upper_lip(self) -> Shifts:
        upper, lower = self._lips()
        shifts = self._still() | dict.fromkeys(ALAE, (0.0, -0.025, 0.0))
        for vertex, _, bump in upper:
            shifts[vertex] = (0.0, -LIP_RAISE * bump - 0.01, 0.0)
        for vertex, share, _ in lower:
            shifts[vertex] = (0.0, -0.01 * share, 0.0)
        return shifts

    def _lower_lip(self) -> Shifts:
        upper, lower = self._lips()
        shifts = self._still() | {175: (0.0, 0.0, 0.0), 199: (0.0, 0.015, 0.0)}
        for vertex, share, _ in upper:
            shifts[vertex] = (0.0, 0.01 * share**2, 0.0)
        for vertex, _, bump in lower:
            shifts[vertex] = (0.0, LIP_LOWER * bump + 0.01, 0.0)
        return shifts

    def _pressed(self) -> Shifts:
        upper, lower = self._lips()
        shifts = self._still() | {175: (0.0, -0.01, 0.0), 200: (0.0, -0.02, 0.0)}
        for vertex, share, bump in upper:
            outer = 0.055 * bump if vertex in UPPER_OUTER_LIP else 0.0
            shifts[vertex] = (0.015 * share, outer, 0.03)
        for vertex, share, bump in lower:
            outer = -0.07 * bump if vertex in LOWER_OUTER_LIP else 0.0
            shifts[vertex] = (0.015 * share, outer, 0.03)
        return shifts

    def _smile(self) -> Shifts:
        upper, lower = self._lips()
        shifts = self._still() | {CHEEK[0]: (0.01, -0.05, 0.0), CHEEK[1]: (0.05, -0.07, 0.0)}
        shifts |= dict.fromkeys(LEFT_LOWER_LID[2:-2], (0.0, -0.015, 0.0))
        for vertex, share, _ in (*upper, *lower):
            shifts[vertex] = (SMILE_OUT * share, -SMILE_UP * share**2, 0.07 * share)
        for vertex, share, bump in lower:
            if vertex in LOWER_OUTER_LIP:
                shifts[vertex] = (SMILE_OUT * share, -SMILE_UP * share**2 - 0.02 * bump, 0.05)
        return shifts

    def _mouth_down(self) -> Shifts:
        upper, lower = self._lips()
        shifts = self._still() | {199: (0.0, -0.02, 0.0), 200: (0.0, -0.03, 0.0)}
        for vertex, share, _ in (*upper, *lower):
            shifts[vertex] = (0.01 * share, 0.09 * share**2 - 0.01, 0.02 * share)
        return shifts

    def _brows_up(self) -> Shifts:
        shifts = self._upper_face_still()
        shifts |= dict.fromkeys(LEFT_BROW, (0.0, -0.14, 0.0))
        shifts |= {70: (0.0, -0.10, 0.0), 46: (0.0, -0.09, 0.0), 9: (0.0, -0.10, 0.0)}
        return shifts | {8: (0.0, -0.05, 0.0), 151: (0.0, -0.07, 0.0)}

    def _brows_down(self) -> Shifts:
        shifts = self._upper_face_still()
        inner, middle, outer = (-0.06, 0.085, 0.0), (-0.04, 0.06, 0.0), (0.0, 0.015, 0.0)
        shifts |= {107: inner, 55: inner, 66: inner, 65: inner, 105: middle, 52: middle}
        shifts |= {63: (-0.02, 0.035, 0.0), 53: (-0.02, 0.035, 0.0), 70: outer, 46: outer}
        return shifts | {9: (0.0, 0.05, 0.0), 8: (0.0, 0.04, 0.0)}

    def _upper_face_still(self) -> Shifts:
        rings = [vertex for ring in EYE_RINGS for vertex in ring]
        still = [*OVAL, *rings, *OUTER_LIP_RING, *INNER_LIP_RING, *NOSE, *CHEEK, 117, 118, 111]
        return dict.fromkeys(still, (0.0, 0.0, 0.0))

    def _squint(self) -> Shifts:
        """Only what goes along; the lids themselves are moved by the rig."""
        rings = (*LEFT_UPPER_LID, *LEFT_LOWER_LID)
        still = [*OVAL, *rings, *OUTER_LIP_RING, *NOSE, *LEFT_BROW]
        return dict.fromkeys(still, (0.0, 0.0, 0.0)) | {
            CHEEK[0]: (0.01, -0.05, 0.0), 118: (0.0, -0.03, 0.0), 117: (0.0, -0.03, 0.0),
        }  # fmt: skip

"""The rig of one portrait: named controls in, moved mesh out, controls of the photo read off.

A mesh is MediaPipe's face (468 vertices), four rings of context from its outline to the border
of the picture, the fixed border, and two eyeballs that lie under the lids. Positions are shares
of the crop, x to the right, y down, z away from the camera.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from openfloat.data.controls import INDEX, TABLE
from openfloat.data.face_rig_fields import (
    INNER_PAIRS,
    JAW_DROP,
    LID_PAIRS,
    LIP_LOWER,
    LIP_RAISE,
    SMILE_OUT,
    SMILE_UP,
)
from openfloat.data.face_rig_model import (
    EYE_POINTS,
    IRIS_GROWTH,
    NUM_FACE,
    RING_STEPS,
    FaceModel,
    border_points,
)
from openfloat.data.mesh import (
    IRIS_CENTRES,
    IRIS_RINGS,
    OVAL,
    UPPER_LIDS,
    Points,
    eye_centres,
)
from openfloat.vision.head_pose import Pose, estimate_pose, rotation

PIVOT_DEPTH = 1.1
"""Eye distances from the mean of the face back to the point that the head turns about."""
STANDARD_HALF = 0.5 / 1.6
"""Half side of the face's box in the standard crop."""
NEUTRAL_WIDTH, NEUTRAL_LIFT = 0.72, -0.016
"""Mouth width, and corners above the lip line: medians of the pack's neutral train portraits."""
OPEN_EYE = 0.29
NEUTRAL_GAZE = np.array([0.0, -0.067])
GAZE_REACH = np.array([0.17, 0.09])
"""Eye widths that the iris travels at full gaze."""
TEETH_BACK = 0.06
"""Eye distances that the teeth lie behind the lips."""
CLOSED_GAP = 0.03
"""Eye distances between the lips below which a mouth counts as closed."""
MIDDLE = slice(3, 6)
"""The pairs of `INNER_PAIRS` in the middle of the mouth."""


def eye_axes(points: NDArray[np.floating], eye: int) -> tuple[NDArray[np.floating], float]:
    """Middle between the corners of an eye, and the eye's width."""
    outer, inner = points[UPPER_LIDS[eye][0]], points[UPPER_LIDS[eye][-1]]
    return (outer + inner) / 2, float(np.linalg.norm(outer - inner))


@dataclass(frozen=True, eq=False)
class FaceRig:
    """One portrait's mesh, its base controls, and how it moves.

    Args:
        model: template, fields and topology.
        landmarks: (478, 3) of the standard crop.
    """

    model: FaceModel
    landmarks: Points

    @cached_property
    def unit(self) -> float:
        """Distance of the eye centres as a share of the crop."""
        left, right = eye_centres(self.landmarks)
        return float(np.linalg.norm(right - left))

    @cached_property
    def base_pose(self) -> Pose:
        return estimate_pose(self.landmarks, self.model.template.points)

    @cached_property
    def _turn(self) -> NDArray[np.float64]:
        return rotation(self.base_pose)

    @cached_property
    def _box(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Centre of the frontal face's box, set back to the pivot, and the box' half sides."""
        frontal = (self.landmarks[:NUM_FACE] - self._mean) @ self._turn
        low, high = frontal.min(axis=0), frontal.max(axis=0)
        centre = (low + high) / 2
        centre[2] = PIVOT_DEPTH * self.unit
        return centre, (high - low) / 2

    @cached_property
    def _mean(self) -> NDArray[np.float64]:
        return self.landmarks[:NUM_FACE].astype(np.float64).mean(axis=0)

    @cached_property
    def pivot(self) -> NDArray[np.float64]:
        """(3,) the point that the head turns about, in the picture."""
        return self._mean + self._turn @ self._box[0]

    @cached_property
    def frontal(self) -> NDArray[np.float64]:
        """(478, 3) the portrait's landmarks about the pivot, turned to the front, in shares."""
        return (self.landmarks - self.pivot) @ self._turn

    @cached_property
    def base(self) -> NDArray[np.float32]:
        """(20,) physical controls that the untouched crop shows."""
        values = dict.fromkeys(INDEX, 0.0)
        values.update(zip(("yaw", "pitch", "roll"), self.base_pose, strict=True))
        values["x"], values["y"] = (self.pivot[:2] - 0.5).tolist()
        values["scale"] = float(np.log(self._box[1][:2].max() / STANDARD_HALF))
        values.update(self._base_mouth())
        values.update(self._base_eyes())
        return np.array([values[control.name] for control in TABLE], dtype=np.float32)

    def _base_mouth(self) -> dict[str, float]:
        """Smile from width and lift of the corners, opening from the gap between the lips."""
        points = self.frontal / self.unit
        gap = float(self._gaps()[MIDDLE].mean())
        width = points[308, 0] - points[78, 0]
        lift = (points[13, 1] + points[14, 1] - points[78, 1] - points[308, 1]) / 2
        smile = (width - NEUTRAL_WIDTH) / (4 * SMILE_OUT) + (lift - NEUTRAL_LIFT) / (2 * SMILE_UP)
        values = {
            "smile": float(np.clip(smile, 0, 1)),
            "mouth_down": float(np.clip((NEUTRAL_LIFT - 0.014 - lift) / 0.09, 0, 0.6)),
        }
        if gap > CLOSED_GAP:
            lips = 0.4 * float(np.clip(smile / 0.4, 0, 1))
            values["upper_lip_up"] = min(1.0, lips * gap / LIP_RAISE)
            values["lower_lip_down"] = min(1.0, lips * gap / LIP_LOWER)
            rest = gap - LIP_RAISE * values["upper_lip_up"] - LIP_LOWER * values["lower_lip_down"]
            values["jaw_open"] = min(1.0, rest / JAW_DROP)
        return values

    def _base_eyes(self) -> dict[str, float]:
        """Blink from the lids' distance, gaze from where the irises lie between the corners."""
        apertures, gazes = [], []
        for eye, pairs in enumerate(LID_PAIRS):
            centre, width = eye_axes(self.frontal, eye)
            upper, lower = np.array(pairs[2:5]).T
            apertures.append((self.frontal[lower, 1] - self.frontal[upper, 1]).mean() / width)
            gazes.append((self.frontal[IRIS_CENTRES[eye]] - centre)[:2] / width)
        gaze = np.clip((np.mean(gazes, axis=0) - NEUTRAL_GAZE) / GAZE_REACH, -1, 1)
        narrow = float(np.mean(apertures)) / OPEN_EYE
        return {
            "blink": float(np.clip((0.65 - narrow) / 0.65, 0, 1)),
            "gaze_x": float(gaze[0]),
            "gaze_y": float(gaze[1]),
        }

    def _gaps(self) -> NDArray[np.float64]:
        """(9,) eye distances between the portrait's inner lips."""
        upper, lower = np.array(INNER_PAIRS).T
        return np.asarray(self.frontal[lower, 1] - self.frontal[upper, 1]) / self.unit

    @property
    def mouth_is_open(self) -> bool:
        """Whether the portrait itself shows its teeth."""
        return bool(self._gaps()[MIDDLE].mean() > CLOSED_GAP)

    def expression(self, controls: NDArray[np.float32]) -> NDArray[np.float64]:
        """(468, 3) the face with an expression, frontal, about the pivot, in shares."""
        change = controls.astype(np.float64) - self.base
        fields = self.model.fields.linear.astype(np.float64)
        shift = np.tensordot(change, fields, axes=1)
        shift[:, 1] += self._lip_contact(controls, shift) + self._lids(controls)
        return self.frontal[:NUM_FACE] + shift * self.unit

    def _lip_contact(
        self, controls: NDArray[np.float32], shift: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(468,) vertical shift that lets lips meet without passing through one another.

        The portrait's own unevenness of the gap vanishes as the mouth closes; pressed lips close.
        """
        upper, lower = np.array(INNER_PAIRS).T
        fields = self.model.fields.linear[:, :, 1]
        share = fields[:, lower] - fields[:, upper]
        wanted, base = controls @ share, self.base @ share
        residue = self._gaps() - base
        if self.mouth_is_open:
            residue *= np.clip(wanted[MIDDLE].mean() / max(base[MIDDLE].mean(), 1e-3), 0, 1)
        gap = np.maximum(wanted + residue, np.minimum(self._gaps(), 0))
        gap = gap * (1 - np.clip(controls[INDEX["lips_pressed"]], 0, 1))
        excess = gap - (self._gaps() + shift[lower, 1] - shift[upper, 1])
        lips = self.model.fields.lips
        return np.asarray(lips[:, 0] @ (-0.4 * excess) + lips[:, 1] @ (0.6 * excess))

    def _lids(self, controls: NDArray[np.float32]) -> NDArray[np.float64]:
        """(468,) vertical shift of the lids: a blink comes from above, a squint from both."""
        change = np.zeros(NUM_FACE)
        blink = _share_left(controls, self.base, "blink", 1.0)
        squint = _share_left(controls, self.base, "squint", 0.45)
        for eye, pairs in enumerate(LID_PAIRS):
            upper, lower = np.array(pairs).T
            gap = (self.frontal[lower, 1] - self.frontal[upper, 1]) / self.unit
            by_blink, by_squint = gap * (1 - blink), gap * blink * (1 - squint)
            lids = self.model.fields.lids[:, eye]
            change += lids[:, 0] @ (0.85 * by_blink + 0.45 * by_squint)
            change -= lids[:, 1] @ (0.15 * by_blink + 0.55 * by_squint)
        return change

    def eyeball(self, eye: int, gaze: NDArray[np.floating]) -> NDArray[np.float64]:
        """(17, 3) one eyeball in the frontal face: centre and edge of the iris, outer ring."""
        middle, width = eye_axes(self.frontal, eye)
        centre = self.frontal[IRIS_CENTRES[eye]].copy()
        radii = np.linalg.norm(self.frontal[list(IRIS_RINGS[eye])] - centre, axis=1)
        centre[:2] += (gaze - self.base[[INDEX["gaze_x"], INDEX["gaze_y"]]]) * GAZE_REACH * width
        angle = np.arange(EYE_POINTS) * (2 * np.pi / EYE_POINTS)
        circle = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
        centre[2] = middle[2]
        outer = middle + circle * [0.66 * width, 0.5 * width, 0]
        return np.concatenate([centre[None], centre + IRIS_GROWTH * radii.mean() * circle, outer])

    def placement(self, controls: NDArray[np.float32]) -> tuple[NDArray[np.float64], ...]:
        """Matrix (3, 3) and offset (3,) that take the frontal face to its place in a picture."""
        pose = Pose(*controls[:3].tolist())
        growth = float(np.exp(controls[INDEX["scale"]] - self.base[INDEX["scale"]]))
        offset = self.pivot.copy()
        offset[:2] += controls[3:5] - self.base[3:5]
        return rotation(pose) * growth, offset

    def vertices(self, controls: NDArray[np.float32]) -> NDArray[np.float32]:
        """(V, 3) the whole mesh under absolute controls (20,) in physical units."""
        turn, offset = self.placement(controls)
        face = self.expression(controls) @ turn.T + offset
        rigid = self.frontal[:NUM_FACE] @ turn.T + offset
        gaze = controls[[INDEX["gaze_x"], INDEX["gaze_y"]]]
        eyes = [self.eyeball(eye, gaze) @ turn.T + offset for eye in (0, 1)]
        context = self._context(turn, offset, (face - rigid)[list(OVAL)])
        teeth = self.teeth @ turn.T + offset
        return np.concatenate([face, context, *eyes, teeth]).astype(np.float32)

    @cached_property
    def teeth(self) -> NDArray[np.float64]:
        """(3, 3) a triangle around the mouth in the plane of the upper teeth, in the frontal face.

        It moves with the skull alone.
        """
        lips = self.frontal[[13, 14]].mean(axis=0)
        corners = np.array([[-1.0, -0.6, TEETH_BACK], [1.0, -0.6, TEETH_BACK], [0, 1, TEETH_BACK]])
        return np.asarray(lips + corners * self.unit)

    def _context(
        self,
        turn: NDArray[np.float64],
        offset: NDArray[np.float64],
        outline_shift: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """(180, 3) rings that follow the head less and less, and the border that stays."""
        rings = []
        for step, still in self._rings:
            moved = (still - self.pivot) @ self._turn @ turn.T + offset
            follow = 1 - step * step * (3 - 2 * step)
            rings.append(still + follow * (moved - still) + (1 - step) ** 2 * outline_shift)
        return np.concatenate(rings)

    @cached_property
    def _rings(self) -> list[tuple[float, NDArray[np.float64]]]:
        """Each ring's place between outline (0) and border (1), and its points at rest."""
        return [(step, self._ring(step)) for step in (*RING_STEPS, 1.0)]

    def _ring(self, step: float) -> NDArray[np.float64]:
        """(36, 3) one ring of the untouched portrait; it falls back to the pivot's depth."""
        outline = self.landmarks[list(OVAL)].astype(np.float64)
        ring = outline.copy()
        ring[:, :2] += step * (border_points() - outline[:, :2])
        back = min(1.0, step / 0.4)
        ring[:, 2] += back * back * (3 - 2 * back) * (self.pivot[2] - outline[:, 2])
        return ring


def _share_left(
    controls: NDArray[np.float32], base: NDArray[np.float32], name: str, full: float
) -> float:
    """Opening that remains of the portrait's own when a control narrows it by a share."""
    wanted = 1 - full * float(np.clip(controls[INDEX[name]], 0, 1))
    return min(wanted / max(1 - full * float(base[INDEX[name]]), 0.25), 1.7)

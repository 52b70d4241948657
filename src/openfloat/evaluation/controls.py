"""Named controls, measured on generated frames against the data engine's pictures.

Each control is swept through nine values, on held-out portraits, once by the decoder and once by
the data engine, whose pictures show exactly what was asked. The same yardstick looks at both: where
it sees too little it does so in both, so that slope 1 means *as the engine does*.

There are two yardsticks, neither of which knows the model: the landmark detector, and linear
filters on the colours. Slopes are the detector's where it sees the control, the filters' elsewhere.
Leakage is into what the detector sees (yaw, roll and mouth on most portraits), for all controls.
The filters' leakage, into everything, is told but not judged: it has a floor. Fed with the engine's
own pictures, blurred, they report 0.1 to 0.3 for yaw, pitch and blink, and half and more for a head
that turns two thirds of the way, since pixels are not linear in a turn; their slopes of eyes fall
to 0.6 to 0.8 by blur alone, and two thirds of the way reads as 0.7 to 0.8.
"""

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Float64
from numpy import ndarray

from openfloat.clip import Portrait
from openfloat.data.controls import SCALES
from openfloat.data.engine import Drawing, PortraitEngine
from openfloat.data.face_rig_model import FaceModel, landmarks_of
from openfloat.data.manifest import Split, read_manifest
from openfloat.data.mesh import load_template
from openfloat.data.portraits import load_portrait, read_landmarks
from openfloat.editing.control_map import NOMINAL
from openfloat.errors import BadInput, NoFaceFound
from openfloat.evaluation.face_measures import ASKABLE, measure_face
from openfloat.evaluation.goals import CONTROL_GOALS
from openfloat.evaluation.model import hardware
from openfloat.evaluation.picture_filters import change, dual_filters, features
from openfloat.evaluation.responses import Readings, leakage
from openfloat.evaluation.sweeps import Sweep, sweep_of
from openfloat.evaluation.tracking import AS_IT_IS, Frames, seen_points
from openfloat.pipeline import FloatPipeline
from openfloat.vision.face import Face, choose_face, detect_faces

PHOTO_SIZE = 512
"""Pixels of the portrait that the engine moves; its pictures are as large as the model's."""
YARDSTICKS = ("landmarks", "pictures")
"""The first that sees a control on most portraits gives its slope, the first of all its leakage."""
FIGURES = ("slope", "r2", "leakage", "seen")


@dataclass(frozen=True, eq=False)
class Subject:
    """One held-out portrait that the engine moves."""

    name: str
    engine: PortraitEngine
    face: Face
    """Found in the untouched picture, which the decoder starts from too."""

    def measured(self, points: Float64[ndarray, "n 478 2"]) -> Float64[ndarray, "n 9"]:
        """What points show, for the person's own frontal face."""
        shape = self.engine.rig.frontal.astype(np.float64)
        return np.stack([measure_face(face, shape) for face in points])

    def seen(self, frames: Frames) -> Float64[ndarray, "n 9"]:
        """What the landmark detector sees; NaN for all frames where one of them has no face."""
        try:
            return self.measured(seen_points(frames, self.face))
        except NoFaceFound:
            return np.full((len(frames), len(ASKABLE)), np.nan)


def evaluate_controls(
    pipeline: FloatPipeline,
    data_dir: Path,
    *,
    portraits: int = 24,
    said: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Measure every control that a user can ask for.

    Args:
        pipeline: a model whose motion directions have names.
        data_dir: a data pack with held-out portraits and the canonical face.
        portraits: how many held-out people.
        said: told of every portrait.

    Returns:
        for JSON: under `controls`, for each, medians of `slope` and `leakage`, the yardstick that
        the slope is measured `by`, what is leaked `into` most, `goals`, and of both `yardsticks`
        medians, their `spread`, and how many portraits were `measured` and `skipped`; under
        `rows` one row for each portrait and control with the figures of either yardstick; model
        and hardware.

    Raises:
        BadInput: the model's directions have no names, or the folder is no data pack.
    """
    if not pipeline.config.controls:
        raise BadInput(f"the motion directions of {pipeline.config.name} have no names to measure")
    rows: list[dict[str, Any]] = []
    for name, subject in subjects(data_dir, portraits, pipeline.config.autoencoder.size):
        said(name)
        if subject is None:
            rows += no_face_rows(name)
        else:
            portrait = pipeline.encode(subject.engine.untouched().image, AS_IT_IS)
            rows += portrait_rows(subject, partial(decoded, pipeline, portrait))
    return {
        "controls": {control: summarise(rows, control) for control in ASKABLE},
        "rows": rows,
        "model": pipeline.config.name,
        "hardware": hardware(pipeline.device.type),
    }


def subjects(
    data_dir: Path, count: int, size: int, split: Split = "heldout"
) -> Iterator[tuple[str, Subject | None]]:
    """Portraits of different people with their files' names, None where no face is found.

    Args:
        data_dir: a data pack.
        count: people, spread over the sources.
        size: pixels of the pictures that the engine makes.
        split: whose portraits.
    """
    people = {row.person: row for row in read_manifest(data_dir).portraits_of(split)}
    rows = sorted(people.values(), key=lambda row: row.file)
    model = FaceModel(load_template(data_dir / "canonical_face_mediapipe.obj"))
    landmarks = read_landmarks(data_dir)
    for index in np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int):
        photo = load_portrait(data_dir, rows[index], landmarks, size=PHOTO_SIZE)
        engine = PortraitEngine(model, photo, size)
        image, name = engine.untouched().image, rows[index].file
        try:
            face = choose_face(detect_faces(image), None)
        except NoFaceFound:
            yield name, None
            continue
        yield name, Subject(name, engine, face)


@dataclass(frozen=True, eq=False)
class References:
    """What the data engine shows of one portrait: the same for every decoder."""

    sweeps: list[Sweep]
    images: list[Frames]
    """Of each sweep."""
    true: Float64[ndarray, "k n"]
    """Measures of the engine's mesh itself, each sweep's own."""
    seen: Float64[ndarray, "k n k"]
    """What the landmark detector sees in the images."""

    @classmethod
    def of(cls, subject: Subject) -> Self:
        """Draw and measure them."""
        sweeps = [sweep_of(control, subject.engine.rig.base) for control in ASKABLE]
        drawings = [subject.engine.drawings(sweep.controls) for sweep in sweeps]
        images = [np.stack([image for image, _ in swept]) for swept in drawings]
        return cls(
            sweeps,
            images,
            np.stack([_true(subject, swept)[:, k] for k, swept in enumerate(drawings)]),
            np.stack([subject.seen(frames) for frames in images]),
        )


def portrait_rows(
    subject: Subject, decode: Callable[[Sweep], Frames], known: References | None = None
) -> list[dict[str, Any]]:
    """One row for every control, with the portrait's own turn and the figures of either yardstick.

    Args:
        subject: the portrait.
        decode: makes the frames that are measured, one for each value of a sweep.
        known: its `References`, where they are at hand.
    """
    known = known or References.of(subject)
    made = [decode(sweep) for sweep in known.sweeps]
    amounts = np.stack([sweep.amounts for sweep in known.sweeps])
    seen = np.stack([subject.seen(frames) for frames in made])
    readings = {
        "landmarks": Readings(amounts, known.true, known.seen, seen),
        "pictures": _filtered(amounts, known.images, made),
    }
    pose = [float(v) for v in subject.engine.rig.base[:3] / SCALES[:3]]
    return [
        {"file": subject.name, "control": control, "pose": pose}
        | {kind: found.figures(k, ASKABLE) for kind, found in readings.items()}
        for k, control in enumerate(ASKABLE)
    ]


def decoded(pipeline: FloatPipeline, portrait: Portrait, sweep: Sweep) -> Frames:
    """What the model shows for a sweep on a portrait."""
    own = portrait.coefficients.cpu().numpy()[0]
    made = sweep.coefficients(own, pipeline.control_map or NOMINAL)
    asked = torch.from_numpy(made).to(pipeline.device)
    return pipeline.decode(portrait, asked)


def _true(subject: Subject, drawings: list[Drawing]) -> Float64[ndarray, "n 9"]:
    """Measures of the engine's mesh itself."""
    meshes = [landmarks_of(mesh)[:, :2].astype(np.float64) for _, mesh in drawings]
    return subject.measured(np.stack(meshes))


def _filtered(
    amounts: Float64[ndarray, "k n"], known: list[Frames], made: list[Frames]
) -> Readings:
    """What the filters of the engine's own changes see, in units of coefficients."""
    seen = [features(frames) for frames in known]
    filters = dual_filters(np.stack([change(a, f) for a, f in zip(amounts, seen, strict=True)]))
    answers = np.stack([frames @ filters for frames in seen])
    return Readings(amounts, amounts, answers, np.stack([features(f) @ filters for f in made]))


def no_face_rows(name: str) -> list[dict[str, Any]]:
    """Rows of a portrait in which no face was found."""
    figures = {kind: {"skipped": "no face in the photo"} for kind in YARDSTICKS}
    return [{"file": name, "control": control, **figures} for control in ASKABLE]


def summarise(rows: list[dict[str, Any]], control: str) -> dict[str, Any]:
    """One control's slope and leakage, their goals, and the medians of every yardstick."""
    mine = [row for row in rows if row["control"] == control]
    found = {kind: _medians([row[kind] for row in mine]) for kind in YARDSTICKS}
    enough = [kind for kind in YARDSTICKS if 2 * found[kind]["measured"] > len(mine)]
    by = enough[0] if enough else YARDSTICKS[-1]
    figures = {"slope": found[by]["slope"], **_leakage(mine, by)}
    goals = {
        name: goal.judge(figures[name]) for name, goal in CONTROL_GOALS.get(control, {}).items()
    }
    return {"by": by, **figures, "goals": goals, "yardsticks": found}


def _leakage(rows: list[dict[str, Any]], by: str) -> dict[str, Any]:
    """Median leakage into what the landmarks see, beside a yardstick's slope, and where most."""
    good = [row for row in rows if "slope" in row[by] and "leaks" in row[YARDSTICKS[0]]]
    if not good:
        return {"leakage": None, "into": None}
    lost = np.array([list(row[YARDSTICKS[0]]["leaks"].values()) for row in good])
    shares = [leakage(row[by]["slope"], own) for row, own in zip(good, lost, strict=True)]
    worst = int(np.median(np.abs(lost), axis=0).argmax())
    return {"leakage": statistics.median(shares), "into": ASKABLE[worst]}


def _medians(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians, smallest and largest of the rows that were measured."""
    good = [row for row in rows if "skipped" not in row]
    report: dict[str, Any] = {"measured": len(good), "skipped": len(rows) - len(good)}
    report |= {name: statistics.median(r[name] for r in good) if good else None for name in FIGURES}
    report["spread"] = {
        name: [min(r[name] for r in good), max(r[name] for r in good)] for name in FIGURES if good
    }
    others = {m: statistics.median(abs(r["leaks"][m]) for r in good) for m in ASKABLE if good}
    report["into"] = max(others, key=lambda name: others[name]) if others else None
    return report

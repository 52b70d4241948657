"""The rig on the data pack's face template and two of its public portraits."""

import os
from pathlib import Path

import numpy as np
import pytest

from openfloat.data.controls import INDEX, SCALES
from openfloat.data.engine_controls import draw_controls
from openfloat.data.face_rig import FaceRig
from openfloat.data.face_rig_model import NUM_SKIN, FaceModel, landmarks_of
from openfloat.data.manifest import read_manifest
from openfloat.data.mesh import (
    LOWER_INNER_LIP,
    LOWER_LIDS,
    UPPER_INNER_LIP,
    UPPER_LIDS,
    load_template,
    spread,
)
from openfloat.data.portraits import load_portrait, read_landmarks
from openfloat.errors import BadInput

DATA = Path(os.environ.get("OPENFLOAT_DATA", Path(__file__).parents[2] / "../shared/data"))
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the data pack is not here")
CALM, SMILING = "london_001_neutral.jpg", "congress_S001164.jpg"


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return FaceModel(load_template(DATA / "canonical_face_mediapipe.obj"))


@pytest.fixture(scope="module")
def rigs(model: FaceModel) -> dict[str, FaceRig]:
    rows = {row.name: row for row in read_manifest(DATA).portraits_of("train")}
    landmarks = read_landmarks(DATA)
    return {
        name: FaceRig(model, load_portrait(DATA, rows[name], landmarks, size=32).landmarks)
        for name in (CALM, SMILING)
    }


def change(rig: FaceRig, **values: float) -> np.ndarray:
    controls = rig.base.copy()
    for name, value in values.items():
        controls[INDEX[name]] = value
    return controls


def lip_gaps(vertices: np.ndarray) -> np.ndarray:
    upper, lower = list(UPPER_INNER_LIP[1:-1]), list(LOWER_INNER_LIP[1:-1])
    return vertices[lower, 1] - vertices[upper, 1]


@pytest.mark.parametrize("name", [CALM, SMILING])
def test_base_controls_move_nothing(rigs: dict[str, FaceRig], name: str) -> None:
    rig = rigs[name]
    np.testing.assert_allclose(rig.vertices(rig.base)[:468], rig.landmarks[:468], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", [CALM, SMILING])
def test_pose_place_and_gaze_can_be_read_off_the_moved_mesh(
    rigs: dict[str, FaceRig], model: FaceModel, name: str
) -> None:
    generator = np.random.default_rng(1)
    for _ in range(10):
        asked = draw_controls(rigs[name].base, generator)
        moved = FaceRig(model, landmarks_of(rigs[name].vertices(asked)))
        error = abs(moved.base - asked) / SCALES
        assert error[[INDEX[n] for n in ("yaw", "pitch", "roll", "x")]].max() < 0.1
        assert error[[INDEX[n] for n in ("gaze_x", "gaze_y")]].max() < 0.6


def test_a_smiling_portrait_reads_as_smiling(rigs: dict[str, FaceRig]) -> None:
    smile = INDEX["smile"]
    assert rigs[CALM].base[smile] < 0.15
    assert rigs[SMILING].base[smile] > 0.5
    assert rigs[SMILING].mouth_is_open
    assert not rigs[CALM].mouth_is_open


def test_the_border_of_the_picture_never_moves(rigs: dict[str, FaceRig]) -> None:
    rig = rigs[CALM]
    still, moved = (
        rig.vertices(controls)[NUM_SKIN - 36 : NUM_SKIN, :2]
        for controls in (rig.base, change(rig, yaw=14, x=0.08, scale=0.1, jaw_open=1))
    )
    np.testing.assert_allclose(moved, still, atol=1e-6)
    assert set(map(tuple, np.round(still, 4))) >= {(0, 0), (0, 1), (1, 0), (1, 1)}


@pytest.mark.parametrize("name", [CALM, SMILING])
def test_lips_meet_and_never_pass_through_each_other(rigs: dict[str, FaceRig], name: str) -> None:
    rig, mouth = rigs[name], dict.fromkeys(("upper_lip_up", "lower_lip_down", "smile"), 0.0)
    closed = lip_gaps(rig.vertices(change(rig, jaw_open=0, roll=0, yaw=0, pitch=0, **mouth)))
    assert abs(closed).max() < 0.01 * rig.unit + 0.004
    pressed = change(rig, jaw_open=0.3, lips_pressed=1, roll=0, yaw=0, pitch=0, **mouth)
    assert abs(lip_gaps(rig.vertices(pressed))).max() < 0.01 * rig.unit + 0.004
    opened = lip_gaps(rig.vertices(change(rig, jaw_open=1, roll=0, yaw=0, pitch=0, **mouth)))
    np.testing.assert_allclose(opened[4] / rig.unit, 0.41, atol=0.03)


def test_a_blink_brings_each_upper_lid_to_its_lower_lid(rigs: dict[str, FaceRig]) -> None:
    for rig in rigs.values():
        vertices = rig.vertices(change(rig, blink=1))
        for upper, lower in zip(UPPER_LIDS, LOWER_LIDS, strict=True):
            opening = vertices[list(lower[1:-1])] - vertices[list(upper[1:-1])]
            assert abs(opening[:, 1]).max() < 0.02 * rig.unit


def test_gaze_moves_irises_and_nothing_else(rigs: dict[str, FaceRig]) -> None:
    rig = rigs[CALM]
    still = rig.vertices(rig.base)
    moved = rig.vertices(change(rig, gaze_x=rig.base[INDEX["gaze_x"]] + 0.5))
    np.testing.assert_array_equal(moved[:NUM_SKIN], still[:NUM_SKIN])
    shifts = moved[[NUM_SKIN, NUM_SKIN + 17], 0] - still[[NUM_SKIN, NUM_SKIN + 17], 0]
    assert (shifts > 0.005).all()


def test_fields_are_mirror_images_of_themselves(model: FaceModel) -> None:
    fields, mirror = model.fields.linear, model.template.mirror
    np.testing.assert_allclose(fields[:, mirror] * [-1, 1, 1], fields, atol=2e-3)


def test_spreading_keeps_anchors_and_constants(model: FaceModel) -> None:
    anchors = [10, 152, 234, 454, 1]
    shares = spread(model.template, anchors)
    np.testing.assert_allclose(shares[anchors], np.eye(5), atol=1e-6)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-3)


def test_every_mesh_triangle_names_a_vertex_and_the_skin_is_closed(model: FaceModel) -> None:
    edges = np.sort(model.skin[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    assert set(counts) == {1, 2}
    assert (counts == 1).sum() == 36  # the border of the picture


def test_a_foreign_mesh_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cube.obj"
    path.write_text("v 0 0 0\nf 1 1 1\n")
    with pytest.raises(BadInput, match="468 vertices"):
        load_template(path)


def test_a_portrait_s_landmarks_come_back_from_its_mesh(rigs: dict[str, FaceRig]) -> None:
    rig = rigs[CALM]
    found = landmarks_of(rig.vertices(rig.base))
    np.testing.assert_allclose(found[:, :2], rig.landmarks[:, :2], atol=0.004)

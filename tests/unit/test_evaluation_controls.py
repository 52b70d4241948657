"""Measures, straight lines and leakage of named controls, on points and numbers placed by hand."""

import numpy as np
import pytest
import torch

from openfloat.data.controls import INDEX, SCALES, TABLE
from openfloat.data.engine_controls import most_turn
from openfloat.data.face_rig_fields import SMILE_OUT, SMILE_UP
from openfloat.data.mesh import IRIS_CENTRES
from openfloat.editing.control_map import SHUT
from openfloat.editing.controls import edited
from openfloat.evaluation.controls import no_face_rows, summarise
from openfloat.evaluation.face_measures import ASKABLE, BROWS, fit_head, measure_face
from openfloat.evaluation.goals import CONTROL_GOALS, controls_table
from openfloat.evaluation.picture_filters import change, dual_filters, features
from openfloat.evaluation.responses import Readings, leakage, leaks, line, slopes
from openfloat.evaluation.sweeps import VALUES, sweep_of
from openfloat.options import MotionEdit
from openfloat.vision.head_pose import Pose, rotation
from openfloat.vision.measure import INNER_LIPS, LIDS


def frontal() -> np.ndarray:
    """(478, 3) points about the origin like a face's: eyes 1 apart, 0.4 wide, corners named."""
    points = np.random.default_rng(0).normal(0, 0.6, (478, 3))
    for outer, inner, side in ((33, 133, -1), (263, 362, 1)):
        points[outer], points[inner] = (side * 0.7, 0, 0), (side * 0.3, 0, 0)
    for pairs, side in zip(LIDS, (-1, 1), strict=True):
        for upper, lower in pairs:
            points[upper], points[lower] = (side * 0.5, -0.06, 0), (side * 0.5, 0.06, 0)
    for centre, side in zip(IRIS_CENTRES, (-1, 1), strict=True):
        points[centre] = (side * 0.5, 0, 0)
    for upper, lower in INNER_LIPS:
        points[upper], points[lower] = (0, 0.9, 0), (0, 0.9, 0)
    points[78], points[308] = (-0.36, 0.9, 0), (0.36, 0.9, 0)
    points[list(BROWS)] = (0, -0.35, 0)
    return points


STRAIGHT = Pose(0, 0, 0)


def seen(points: np.ndarray, pose: Pose = STRAIGHT, size: float = 80.0) -> np.ndarray:
    """Pixels under a parallel projection."""
    return (points @ rotation(pose).T * size)[:, :2] + [120.0, 140.0]


def measured(points: np.ndarray, **place: object) -> dict[str, float]:
    """Measures by name; the shape stays the frontal face."""
    values = measure_face(seen(points, **place), frontal())  # type: ignore[arg-type]
    return dict(zip(ASKABLE, values.tolist(), strict=True))


@pytest.mark.parametrize("pose", [(0, 0, 0), (25, -15, 10), (-40, 20, -30), (0, 0, 80)])
def test_the_pose_of_a_projected_shape_is_found_at_any_size(pose: tuple[float, ...]) -> None:
    found = fit_head(seen(frontal(), Pose(*pose), 57.0), frontal() * 3)
    assert found.pose == pytest.approx(pose, abs=1e-3)
    assert found.size == pytest.approx(57)
    assert found.error < 1e-6


def test_a_fit_that_is_off_says_by_how_much() -> None:
    noise = np.random.default_rng(1).normal(0, 0.8, (478, 2))
    found = fit_head(seen(frontal()) + noise, frontal())
    assert found.error == pytest.approx(0.8 * 2**0.5 / 80, rel=0.25)
    assert found.pose == pytest.approx((0, 0, 0), abs=1.5)


def test_every_measure_equals_the_placed_distance() -> None:
    points = frontal()
    for upper, lower in INNER_LIPS:
        points[upper, 1], points[lower, 1] = 0.85, 0.95
    points[list(BROWS), 1] -= 0.07
    points[list(IRIS_CENTRES), :2] += (0.04, -0.02)
    points[78, 0] -= 0.03
    found = measured(points)
    assert found["mouth"] == pytest.approx(0.1)
    assert found["blink"] == pytest.approx(-0.12)
    assert found["brows"] == pytest.approx(0.42)
    assert found["gaze_x"] == pytest.approx(0.1)
    assert found["gaze_y"] == pytest.approx(-0.05)
    assert found["smile"] == pytest.approx(0.75 / (4 * SMILE_OUT))
    points[[78, 308], 1] -= 0.05
    risen = measured(points)["smile"] - found["smile"]
    assert risen == pytest.approx(0.05 / (2 * SMILE_UP))


def test_turning_in_the_picture_and_growing_changes_the_roll_alone() -> None:
    straight = measured(frontal())
    turned = measured(frontal(), pose=Pose(0, 0, 20), size=200.0)
    assert turned.pop("roll") == pytest.approx(20 + straight.pop("roll"), abs=1e-3)
    assert turned == pytest.approx(straight, abs=1e-4)


def test_a_line_has_the_slope_and_the_share_that_it_explains() -> None:
    x = np.array([0.0, 1, 2, 3, 4])
    assert line(x, 3 - 2 * x) == pytest.approx((-2, 1))
    wave = np.array([1.0, -2, 0, 2, -1])  # neither rises nor falls
    assert line(x, wave + 4) == pytest.approx((x @ wave / 10, (x @ wave) ** 2 / 100), abs=1e-9)
    noisy = line(x, 2 * x + np.array([1.0, -2, 2, -2, 1]))
    assert noisy == pytest.approx((2, 40 / 54))
    assert line(x, 0 * x) == (0, 0)
    assert np.isnan(line(0 * x, x).slope)
    np.testing.assert_allclose(slopes(x, np.stack([x, -3 * x], axis=1)), [1, -3])


def test_leakage_is_the_share_that_shows_elsewhere() -> None:
    assert leakage(1.0, np.zeros(3)) == 0
    assert leakage(3.0, np.array([4.0, 0.0])) == pytest.approx(4 / 5)
    assert leakage(0.0, np.array([0.1])) == 1
    assert leakage(0.0, np.zeros(2)) == 1
    lost = leaks(
        np.array([1.0, 5.0, 9.0]), np.array([1.0, 4.0, 2.0]), np.array([3.0, -2.0, np.nan])
    )
    np.testing.assert_allclose(lost, [0, -0.5, 0])


def readings(gain: float, mixed: float, blind: float = 1.0) -> Readings:
    """Two controls; the model moves each by a gain, the first also moves the second a little.

    The yardstick sees both at half size, and the second `blind` times less; in the engine too the
    first control moves the second's measure by 0.3 units.
    """
    asked = np.stack([np.linspace(-2, 2, 5), np.linspace(0, 3, 5)])
    belongs = np.array([[1.0, 0.3], [0.0, 1.0]])
    gains = np.array([[gain, 0.3 + mixed], [0.0, gain]])
    sight = 0.5 * np.array([1.0, blind])
    known = asked[:, :, None] * belongs[:, None] * sight
    return Readings(asked, asked, known, asked[:, :, None] * gains[:, None] * sight + 7)


def test_a_model_that_does_as_the_engine_has_slope_one_and_no_leakage() -> None:
    found = readings(1.0, 0.0).figures(0, ("a", "b"))
    assert found["slope"] == pytest.approx(1)
    assert found["r2"] == pytest.approx(1)
    assert found["leakage"] == pytest.approx(0, abs=1e-9)
    assert found["seen"] == pytest.approx(0.5)


def test_slope_and_leakage_are_what_was_put_in_whatever_the_yardstick_sees() -> None:
    found = readings(0.8, -0.6, blind=0.7).figures(0, ("a", "b"))
    assert found["slope"] == pytest.approx(0.8)
    assert found["leaks"] == pytest.approx({"a": 0, "b": -0.6})
    assert found["leakage"] == pytest.approx(0.6)


def test_what_the_yardstick_does_not_see_is_skipped_and_is_no_leakage() -> None:
    blind = readings(0.8, 0.6, blind=0.1)
    assert "does not see" in blind.figures(1, ("a", "b"))["skipped"]
    assert blind.figures(0, ("a", "b"))["leakage"] == 0
    lost = readings(1.0, 0.0)
    lost.made[1, 3] = np.nan
    assert lost.figures(1, ("a", "b"))["skipped"] == "no face in a frame"
    assert "slope" in lost.figures(0, ("a", "b"))


def test_filters_tell_overlapping_changes_apart() -> None:
    changes = np.array([[3.0, 0, 0, 0], [1.0, 1.0, 0, 0], [0, 0, 0.01, 0]])
    filters = dual_filters(changes)
    np.testing.assert_allclose(changes @ filters, np.eye(3), atol=0.06)
    hidden = dual_filters(np.array([[1.0, 0], [0.0, 0]]))
    assert np.isfinite(hidden).all()
    assert hidden[0, 0] == pytest.approx(1, abs=0.02)


def test_a_change_is_the_slope_of_every_pixel() -> None:
    pictures = np.zeros((3, 128, 128, 3), np.uint8)
    pictures[:, :64, :, 1] = np.array([0, 51, 102], np.uint8)[:, None, None]
    per_unit = change(np.array([-1.0, 0, 1]), features(pictures)).reshape(3, 64, 64)
    np.testing.assert_allclose(per_unit[1, :32], 51 / 127.5, rtol=1e-6)
    assert abs(per_unit[1, 32:]).max() == abs(per_unit[[0, 2]]).max() == 0


BASE = np.array([control.low * 0.2 + control.high * 0.2 for control in TABLE], np.float32)


@pytest.mark.parametrize("name", ASKABLE)
def test_a_sweep_moves_its_own_directions_within_the_engines_range(name: str) -> None:
    sweep = sweep_of(name, BASE)
    moved = np.flatnonzero(np.ptp(sweep.controls, axis=0))
    own = {"mouth": ["jaw_open"], "brows": ["brows_up", "brows_down"]}.get(name, [name])
    assert set(moved) == {INDEX[column] for column in own}
    assert len(sweep.amounts) == VALUES
    assert (np.diff(sweep.amounts) > 0).all()
    for column in moved:
        assert sweep.controls[:, column].min() >= TABLE[column].low
        assert sweep.controls[:, column].max() <= TABLE[column].high
    if name in ("yaw", "pitch", "roll"):
        turn = np.ptp(sweep.controls[:, moved[0]])
        assert turn <= 2 * most_turn(name, BASE[moved[0]]) + 1e-4


@pytest.mark.parametrize("name", ASKABLE)
def test_a_sweep_asks_the_model_by_way_of_the_users_options(name: str) -> None:
    own = np.random.default_rng(3).normal(0, 0.3, 20).astype(np.float32)
    sweep = sweep_of(name, np.zeros(20, np.float32))
    unit = float(SCALES[sweep.column])
    made = sweep.coefficients(own)
    if name == "mouth":  # factors 0 ... 2 on a mouth drawn half as wide as the sweep goes
        np.testing.assert_allclose(
            made[:, sweep.column] - own[sweep.column], sweep.amounts, atol=1e-5
        )
    elif name == "blink":
        assert made[0, sweep.column] == own[sweep.column]
        assert made[-1, sweep.column] == pytest.approx(SHUT / unit)
    else:
        for amount, row in zip(sweep.amounts, made, strict=True):
            edit = MotionEdit(**{name: float(amount) * unit})
            wanted = edited(torch.from_numpy(own)[None], torch.from_numpy(own), edit)
            np.testing.assert_allclose(row, wanted[0].numpy(), atol=1e-5)
    others = [k for k in range(20) if k != sweep.column and TABLE[k].name != "brows_down"]
    np.testing.assert_array_equal(
        made[:, others], np.broadcast_to(own[others], made[:, others].shape)
    )


def test_medians_goals_and_table_tell_what_was_measured_and_what_was_skipped() -> None:
    rows = no_face_rows("nobody.jpg")
    for gain in (0.7, 0.9, 1.0):
        found = readings(gain, 0.0).figures(0, ("yaw", "pitch"))
        found["leaks"] = dict.fromkeys(ASKABLE, 0.0) | {"blink": 0.2}
        rows.append({"file": "a", "control": "yaw", "landmarks": found, "pictures": found})
    hidden = {"skipped": "does not see it"}
    seen = {"skipped": "does not see it", "leaks": dict.fromkeys(ASKABLE, 0.0) | {"roll": 0.75}}
    rows.append({"file": "a", "control": "pitch", "landmarks": seen, "pictures": found})
    rows.append({"file": "b", "control": "pitch", "landmarks": hidden, "pictures": found})
    controls = {control: summarise(rows, control) for control in ASKABLE}
    yaw = controls["yaw"]
    assert yaw["slope"] == pytest.approx(0.9)
    assert yaw["goals"]["slope"]["holds"]
    counted = yaw["yardsticks"]["landmarks"]
    assert (counted["measured"], counted["skipped"], counted["into"]) == (3, 1, "blink")
    assert counted["spread"]["slope"] == pytest.approx([0.7, 1.0])
    assert controls["pitch"]["by"] == "pictures"
    assert controls["pitch"]["leakage"] == pytest.approx(0.6), "0.75 aside of a slope of 1"
    assert controls["pitch"]["into"] == "roll"
    assert yaw["leakage"] == pytest.approx(0.2 / (0.9**2 + 0.2**2) ** 0.5)
    assert controls["mouth"]["slope"] is None
    assert controls["mouth"]["goals"]["slope"]["holds"] is None
    shown = controls_table({"controls": controls})
    goals = sum(len(goals) for goals in CONTROL_GOALS.values())
    assert len(shown.splitlines()) == 1 + 2 * len(ASKABLE) + goals
    assert "slope 0.90, wanted 0.85 to 1.15: yes" in shown
    assert "slope not measured" in shown

"""Curves of any speaker on a portrait with a pose, a gaze and eyes of its own."""

import numpy as np

from openfloat.data.controls import INDEX, TABLE
from openfloat.data.engine_controls import MOST_TURN
from openfloat.data.engine_motion import fit_to_portrait
from openfloat.data.manner import fixation

LOW = np.array([control.low for control in TABLE], np.float32)
HIGH = np.array([control.high for control in TABLE], np.float32)
ABSOLUTE = [INDEX[name] for name in INDEX if TABLE[INDEX[name]].low == 0 and name != "blink"]


def curves(seed: int, frames: int = 100) -> np.ndarray:
    """Anything that the table allows."""
    return np.random.default_rng(seed).uniform(LOW, HIGH, (frames, 20)).astype(np.float32)


def turned_portrait() -> np.ndarray:
    base = np.zeros(20, np.float32)
    for name, value in {
        "yaw": 16.0, "pitch": -12.0, "roll": 6.0, "x": 0.02, "y": -0.05, "scale": 0.04,
        "jaw_open": 0.1, "smile": 0.9, "blink": 0.3, "gaze_x": -0.2, "gaze_y": 0.1,
    }.items():  # fmt: skip
        base[INDEX[name]] = value
    return base


def fitted(values: np.ndarray, base: np.ndarray, seed: int = 0) -> np.ndarray:
    return fit_to_portrait(values, base, np.random.default_rng(seed))


def test_a_head_stays_near_the_photos_own_pose() -> None:
    base = turned_portrait()
    for seed in range(20):
        pose = fitted(curves(seed), base, seed) - base
        for name, most in MOST_TURN.items():
            assert abs(pose[:, INDEX[name]]).max() <= most
        middle = np.median(pose, axis=0)
        np.testing.assert_allclose(middle[[INDEX["x"], INDEX["y"], INDEX["scale"]]], 0, atol=0.02)


def test_small_movements_of_the_head_keep_their_size() -> None:
    values = np.zeros((50, 20), np.float32)
    values[:, INDEX["yaw"]] = 15 + np.sin(np.arange(50))
    yaw = fitted(values, np.zeros(20, np.float32))[:, INDEX["yaw"]]
    assert 0.85 < np.ptp(yaw) / np.ptp(values[:, INDEX["yaw"]]) <= 1


def test_mouth_and_brows_are_what_the_curves_say() -> None:
    values = curves(1)
    np.testing.assert_array_equal(
        fitted(values, turned_portrait())[:, ABSOLUTE], values[:, ABSOLUTE]
    )


def test_narrow_eyes_are_never_wider_and_still_close() -> None:
    values, base = curves(2), turned_portrait()
    values[0, INDEX["blink"]], values[1, INDEX["blink"]] = 0, 1
    blink = fitted(values, base)[:, INDEX["blink"]]
    assert blink.min() == blink[0] == base[INDEX["blink"]]
    assert blink[1] == 1


def test_eyes_on_the_camera_stay_there_when_the_head_is_held_differently() -> None:
    base = turned_portrait()
    values = np.zeros((60, 20), np.float32)
    values[:, INDEX["yaw"]] = 5 * np.sin(np.arange(60) / 10)
    values[:, INDEX["pitch"]] = 3 * np.cos(np.arange(60) / 15)
    steady = fixation({name: values[:, INDEX[name]] for name in ("yaw", "pitch")})
    values[:, INDEX["gaze_x"]], values[:, INDEX["gaze_y"]] = steady
    found = fitted(values, base)
    turn = found - base
    expected = fixation({name: turn[:, INDEX[name]] for name in ("yaw", "pitch")})
    for name, held in zip(("gaze_x", "gaze_y"), expected, strict=True):
        np.testing.assert_allclose(turn[:, INDEX[name]], held, atol=1e-5)


def test_values_stay_in_the_table_or_are_the_portraits_own_and_inputs_are_kept() -> None:
    values, base = curves(3), turned_portrait()
    before = values.copy(), base.copy()
    found = fitted(values, base)
    assert (found >= np.minimum(LOW, base) - 1e-6).all()
    assert (found <= np.maximum(HIGH, base) + 1e-6).all()
    np.testing.assert_array_equal(values, before[0])
    np.testing.assert_array_equal(base, before[1])
    np.testing.assert_array_equal(found, fitted(values, base))

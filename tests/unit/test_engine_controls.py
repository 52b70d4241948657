import numpy as np

from openfloat.data.controls import INDEX, TABLE
from openfloat.data.engine_controls import MOST_TURN, draw_controls

LOW = np.array([control.low for control in TABLE])
HIGH = np.array([control.high for control in TABLE])


def draws(base: np.ndarray, count: int = 800) -> np.ndarray:
    generator = np.random.default_rng(0)
    return np.stack([draw_controls(base, generator) for _ in range(count)])


def neutral() -> np.ndarray:
    return np.zeros(len(TABLE), dtype=np.float32)


def test_draws_stay_in_the_table_s_ranges_and_fill_them() -> None:
    values = draws(neutral())
    assert (values >= LOW - 1e-6).all()
    assert (values <= HIGH + 1e-6).all()
    assert (values.std(axis=0) > 0.05 * (HIGH - LOW)).all()


def test_about_a_fifth_of_the_mouths_are_closed() -> None:
    closed = draws(neutral())[:, INDEX["jaw_open"] : INDEX["lips_pressed"] + 1].max(axis=1) == 0
    assert 0.15 < closed.mean() < 0.3


def test_a_photo_is_never_turned_far_from_its_own_pose() -> None:
    base = neutral()
    base[:3] = (18, -12, 9)
    values = draws(base)
    for name, most in MOST_TURN.items():
        change = abs(values[:, INDEX[name]] - base[INDEX[name]])
        assert change.max() <= most + 1e-4


def test_closed_eyes_of_a_photo_are_never_opened() -> None:
    base = neutral()
    base[INDEX["blink"]] = 0.7
    assert draws(base)[:, INDEX["blink"]].min() >= base[INDEX["blink"]]


def test_the_same_generator_draws_the_same() -> None:
    np.testing.assert_array_equal(draws(neutral(), 5), draws(neutral(), 5))

"""Measures of curves: closed forms and known answers."""

import numpy as np
import pytest

from openfloat.config import CONTROLS, EMOTIONS, FPS
from openfloat.data.manifest import ClipRow, Manifest
from openfloat.evaluation.appearance import appearance_distance, picture_scores, shape_distance
from openfloat.evaluation.clips import choose, closing_moments
from openfloat.evaluation.goals import GOALS, Goal, table
from openfloat.evaluation.model import summarise
from openfloat.evaluation.signals import (
    acceleration,
    best_match,
    closure_rate,
    count_blinks,
    opening_share,
    spread_ratio,
)
from openfloat.evaluation.voices import in_direction, way


@pytest.mark.parametrize("lag", [-2, -1, 0, 1, 2])
def test_a_known_lag_is_found_with_full_correlation(lag: int) -> None:
    truth = np.random.default_rng(3).normal(size=60)
    found = 0.3 * np.roll(truth, lag) + 5
    match = best_match(truth[5:-5], found[5:-5])
    assert match.lag == lag
    assert match.r == pytest.approx(1)


def test_a_curve_that_does_not_move_follows_nothing() -> None:
    assert best_match(np.sin(np.arange(50.0)), np.ones(50)) == (0.0, 0)


def test_silence_shares_nothing_or_everything_of_the_opening() -> None:
    speech = np.abs(np.sin(np.arange(200) / 3))
    assert opening_share(np.zeros(75), speech) == pytest.approx(0, abs=1e-9)
    assert opening_share(speech, speech) == pytest.approx(1)


def test_closures_count_within_two_frames_alone() -> None:
    opening = np.ones(100)
    opening[[20, 21, 60, 61, 62, 63, 64, 65]] = 0
    moments = np.array([18, 23, 26, 67]) / FPS + 1e-6
    assert closure_rate(opening, moments) == pytest.approx(3 / 4)
    assert np.isnan(closure_rate(opening, np.array([])))


def test_acceleration_ignores_steady_motion_and_sees_a_shake() -> None:
    steady = np.arange(30.0)[:, None, None] * np.ones((1, 4, 2))
    assert acceleration(steady) == pytest.approx(0)
    shake = steady + (np.arange(30) % 2)[:, None, None] * [1.0, 0.0]
    assert acceleration(shake) == pytest.approx(2)


def test_blinks_are_short() -> None:
    closing = np.zeros(200)
    closing[10:13] = closing[50:56] = 1
    closing[100:160] = 1
    assert count_blinks(closing) == 2


def test_spread_is_a_ratio_of_deviations() -> None:
    curve = np.random.default_rng(0).normal(size=50)
    assert spread_ratio(3 * curve + 1, curve) == pytest.approx(3)


def test_shapes_are_compared_after_the_best_similarity() -> None:
    generator = np.random.default_rng(1)
    face = generator.normal(size=(478, 2)) * 40 + 100
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    assert shape_distance(face, 3 * face @ turn + 7) == pytest.approx(0, abs=1e-9)
    near = shape_distance(face + generator.normal(size=face.shape), face)
    far = shape_distance(face + 5 * generator.normal(size=face.shape), face)
    assert 0 < near < far < 1


def test_pictures_are_nearest_to_themselves() -> None:
    generator = np.random.default_rng(2)
    picture = generator.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    noisy = np.clip(picture + generator.normal(0, 9, picture.shape), 0, 255).astype(np.uint8)
    other = generator.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert appearance_distance(picture[None], picture[None]) == pytest.approx(0, abs=1e-6)
    assert (
        appearance_distance(noisy[None], picture[None])
        < appearance_distance(other[None], picture[None])
    )  # fmt: skip
    assert picture_scores(picture, noisy).psnr == pytest.approx(20 * np.log10(255 / 9), abs=0.6)


def test_medians_skip_rows_without_a_figure() -> None:
    report = summarise([{"file": "a", "r": 1.0}, {"file": "b", "r": 3.0, "s": float("nan")}])
    assert report == {"r": 2.0, "spread": {"r": [1.0, 3.0]}}


def test_goals_hold_inside_their_range_and_the_table_says_so() -> None:
    goal = Goal("x", low=8, high=25)
    assert [goal.judge(v)["holds"] for v in (7, 8, 25, 26, None)] == [
        False, True, True, False, None,
    ]  # fmt: skip
    report = {"psnr": 26.0, "spread": {"psnr": [25.0, 27.0]}}
    report["goals"] = {name: goal.judge(report.get(name)) for name, goal in GOALS.items()}
    (line,) = table(report).splitlines()[1:]
    assert line.startswith("psnr")
    assert "at least 27" in line
    assert " NO " in line


def test_an_emotion_counts_when_it_grows_in_its_own_direction() -> None:
    found = {"happy": [0.0, 0.5, 0.9], "sad": [0.0, 0.5, 0.4], "fear": [0.0, -0.5, -0.9]}
    assert in_direction(found) == 1


@pytest.mark.parametrize("emotion", [name for name in EMOTIONS if name != "neutral"])
def test_every_emotion_has_a_way_of_its_own(emotion: str) -> None:
    assert np.linalg.norm(way(emotion)) == pytest.approx(1)
    assert way(emotion)[: CONTROLS.index("jaw_open")].max() == 0, "the head is no expression"


def test_lips_close_in_the_middle_of_p_b_and_m() -> None:
    moments = closing_moments([(0.0, 0.5, "sil"), (0.5, 0.9, "bin"), (0.9, 1.3, "m")])
    assert len(moments) == 2
    assert 0.5 < moments[0] < 0.7
    assert 1.0 < moments[1] < 1.3


def test_strangers_come_first_and_training_clips_never() -> None:
    def row(file: str, person: str, split: str) -> ClipRow:
        return ClipRow(file=file, person=person, split=split, licence="", origin="")  # type: ignore[arg-type]

    clips = (row("a", "known", "train"), row("b", "known", "heldout"), row("c", "new", "heldout"))
    manifest = Manifest(portraits=(), clips=clips, speech=())
    assert [clip.file for clip in choose(manifest, 5)] == ["c", "b"]

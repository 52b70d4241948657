"""Head, blinks, gaze, brows and expressions: natural rates and sizes, decided by a generator."""

import numpy as np
import pytest

from openfloat.config import EMOTIONS
from openfloat.data.controls import INDEX, TABLE
from openfloat.data.manner import (
    EXPRESSIONS,
    blink_shape,
    blinks,
    brow_raises,
    draw_base,
    draw_emotion,
    fixation,
    gaze,
    graded,
    head_motion,
    stressed_frames,
)

NEUTRAL = EXPRESSIONS["neutral"]


def syllables(frames: int) -> np.ndarray:
    """Loudness with one stressed syllable a second."""
    loud = np.full(frames, 0.4)
    loud[12::25] = loud[13::25] = loud[14::25] = 1.0
    return loud


def test_every_emotion_has_an_expression_of_known_controls() -> None:
    assert tuple(EXPRESSIONS) == EMOTIONS
    for expression in EXPRESSIONS.values():
        assert expression.offsets.keys() <= INDEX.keys()
    assert not EXPRESSIONS["neutral"].offsets


def test_blinks_come_8_to_25_times_a_minute_and_more_in_pauses() -> None:
    speaking = np.tile(np.repeat([1.0, 0.0], [150, 50]), 8)  # 64 s, a quarter of it silent
    counts, in_pauses = [], 0
    for seed in range(120):
        _, starts = blinks(np.random.default_rng(seed), speaking, NEUTRAL)
        counts.append(len(starts) / len(speaking) * 25 * 60)
        in_pauses += int((speaking[(starts * 25).astype(int)] == 0).sum())
        assert (np.diff(starts) >= 0.5).all()
    assert 14 < np.mean(counts) < 19
    # Single minutes scatter about the clip's rate; four of five lie in the range itself.
    assert np.mean([8 <= count <= 25 for count in counts]) > 0.8
    share = in_pauses / (sum(counts) * len(speaking) / 25 / 60)
    assert 0.36 < share < 0.48  # 2.2 / (3 + 2.2) = 0.42


def test_a_blink_closes_faster_than_it_opens_and_lasts_its_length() -> None:
    phase = np.linspace(-0.5, 1.5, 2001)
    shape = blink_shape(phase)
    assert shape.max() == 1
    assert not shape[(phase <= 0) | (phase >= 1)].any()
    assert shape[(phase >= 0.36) & (phase <= 0.44)].min() == 1
    half = phase[shape >= 0.5]
    assert half[0] == pytest.approx(0.175, abs=0.002)
    assert half[-1] == pytest.approx(0.725, abs=0.002)


def test_blinks_shut_the_eye_for_less_than_a_third_of_a_second() -> None:
    lids, starts = blinks(np.random.default_rng(2), np.ones(1500), NEUTRAL)
    assert lids.min() == 0
    assert lids.max() > 0.85
    for start in starts:
        first = round(start * 25)
        assert not lids[first + 9 : first + 12].any() or (np.abs(starts - start) < 0.9).sum() > 1


def test_the_head_sways_a_few_degrees_slowly() -> None:
    quiet = np.zeros(1500)
    deviations: dict[str, list[float]] = {"yaw": [], "pitch": [], "roll": []}
    slow = []
    for seed in range(60):
        head = head_motion(np.random.default_rng(seed), quiet, NEUTRAL)
        for name, found in deviations.items():
            found.append(float(head[name].std()))
        power = np.abs(np.fft.rfft(head["yaw"] * np.hanning(1500))) ** 2
        slow.append(power[np.fft.rfftfreq(1500, 0.04) < 0.6].sum() / power.sum())
    assert 2.5 < np.mean(deviations["yaw"]) < 4
    assert 1.8 < np.mean(deviations["pitch"]) < 3
    assert 1 < np.mean(deviations["roll"]) < 2
    assert min(slow) > 0.99


def test_nods_and_brows_follow_stressed_syllables() -> None:
    loud = syllables(500)
    stressed = stressed_frames(loud)
    np.testing.assert_array_equal(stressed, np.arange(13, 500, 25))
    dips, raises = [], []
    for seed in range(80):
        pitch = head_motion(np.random.default_rng(seed), loud, NEUTRAL)["pitch"]
        dips.append(pitch[stressed].mean() - pitch.mean())
        brows = brow_raises(np.random.default_rng(seed), loud)
        raises.append(brows[stressed].mean() - brows.mean())
        assert 0 <= brows.min() <= brows.max() <= 0.6
    assert np.mean(dips) < -0.5
    assert np.mean(raises) > 0.02


def test_a_constant_hum_has_no_stressed_syllables() -> None:
    assert len(stressed_frames(np.full(300, 0.8))) == 0


def test_the_eyes_are_mostly_at_the_camera() -> None:
    glances = np.concatenate(
        [np.stack(gaze(np.random.default_rng(seed), 250, np.zeros(0))) for seed in range(40)], 1
    )
    assert np.abs(glances).max() <= 0.6
    assert np.mean(np.abs(glances[0]) < 0.1) > 0.75
    assert np.abs(glances[0]).max() > 0.25


def test_eyes_turn_against_the_head_to_hold_the_camera() -> None:
    x, y = fixation({"yaw": np.array([10.0, -5.0]), "pitch": np.array([6.0, 0.0])})
    assert x[0] < -0.1 < 0 < x[1]  # head to the right of the picture, eyes to the left
    assert y[0] > 0.1  # head up, eyes down
    assert y[1] == 0


def test_one_in_four_clips_is_neutral() -> None:
    drawn = [draw_emotion(np.random.default_rng(seed)) for seed in range(3000)]
    assert np.mean([name == "neutral" for name in drawn]) == pytest.approx(0.25, abs=0.03)
    for name in EMOTIONS:
        if name != "neutral":
            assert np.mean([other == name for other in drawn]) == pytest.approx(0.125, abs=0.02)


def test_intensity_stays_between_six_tenths_and_one() -> None:
    curves = np.stack([graded(np.random.default_rng(seed), 200) for seed in range(50)])
    assert 0.6 <= curves.min() < 0.7
    assert 0.9 < curves.max() <= 1
    assert np.abs(np.diff(curves)).max() < 0.03


def test_base_poses_spread_widely_within_the_table() -> None:
    poses = [draw_base(np.random.default_rng(seed)) for seed in range(1000)]
    for name, deviation in (("yaw", 8), ("pitch", 5), ("roll", 4)):
        values = np.array([pose[name] for pose in poses])
        assert values.std() == pytest.approx(deviation, rel=0.1)
        assert np.abs(values).max() <= TABLE[INDEX[name]].high
    assert min(pose["smile"] for pose in poses) >= 0
    assert max(pose["smile"] for pose in poses) <= 0.3 + 1e-9


def test_manner_is_decided_by_the_generator() -> None:
    loud = syllables(200)
    first, again, other = (
        head_motion(np.random.default_rng(seed), loud, NEUTRAL)["yaw"] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.5

"""Beats of heads and voices where they are known."""

import numpy as np
import pytest

from openfloat.evaluation.beats import beat_alignment, motion_beats, voice_beats


def test_a_swinging_head_rests_at_its_turning_points() -> None:
    t = np.arange(200)
    pose = np.stack([5 * np.sin(2 * np.pi * t / 40), 0 * t, 0 * t], axis=1)
    turning = np.arange(10, 200, 20)
    found = motion_beats(pose)
    inner = [frame for frame in turning if 5 < frame < 195]
    assert len(found) >= len(inner)
    assert all(np.abs(found - frame).min() <= 1 for frame in inner)


def test_bursts_of_sound_are_beats_where_they_begin() -> None:
    sound = np.zeros(200 * 640, np.float32)
    starts = np.array([20, 60, 110, 150])
    noise = np.random.default_rng(0).normal(size=10 * 640).astype(np.float32)
    for start in starts:
        sound[start * 640 : (start + 10) * 640] = 0.1 * noise
    found = voice_beats(sound)
    assert len(found) == len(starts)
    assert (np.abs(found - starts) <= 1).all()


@pytest.mark.parametrize("late", [0, 3, 6])
def test_alignment_falls_with_distance_as_a_gaussian(late: int) -> None:
    voice = np.array([20, 60, 100])
    found = beat_alignment(voice + late, voice)
    assert found == pytest.approx(np.exp(-(late**2) / 18))


def test_without_beats_there_is_no_alignment() -> None:
    assert np.isnan(beat_alignment(np.array([], int), np.array([3])))

"""Figures of videos where they are known."""

from pathlib import Path
from typing import cast

import numpy as np
import pytest

from openfloat.data.controls import to_values
from openfloat.errors import BadInput
from openfloat.evaluation.alignment import ARCFACE, similarity
from openfloat.evaluation.watched import Watched, paired_files
from openfloat.evaluation.yardsticks import (
    blink_rate,
    closure_agreement,
    closures,
    cosine,
    mouth_loudness,
    own_yardsticks,
)
from openfloat.pipeline import FloatPipeline


def talking(opening: np.ndarray, sound: np.ndarray | None = None) -> Watched:
    """A clip whose lips are open by so much (eye distances), everything else at rest."""
    points = np.zeros((len(opening), 478, 2))
    points[:, 33], points[:, 133] = (0, 0), (20, 0)
    points[:, 263], points[:, 362] = (120, 0), (100, 0)
    for upper, lower in ((82, 87), (13, 14), (312, 317)):
        points[:, upper, 1], points[:, lower, 1] = 80, 80 + 100 * opening
    frames = np.zeros((len(opening), 4, 4, 3), np.uint8)
    heard = np.zeros(0, np.float32) if sound is None else sound
    still = np.zeros((len(opening), 20), np.float32)
    return Watched(Path("drawn"), frames, points, heard, frames, still)


def test_closures_are_the_middles_of_shut_stretches() -> None:
    opening = np.full(60, 0.3)
    opening[10:13] = opening[30:35] = 0
    np.testing.assert_array_equal(closures(opening), [11, 32])


@pytest.mark.parametrize(("late", "rate"), [(0, 1.0), (3, 1.0), (8, 0.0)])
def test_lips_that_close_late_miss_closures(late: int, rate: float) -> None:
    opening = np.full(100, 0.3)
    for start in (10, 40, 70):
        opening[start : start + 3] = 0
    made = talking(np.roll(opening, late))
    assert closure_agreement(talking(opening), made) == rate


def test_a_mouth_that_opens_with_the_voice_correlates_with_its_loudness() -> None:
    loud = np.abs(np.sin(np.arange(100) / 7)) + 0.01
    noise = np.random.default_rng(0).normal(size=100 * 640)
    sound = (np.repeat(loud, 640) * noise * 0.1).astype(np.float32)
    opening = np.log10(loud**2 * 0.01 + 1e-7)
    assert mouth_loudness(talking(opening - opening.min(), sound)) > 0.95
    assert np.isnan(mouth_loudness(talking(opening))), "without a voice there is nothing to follow"


def test_blinks_are_counted_by_the_minute() -> None:
    clip = talking(np.zeros(250))
    for start in (20, 120):
        clip.coefficients[start : start + 4, 16] = 1 / 0.3
    assert blink_rate(clip) == pytest.approx(12)


OWN = own_yardsticks(cast("FloatPipeline", None))
"""Those that ask the model for nothing."""


@pytest.mark.parametrize("late", [-4, 0, 3])
def test_lips_that_come_late_are_told_how_late(late: int) -> None:
    opening = np.random.default_rng(0).uniform(0, 0.4, 80)
    real, made = talking(opening), talking(np.roll(opening, late))
    assert OWN.pairs["lip_lag_frames"](real, made) == late
    assert OWN.pairs["lip_r"](real, made) == pytest.approx(1)


def test_flat_pictures_compare_by_the_closed_forms() -> None:
    real, made = (talking(np.zeros(10)) for _ in range(2))
    flat = np.zeros((10, 16, 16, 3), np.uint8)
    real, made = real._replace(frames=flat + 100), made._replace(frames=flat + 120)
    assert OWN.pairs["PSNR"](real, made) == pytest.approx(20 * np.log10(255 / 20))
    c1 = (0.01 * 255) ** 2
    expected = (2 * 100 * 120 + c1) / (100**2 + 120**2 + c1)
    assert OWN.pairs["SSIM"](real, made) == pytest.approx(expected)
    assert OWN.pairs["SSIM"](real, real) == pytest.approx(1)


def test_a_nod_has_the_deviation_of_its_sine_and_a_shake_its_ratio() -> None:
    time = np.arange(250)
    clip = talking(np.zeros(250))
    clip.coefficients[:, 0] = np.sin(2 * np.pi * time / 25)
    degrees = to_values(np.ones((1, 20)))[0, 0]
    third = degrees / 2**0.5 / 3
    assert OWN.singles["diversity_degrees"](clip) == pytest.approx(third, rel=1e-5)
    calm, shaken = talking(np.zeros(50)), talking(np.zeros(50))
    shake = np.random.default_rng(1).normal(size=(50, 1, 2))
    calm.points[:] += shake
    shaken.points[:] += 3 * shake
    assert OWN.pairs["jitter_ratio"](calm, shaken) == pytest.approx(3)


def test_the_cosine_is_that_of_mean_features() -> None:
    a = np.array([[1.0, 0.0], [3.0, 0.0]])
    assert cosine(a, a) == pytest.approx(1)
    assert cosine(a, a[:, ::-1]) == pytest.approx(0)


def test_a_turned_and_grown_template_is_undone() -> None:
    turn = np.array([[1.2, -0.5], [0.5, 1.2]])
    seen = ARCFACE @ turn.T + (7, -3)
    found = similarity(ARCFACE, seen)
    mapped = np.c_[ARCFACE, np.ones(5)] @ found.T
    np.testing.assert_allclose(mapped[:, :2], seen, atol=1e-9)


def test_pairs_go_by_name(tmp_path: Path) -> None:
    made, real = tmp_path / "made", tmp_path / "real"
    for folder in (made, real):
        folder.mkdir()
    with pytest.raises(BadInput, match="no video of"):
        list(paired_files(made, real))
    for file in (made / "a.mp4", made / "b.mp4", real / "b.webm", real / "c.mp4", made / "b.txt"):
        file.touch()
    assert list(paired_files(made, real)) == [(made / "b.mp4", real / "b.webm")]
    with pytest.raises(BadInput, match="no folder of videos"):
        list(paired_files(made, tmp_path / "nowhere"))

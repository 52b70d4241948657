"""What users write about emotions becomes weights of every frame."""

import numpy as np
import pytest

from openfloat.config import EMOTIONS
from openfloat.editing.mood_curves import BLEND_S, mood_weights
from openfloat.mood import Mood

VOICE = np.eye(7, dtype=np.float32)[EMOTIONS.index("sad")]
HAPPY, NEUTRAL, SURPRISE, SAD = (
    EMOTIONS.index(name) for name in ("happy", "neutral", "surprise", "sad")
)


def weights(text: str, frames: int = 200) -> np.ndarray:
    return mood_weights(Mood.parse(text), 0, frames, VOICE)


@pytest.mark.parametrize("name", EMOTIONS)
def test_a_name_is_that_emotion_alone(name: str) -> None:
    assert (weights(name) == np.eye(7)[EMOTIONS.index(name)]).all()
    assert Mood.parse(name).constant
    assert not Mood.parse(name).listens


def test_a_mixture_has_the_shares_that_were_given() -> None:
    found = weights("happy:0.7, surprise:0.3")[0]
    assert found[[HAPPY, SURPRISE]] == pytest.approx([0.7, 0.3])
    assert found.sum() == pytest.approx(1)
    assert weights("auto:0.5,happy:0.5")[0, [SAD, HAPPY]] == pytest.approx([0.5, 0.5])


def test_a_schedule_changes_where_it_says_without_a_jump() -> None:
    found = weights("0-2.5:neutral,2.5-:happy")
    middle = int(2.5 * 25)
    half = int(BLEND_S / 2 * 25) + 1
    assert (found[: middle - half, NEUTRAL] == 1).all()
    assert (found[middle + half :, HAPPY] == 1).all()
    assert found[middle, HAPPY] == pytest.approx(0.5)
    assert found.sum(axis=1) == pytest.approx(1)
    assert abs(np.diff(found, axis=0)).max() < 0.2


def test_the_voice_decides_where_a_schedule_says_nothing() -> None:
    mood = Mood.parse("1-2:happy,3-4:surprise")
    assert mood.listens
    found = mood_weights(mood, 0, 150, VOICE)
    assert found[[5, 62, 140], SAD] == pytest.approx(1)
    assert found[[37], HAPPY] == pytest.approx(1)
    assert found[[87], SURPRISE] == pytest.approx(1)


def test_a_stretch_is_part_of_the_whole() -> None:
    mood = Mood.parse("0-1:neutral,1-2:happy:0.5,surprise:0.5,2.2-:auto")
    whole = mood_weights(mood, 0, 100, VOICE)
    np.testing.assert_array_equal(mood_weights(mood, 20, 30, VOICE), whole[20:50])


@pytest.mark.parametrize(
    "text",
    [
        "", "joyful", "happy:", "happy:2", "happy:0.8,sad:0.5", "1-0:happy", "0-2:happy,1-3:sad",
        "2-:happy,3-:sad", "-1-2:happy", "0-2", "happy sad", "0-2:happy:0", "0-nan:happy",
        "1e3-:sad",
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="emotion="):
        Mood.parse(text)

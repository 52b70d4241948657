"""What users write about emotions becomes weights of every frame."""

import numpy as np
import pytest
import torch

from openfloat.audio.recording import Recording
from openfloat.config import EMOTIONS
from openfloat.data.controls import INDEX, SCALES
from openfloat.editing.felt import heard_emotion, shown_emotion
from openfloat.editing.mood_curves import BLEND_S, mood_weights
from openfloat.mood import Mood

VOICE = np.eye(7, dtype=np.float32)[[EMOTIONS.index("sad")]]
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


def test_a_voice_that_is_judged_frame_by_frame_counts_where_auto_is_said() -> None:
    changing = np.linspace(0, 1, 100, dtype=np.float32)[:, None] * np.eye(7, dtype=np.float32)[SAD]
    found = mood_weights(Mood.parse("0-2:auto:0.5,2-:happy"), 0, 100, changing)
    np.testing.assert_allclose(found[:40, SAD], changing[:40, SAD] / 2)
    assert (found[60:, SAD] == 0).all()


def test_a_photo_is_happy_for_a_smile_and_surprised_for_raised_brows() -> None:
    face = np.zeros(20, np.float32)
    assert shown_emotion(face)[NEUTRAL] == 1
    face[INDEX["smile"]] = 0.375 / SCALES[INDEX["smile"]]
    assert shown_emotion(face)[[HAPPY, NEUTRAL]] == pytest.approx([0.5, 0.5])
    face[INDEX["smile"]] *= 10
    face[INDEX["brows_up"]] = 9
    assert shown_emotion(face)[[HAPPY, SURPRISE, NEUTRAL]] == pytest.approx([0.5, 0.5, 0])
    found = mood_weights(Mood.parse("photo:0.4,sad:0.6"), 0, 1, VOICE, shown_emotion(face))
    assert found[0, [HAPPY, SURPRISE, SAD]] == pytest.approx([0.2, 0.2, 0.6])


def test_windows_of_a_voice_are_judged_by_themselves() -> None:
    """A stand-in hears loudness: the second half of the voice is happy, the first is not."""

    def classifier(samples: torch.Tensor) -> torch.Tensor:
        return 100 * samples.abs().mean() * torch.eye(7)[HAPPY][None]

    loud = np.concatenate([np.zeros(64_000), np.full(64_000, 0.5)]).astype(np.float32)
    recording = Recording.open(loud)
    found = heard_emotion(classifier, recording, 1.0, torch.device("cpu"))
    assert found.shape == (200, 7)
    assert found.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert found[:87, HAPPY] == pytest.approx(1 / 7, abs=1e-3)
    assert found[113:, HAPPY] == pytest.approx(1, abs=1e-3)
    assert np.abs(np.diff(found[:, HAPPY])).max() < 0.05, "no jump"
    wide = heard_emotion(classifier, recording, 5.0, torch.device("cpu"))
    assert wide[70, HAPPY] > found[70, HAPPY], "two seconds before, five already hear it"
    whole = heard_emotion(classifier, recording, 0.0, torch.device("cpu"))
    assert whole.shape == (1, 7)

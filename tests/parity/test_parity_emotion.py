"""The emotion classifier against the released one, on seeded weights."""

import pytest
import torch
from recipe import Case, assert_close_to_reference, cases

from openfloat.audio.normalise import zero_mean_unit_variance
from openfloat.config import Wav2Vec2Config, Wav2Vec2EmotionConfig
from openfloat.models.emotion import Wav2Vec2Emotion
from openfloat.weights.official_audio import emotion_names
from openfloat.weights.store import load_into

BACKBONES = {
    "large": Wav2Vec2Config.large(),
    "tiny": Wav2Vec2Config(
        hidden_dim=64,
        num_layers=3,
        num_heads=4,
        feedforward_dim=128,
        conv_dims=(32,) * 7,
        conv_bias=True,
        conv_norm="layer",
        stable_layer_norm=True,
        position_kernel=16,
        position_groups=4,
    ),
}


def emotion_of(case: Case) -> Wav2Vec2Emotion:
    """Ours with the case's weights, named as in a released file."""
    config = Wav2Vec2EmotionConfig(backbone=BACKBONES[case.options["ser"]])
    with torch.device("meta"):
        emotion = Wav2Vec2Emotion(config)
    ours = {f"emotion.{name}": tensor for name, tensor in emotion.state_dict().items()}
    wanted = {theirs: name for theirs, name in emotion_names(config).items() if name}
    drawn = case.weights({theirs: ours[name].shape for theirs, name in wanted.items()})
    load_into(emotion, {wanted[name].removeprefix("emotion."): drawn[name] for name in wanted})
    return emotion


@pytest.mark.slow
@pytest.mark.parametrize("case", cases("emotion"), indirect=True)
def test_every_output_of_the_emotion_classifier_equals_the_reference(case: Case) -> None:
    emotion = emotion_of(case)
    recordings = sorted(key for key in case.stored if key.startswith("in.audio_raw"))
    with torch.inference_mode():
        for index, key in enumerate(recordings):
            logits = emotion(case.input(key)[None])
            assert_close_to_reference(logits, case, f"out.logits_n{index}")
            assert_close_to_reference(logits.softmax(-1), case, f"out.scores_n{index}")
        states = emotion.backbone(zero_mean_unit_variance(case.input("in.audio_raw0")[None]))
        for layer in (0, 1, len(states) - 1):
            assert_close_to_reference(states[layer], case, f"out.hidden{layer}")
    assert case.uncompared() == []

"""The speech encoder against the released one, on seeded weights."""

import pytest
import torch
from recipe import Case, assert_close_to_reference, cases
from torch import Tensor

from openfloat.audio.frames import num_frames
from openfloat.audio.normalise import zero_mean_unit_variance
from openfloat.config import Wav2Vec2Config, Wav2Vec2SpeechConfig
from openfloat.models.speech import Wav2Vec2Speech
from openfloat.weights.official_audio import speech_names
from openfloat.weights.store import load_into

SPEECH_DIM = 512
BACKBONES = {
    "base": Wav2Vec2Config(),
    "small": Wav2Vec2Config(feedforward_dim=256, conv_dims=(32,) * 7, position_kernel=16),
}


def speech_of(case: Case) -> Wav2Vec2Speech:
    """Ours with the case's weights, named as in a released file."""
    layers = "last" if case.options.get("only_last_features") else "all"
    config = Wav2Vec2SpeechConfig(backbone=BACKBONES[case.options["w2v"]], layers=layers)
    with torch.device("meta"):
        speech = Wav2Vec2Speech(config, SPEECH_DIM)
    ours = {f"speech.{name}": tensor for name, tensor in speech.state_dict().items()}
    wanted = {theirs: name for theirs, name in speech_names(config).items() if name}
    drawn = case.weights({theirs: ours[name].shape for theirs, name in wanted.items()})
    load_into(speech, {wanted[name].removeprefix("speech."): drawn[name] for name in wanted})
    return speech


@pytest.mark.slow
@pytest.mark.parametrize("case", cases("audio"), indirect=True)
def test_every_output_of_the_speech_encoder_equals_the_reference(case: Case) -> None:
    speech = speech_of(case)
    recordings = sorted(key for key in case.stored if key.startswith("in.audio_raw"))
    with torch.inference_mode():
        for index, key in enumerate(recordings):
            waveform = case.input(key)[None]
            frames = num_frames(waveform.shape[1])
            assert_close_to_reference(speech(waveform, frames), case, f"out.wa_n{index}")
        compare_inside(speech, case, case.input("in.audio_raw0")[None])
    assert case.uncompared() == []


def compare_inside(speech: Wav2Vec2Speech, case: Case, waveform: Tensor) -> None:
    normalised = zero_mean_unit_variance(waveform)
    torch.testing.assert_close(normalised, case.input("in.audio_normalised0"), rtol=0, atol=2e-6)
    features = speech.backbone.features(normalised)
    assert_close_to_reference(features, case, "out.conv_features")
    states = speech.backbone(normalised, num_frames(waveform.shape[1]))
    for layer in (0, 1, 6, 12):
        assert_close_to_reference(states[layer], case, f"out.hidden{layer}")

"""Both speech encoders: what they compute, in pieces and whole, and what a frame depends on."""

import dataclasses
import subprocess
import sys
import threading

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from openfloat.audio.normalise import zero_mean_unit_variance
from openfloat.audio.recording import Recording
from openfloat.config import MelSpeechConfig, Wav2Vec2Config, Wav2Vec2SpeechConfig
from openfloat.models import speech as speech_module
from openfloat.models.speech import MelSpeech, Wav2Vec2Speech, build_speech
from openfloat.models.wav2vec2 import Wav2Vec2
from openfloat.weights.official_audio import huggingface_fields

MEL = MelSpeechConfig(num_mels=24, hidden_dim=16, dilations=(1, 2))
WAV2VEC2 = Wav2Vec2SpeechConfig(backbone=Wav2Vec2Config.tiny())
KINDS = {"mel": MEL, "wav2vec2": WAV2VEC2}


def voice(frames: int, batch: int = 1) -> Tensor:
    """Noise under a slow envelope, in the range of a voice."""
    time = torch.arange(frames * 640) / 16_000
    return 0.2 * torch.randn(batch, frames * 640) * (0.6 + 0.4 * torch.sin(5 * time))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("frames", "size"), [(1, 50), (50, 50), (51, 50), (23, 7), (120, 50)])
def test_windows_joined_are_the_whole(kind: str, frames: int, size: int) -> None:
    speech = build_speech(KINDS[kind], 24).eval()
    waveform = voice(frames)[:, : frames * 640 - 100]
    with torch.inference_mode():
        whole = speech(waveform, frames)
        pieces = list(speech.windows(Recording.open(waveform[0].numpy()), size))
    assert whole.shape == (1, frames, 24)
    assert [piece.shape[1] for piece in pieces[:-1]] == [size] * (len(pieces) - 1)
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_clip_is_treated_alike_alone_and_in_a_batch(kind: str) -> None:
    speech = build_speech(KINDS[kind], 24).eval()
    waveform = voice(12, batch=3) * torch.tensor([[1.0], [0.2], [0.01]])
    with torch.inference_mode():
        together = speech(waveform, 12)
        alone = torch.cat([speech(row[None], 12) for row in waveform])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_begun_last_frame_and_the_shortest_clip_give_features(kind: str) -> None:
    speech = build_speech(KINDS[kind], 24).eval()
    for samples in (1, 399, 641):
        frames = -(-samples // 640)
        assert speech(voice(2)[:, :samples], frames).isfinite().all()


def test_a_mel_frame_sees_its_margin_and_no_further() -> None:
    speech = MelSpeech(MEL, 24).eval()
    waveform = voice(40).requires_grad_()
    speech.features(waveform, 40)[0, 20].sum().backward()
    assert waveform.grad is not None
    seen = waveform.grad.reshape(40, 640).abs().sum(1).nonzero().flatten()
    margin = speech.margin_frames
    assert margin == 4
    assert (seen[0].item(), seen[-1].item()) == (20 - margin, 20 + margin)


def test_mel_features_do_not_depend_on_the_recording_level() -> None:
    speech = MelSpeech(MEL, 24).eval()
    waveform = voice(20)
    torch.testing.assert_close(speech(waveform * 0.1, 20), speech(waveform, 20), rtol=0, atol=1e-4)


def test_mel_training_reaches_every_parameter() -> None:
    speech = MelSpeech(MelSpeechConfig.tiny(), 24)
    speech(voice(10, batch=2), 10).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in speech.parameters())


def test_the_default_mel_encoder_is_small_and_sees_nine_frames_around() -> None:
    speech = MelSpeech(MelSpeechConfig(), 192)
    assert speech.margin_frames == 9
    assert sum(p.numel() for p in speech.parameters()) < 1.2e6


def test_hidden_states_equal_the_library_s_own() -> None:
    from transformers import Wav2Vec2Config as HuggingFaceConfig
    from transformers import Wav2Vec2Model

    for config in (
        Wav2Vec2Config.tiny(),
        dataclasses.replace(
            Wav2Vec2Config.tiny(), conv_bias=True, conv_norm="layer", stable_layer_norm=True
        ),
    ):
        ours = Wav2Vec2(config)
        fields = huggingface_fields(config)
        theirs = Wav2Vec2Model(HuggingFaceConfig(**fields, mask_time_prob=0.0)).eval()
        theirs.load_state_dict(ours.network.state_dict())
        normalised = zero_mean_unit_variance(voice(10))
        with torch.inference_mode():
            expected = theirs(normalised, output_hidden_states=True)
        states = ours(normalised)
        assert len(states) == config.num_layers + 1
        # The library's own last entry lacks the final norm of the stable kind; ours has it.
        for mine, reference in zip(states[:-1], expected.hidden_states[:-1], strict=True):
            torch.testing.assert_close(mine, reference, rtol=0, atol=1e-5)
        torch.testing.assert_close(states[-1], expected.last_hidden_state, rtol=0, atol=1e-5)


def test_interpolation_to_video_frames_takes_every_second_feature() -> None:
    backbone = Wav2Vec2(Wav2Vec2Config.tiny())
    features = backbone.features(zero_mean_unit_variance(voice(10)))
    assert features.shape[-1] == 19
    to_frames = F.interpolate(features, 10, mode="linear", align_corners=True)
    torch.testing.assert_close(to_frames, features[..., ::2], rtol=0, atol=1e-5)
    first = backbone(zero_mean_unit_variance(voice(10)), 10)[0]
    assert first.shape == (1, 10, 32)


def test_wav2vec2_stays_frozen_and_in_evaluation_mode() -> None:
    speech = Wav2Vec2Speech(WAV2VEC2, 24).train()
    assert speech.projection.training
    assert not any(module.training for module in speech.backbone.modules())
    waveform = voice(10)
    torch.testing.assert_close(speech(waveform, 10), speech(waveform, 10), rtol=0, atol=0)
    speech(waveform, 10).sum().backward()
    trained = {name for name, p in speech.named_parameters() if p.grad is not None}
    assert trained == {f"projection.{i}.{kind}" for i in (0, 1) for kind in ("weight", "bias")}


def test_all_layers_are_concatenated_without_the_embedding_or_the_last_is_taken() -> None:
    for layers, kept in (("all", slice(1, None)), ("last", slice(-1, None))):
        config = dataclasses.replace(WAV2VEC2, layers=layers)
        speech = Wav2Vec2Speech(config, 24)
        waveform = voice(10)
        states = speech.backbone(zero_mean_unit_variance(waveform), 10)[kept]
        expected = F.silu(speech.projection(torch.cat(states, dim=-1)))
        torch.testing.assert_close(speech(waveform, 10), expected, rtol=0, atol=1e-6)


def test_a_cut_last_frame_is_continued_with_the_last_sample_after_normalising() -> None:
    speech = Wav2Vec2Speech(WAV2VEC2, 24)
    waveform = voice(4)[:, :2000]
    normalised = zero_mean_unit_variance(waveform)
    by_hand = torch.cat([normalised, normalised[:, -1:].expand(1, 560)], dim=1)
    states = speech.backbone(by_hand, 4)[1:]
    expected = F.silu(speech.projection(torch.cat(states, dim=-1)))
    torch.testing.assert_close(speech(waveform, 4), expected, rtol=0, atol=1e-6)


def test_a_long_clip_goes_through_wav2vec2_in_pieces_of_bounded_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(speech_module, "WHOLE_FRAMES", 60)
    monkeypatch.setattr(speech_module, "MARGIN_FRAMES", 10)
    speech = Wav2Vec2Speech(WAV2VEC2, 24)
    lengths: list[int] = []
    speech.backbone.register_forward_pre_hook(
        lambda _module, inputs: lengths.append(inputs[0].shape[-1] // 640)
    )
    waveform = voice(150)
    pieces = list(speech.windows(Recording.open(waveform[0].numpy()), 15))
    assert [piece.shape[1] for piece in pieces] == [15] * 10
    assert max(lengths) <= 60
    assert len(lengths) == 5, "30 new frames a piece"
    joined, whole = torch.cat(pieces, dim=1), speech(waveform, 150)
    # Not equal by design (attention and a norm see less), but the same speech frame by frame.
    closeness = F.cosine_similarity(joined, whole, dim=-1)
    shifted = F.cosine_similarity(joined[:, 1:], whole[:, :-1], dim=-1)
    assert closeness.mean() > 0.9
    assert closeness.mean() > shifted.mean()


def test_two_threads_do_not_mix_their_hidden_states() -> None:
    backbone = Wav2Vec2(Wav2Vec2Config.tiny())
    sounds = [zero_mean_unit_variance(voice(frames)) for frames in (5, 9)]
    expected = [backbone(sound) for sound in sounds]
    found: dict[int, list[list[Tensor]]] = {0: [], 1: []}

    def listen(index: int) -> None:
        for _ in range(10):
            found[index].append(backbone(sounds[index]))

    threads = [threading.Thread(target=listen, args=(index,)) for index in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, runs in found.items():
        for states in runs:
            for mine, reference in zip(states, expected[index], strict=True):
                torch.testing.assert_close(mine, reference, rtol=0, atol=1e-6)


def test_importing_the_models_does_not_import_transformers() -> None:
    program = "import sys, openfloat.models.emotion, openfloat.models.speech\n"
    program += "sys.exit('transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

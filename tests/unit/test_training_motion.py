"""Phase 2: windows, dropped conditions, losses, voices."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from openfloat.config import (
    EMOTIONS,
    ModelConfig,
    VectorFieldConfig,
    Wav2Vec2Config,
    Wav2Vec2SpeechConfig,
)
from openfloat.data.controls import INDEX
from openfloat.data.emotional_speech import EmotionalClip
from openfloat.data.manner import overlays
from openfloat.data.motion import MotionClip
from openfloat.data.windows import WindowSampler, cut_sound
from openfloat.errors import BadCheckpoint, BadInput
from openfloat.models.basis import MotionBasis
from openfloat.models.speech import MelSpeech, Wav2Vec2Speech, build_speech
from openfloat.models.transformer import VectorField
from openfloat.training.augment import add_noise, limit_band, vary_gain, vary_voice
from openfloat.training.config import ConditionDrop, Stage, TrainConfig
from openfloat.training.recipes import tiny_emotion, tiny_motion
from openfloat.training.stage2 import (
    Conditions,
    Dropped,
    MotionTask,
    draw_dropped,
    drop_conditions,
    flow_parts,
    share_inside,
)
from openfloat.training.stage3_emotion import EmotionTask, accuracy
from openfloat.training.start import go_on_from
from openfloat.training.voice import FrozenVoice, LearningVoice


def clip(frames: int, seed: int = 0, emotion: int = 3) -> MotionClip:
    """Frame numbers as motion; samples say which frame they belong to."""
    rng = np.random.default_rng(seed)
    waveform = np.repeat(np.arange(frames) / 1000, 640) * rng.choice([-1, 1], frames * 640)
    motion = np.repeat(np.arange(frames, dtype=np.float32)[:, None], 20, axis=1)
    return MotionClip(waveform.astype(np.float32), motion, emotion, str(seed))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_windows_sound_belongs_to_its_frames() -> None:
    sampler = WindowSampler([clip(90)], total_frames=14, margin_frames=3)
    batch = sampler.draw(8, generator())
    frames = batch.waveform.abs().view(8, 20, 640).mean(dim=2)
    gain = (frames[:, 3:17] / batch.motion[:, :, 0].clamp(min=1e-3)).median()
    torch.testing.assert_close(frames[:, 3:17], batch.motion[:, :, 0] * gain, atol=1e-4, rtol=1e-3)
    assert torch.equal(batch.motion[:, 0, 0].long(), batch.start)
    assert batch.real.all()
    assert torch.equal(batch.emotion.argmax(dim=1), torch.full((8,), 3))


def test_a_short_clip_is_continued_with_its_last_frame_and_says_so() -> None:
    sampler = WindowSampler([clip(30), clip(24)], total_frames=40, margin_frames=0)
    assert len(sampler.clips) == 1
    batch = sampler.draw(2, generator())
    assert torch.equal(batch.motion[:, 30:, 0], torch.full((2, 10), 29.0))
    assert torch.equal(batch.real[0], torch.arange(40) < 30)
    assert batch.waveform[:, 30 * 640 :].abs().sum() == 0


def test_windows_follow_the_generator_alone() -> None:
    sampler = WindowSampler([clip(90), clip(50, 1)], total_frames=14, margin_frames=3)
    for a, b in zip(sampler.draw(4, generator(5)), sampler.draw(4, generator(5)), strict=True):
        assert torch.equal(a, b)


def test_without_a_clip_of_a_second_there_is_nothing_to_train_on() -> None:
    with pytest.raises(BadInput, match="at least a second"):
        WindowSampler([clip(24)], total_frames=14, margin_frames=3)


def test_sound_outside_of_the_clip_is_silence() -> None:
    sound = np.ones(1000, np.float32)
    cut = cut_sound(sound, -1, 3)
    assert cut.shape == (4 * 640,)
    assert cut[:640].sum() == 0
    assert cut.sum() == 1000


def conditions() -> Conditions:
    return Conditions(
        torch.ones(3, 4, 20), torch.ones(3, 20), torch.ones(3, 10, 24), torch.ones(3, 4, 24),
        torch.ones(3, 7), torch.ones(3, 10, 12),
    )  # fmt: skip


def test_dropping_zeroes_whole_samples_and_leaves_the_given_tensors_alone() -> None:
    rows = {name: torch.tensor([k == n for k in range(3)]) for n, name in
            enumerate(("reference", "speech", "emotion"))}  # fmt: skip
    none = torch.zeros(3, dtype=torch.bool)
    given = conditions()
    dropped = Dropped(**rows, past_motion=none, past_speech=~none, pose=rows["speech"])
    seen = drop_conditions(given, dropped)
    assert seen.reference.sum(dim=1).tolist() == [0, 20, 20]
    assert seen.speech.sum(dim=(1, 2)).tolist() == [240, 0, 240]
    assert seen.emotion.sum(dim=1).tolist() == [7, 7, 0]
    assert seen.pose is not None
    assert seen.pose.sum(dim=(1, 2)).tolist() == [120, 0, 120]
    assert torch.equal(seen.past, given.past)
    assert seen.past_speech.abs().sum() == 0
    assert given.past_speech.abs().sum() > 0


def test_conditions_are_dropped_as_often_as_the_paper_says_and_independently() -> None:
    dropped = draw_dropped(20_000, ConditionDrop(), generator())
    shares = [rows.float().mean().item() for rows in dropped]
    assert shares == pytest.approx([0.1, 0.1, 0.1, 0.5, 0.5, 0.1], abs=0.015)
    both = (dropped.past_motion & dropped.past_speech).float().mean().item()
    assert both == pytest.approx(0.25, abs=0.015)


def test_a_field_that_says_nothing_costs_the_mean_of_the_target() -> None:
    target, past = torch.randn(2, 10, 20), torch.randn(2, 4, 20)
    none = torch.zeros(2, dtype=torch.bool)
    dropped = Dropped(none, none, none, torch.tensor([False, True]), none, none)
    real = torch.ones(2, 14, dtype=torch.bool)
    parts = flow_parts(torch.zeros(2, 14, 20), target, past, real, dropped)
    torch.testing.assert_close(parts["velocity"], target.abs().mean())
    torch.testing.assert_close(parts["past"], past[0].abs().mean())
    torch.testing.assert_close(parts["difference"], target.diff(dim=1).abs().mean())


def test_frames_beyond_the_clips_end_count_nothing() -> None:
    target, past = torch.randn(1, 10, 20), torch.randn(1, 4, 20)
    none = torch.zeros(1, dtype=torch.bool)
    real = torch.arange(14)[None] < 9
    said = torch.cat([past, target], dim=1)
    said[:, 9:] += 5
    parts = flow_parts(said, target, past, real, Dropped(*[none] * 6))
    assert max(float(part) for part in parts.values()) == 0


def test_a_field_that_learns_of_poses_starts_as_what_it_was() -> None:
    poseless = VectorField(replace(VectorFieldConfig.tiny(), pose_dim=0))
    for weight in poseless.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    field = VectorField(VectorFieldConfig.tiny())
    go_on_from(field, poseless.state_dict())
    assert field.pose is not None
    told = {
        "past": torch.randn(2, 4, 20), "reference": torch.randn(2, 20),
        "speech": torch.randn(2, 10, 24), "past_speech": torch.randn(2, 4, 24),
        "emotion": torch.randn(2, 7),
    }  # fmt: skip
    x, t = torch.randn(2, 10, 20), torch.rand(2)
    pose = field.pose(torch.randn(2, 10, 6))
    torch.testing.assert_close(field(x, t, **told, pose=pose), poseless(x, t, **told))
    again = VectorField(VectorFieldConfig.tiny())
    go_on_from(again, field.state_dict())
    torch.testing.assert_close(again(x, t, **told, pose=pose), field(x, t, **told, pose=pose))
    with pytest.raises(BadCheckpoint, match="the weights lack"):
        go_on_from(again, {"head.linear.weight": torch.zeros(1)})


def test_the_share_inside_the_basis_is_one_inside_and_m_of_d_for_noise() -> None:
    directions = MotionBasis(40, 10).directions().detach()
    torch.testing.assert_close(
        share_inside(torch.randn(50, 10) @ directions.T, directions), torch.tensor(1.0)
    )
    assert share_inside(torch.randn(5000, 40), directions) == pytest.approx(0.25, abs=0.02)


def test_our_own_encoder_hears_in_a_window_what_it_hears_in_the_whole_clip() -> None:
    encoder = build_speech(ModelConfig.tiny().speech, 24)
    assert isinstance(encoder, MelSpeech)
    rng = np.random.default_rng(0)
    whole = clip(60)._replace(waveform=(0.1 * rng.normal(size=60 * 640)).astype(np.float32))
    sampler = WindowSampler([whole], total_frames=14, margin_frames=encoder.margin_frames)
    batch = sampler.draw(6, generator())
    expected = encoder(torch.from_numpy(whole.waveform)[None], 60)[0]
    found = LearningVoice(encoder).features(batch)
    for features, start in zip(found, batch.start.tolist(), strict=True):
        if encoder.margin_frames <= start <= 60 - 14 - encoder.margin_frames:
            torch.testing.assert_close(features, expected[start : start + 14], atol=2e-3, rtol=2e-3)


def test_a_frozen_voice_is_run_once_and_equals_the_encoder(tmp_path: Path) -> None:
    encoder = build_speech(Wav2Vec2SpeechConfig(backbone=Wav2Vec2Config.tiny()), 24)
    assert isinstance(encoder, Wav2Vec2Speech)
    sampler = WindowSampler([clip(40)], total_frames=14, margin_frames=0)
    batch = sampler.draw(2, generator())
    voice = FrozenVoice(encoder, sampler.clips, tmp_path)
    found = voice.features(batch)
    with torch.no_grad():
        expected = encoder(torch.from_numpy(sampler.clips[0].waveform)[None], 40)[0]
    for features, start in zip(found, batch.start.tolist(), strict=True):
        torch.testing.assert_close(features, expected[start : start + 14], atol=5e-3, rtol=5e-3)
    (kept,) = tmp_path.iterdir()
    written = kept.stat().st_mtime_ns
    voice.features(batch)
    assert kept.stat().st_mtime_ns == written
    assert {name for name, _ in voice.trained.named_parameters()} == {
        "projection.0.weight", "projection.0.bias", "projection.1.weight", "projection.1.bias",
    }  # fmt: skip


@pytest.mark.parametrize("space", ["coefficients", "latent"])
def test_one_batch_of_motion_is_learnt(space: str) -> None:
    config = tiny_motion()
    model = config.model
    basis = None
    if space == "latent":
        basis = MotionBasis(32, 20)
        model = replace(model, motion_space="latent", motion=replace(model.motion, motion_dim=32))
    config = replace(config, model=model, augment=False)
    encoder = build_speech(model.speech, 24)
    assert isinstance(encoder, MelSpeech)
    smooth = clip(40)._replace(motion=np.tile(np.sin(np.arange(40) / 5)[:, None], 20).astype("f4"))
    sampler = WindowSampler([smooth], total_frames=14, margin_frames=encoder.margin_frames)
    task = MotionTask(config, sampler, LearningVoice(encoder), basis)
    batch = task.batch(Stage(clips=1, batch=8), generator())
    (player,) = task.players
    start = player.losses(batch, 0)
    for _ in range(150):
        player.optimizer.zero_grad()
        losses = player.losses(batch, 0)
        losses.total.backward()
        player.optimizer.step()
    assert losses.total < 0.6 * start.total
    assert ("inside_basis" in losses.parts) == (space == "latent")


def test_changes_to_a_voice_are_bounded_and_repeatable() -> None:
    voices = 0.1 * torch.sin(torch.arange(16_000) * 0.2).repeat(64, 1)
    before = voices.clone()
    assert torch.equal(vary_voice(voices, generator(1)), vary_voice(voices, generator(1)))
    assert torch.equal(voices, before)
    levels = vary_gain(voices, generator()).abs().amax(dim=1) / 0.1
    assert 10 ** (-6 / 20) - 0.01 < levels.min() < 0.7
    assert 1.4 < levels.max() < 10 ** (6 / 20) + 0.01
    noise = add_noise(voices, generator(), share=1.0) - voices
    ratio = 20 * torch.log10(voices.square().mean(1).sqrt() / noise.square().mean(1).sqrt())
    assert 9 < ratio.min() < 15
    assert 35 < ratio.max() < 41
    tone = torch.sin(torch.arange(16_000) * 2 * torch.pi * 7900 / 16_000).repeat(8, 1)
    assert limit_band(tone, generator(), share=1.0).abs().max() < 0.05
    assert torch.equal(limit_band(tone, generator(), share=0.0), tone)


def test_emotions_that_sound_different_are_told_apart() -> None:
    config: TrainConfig = replace(tiny_emotion(), augment=False, lr=5e-3)
    time = np.arange(32_000) / 16_000
    clips = [
        EmotionalClip((0.1 * np.sin(2 * np.pi * pitch * time)).astype("f4"), label, "drawn")
        for label, pitch in ((0, 150), (3, 600), (5, 2400))
    ]
    task = EmotionTask(config, clips)
    (player,) = task.players
    for step in range(40):
        player.optimizer.zero_grad()
        losses = player.losses(task.batch(config.stages[0], generator(step)), 0)
        losses.total.backward()
        player.optimizer.step()
    assert accuracy(player.module, clips) == 1.0


def test_a_reference_does_not_give_away_what_its_clip_feels() -> None:
    happy = EMOTIONS.index("happy")
    shown = np.tile(np.maximum(overlays()[happy], 0.1).astype(np.float32), (60, 1))
    clip = MotionClip(np.full(60 * 640, 0.1, np.float32), shown, happy, "")
    drawn = [
        WindowSampler([clip], total_frames=20, margin_frames=0, overlays=table).draw(
            2, torch.Generator().manual_seed(0)
        )
        for table in (None, overlays())
    ]
    smile = INDEX["smile"]
    assert (drawn[0].reference[:, smile] > 2).all()
    assert (drawn[1].reference[:, smile] == 0).all()
    assert torch.equal(drawn[0].motion, drawn[1].motion), "the clip itself keeps its expression"
    jaw = INDEX["jaw_open"]
    assert torch.equal(drawn[0].reference[:, jaw], drawn[1].reference[:, jaw])

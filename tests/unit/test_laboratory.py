"""Ablations: what is learnt from, what is measured, and how claims are judged."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from openfloat.config import EMOTIONS, VectorFieldConfig
from openfloat.laboratory.ablation import Claim
from openfloat.laboratory.ablations import ABLATIONS, BASE
from openfloat.laboratory.drawing import draw
from openfloat.laboratory.learning import AblationTask, token_directions
from openfloat.laboratory.listening import (
    OVERLAYS,
    HeardClip,
    HeardWindows,
    emotion_of,
    nearest_expression,
)
from openfloat.laboratory.measuring import ALL_FIGURES, FIGURES, measure_motion
from openfloat.laboratory.tables import ablation_table, spread, values, verdict
from openfloat.laboratory.variant import Objective, Variant

FIELD = replace(VectorFieldConfig.tiny(), speech_dim=4)
HAPPY = EMOTIONS.index("happy")


def clip(frames: int = 40, seed: int = 0) -> HeardClip:
    rng = np.random.default_rng(seed)
    waves = np.sin(np.arange(frames)[:, None] / 5 + rng.uniform(0, 6, 20))
    motion = torch.from_numpy(waves.astype(np.float32)) + OVERLAYS[HAPPY]
    speech = motion[:, 6:10].clone()
    voice = torch.eye(7)[0]
    return HeardClip(motion, speech, HAPPY, voice, motion[0] - OVERLAYS[HAPPY], motion[0])


def test_windows_are_stretches_of_their_clips_and_references_show_no_label() -> None:
    heard = clip()
    windows = HeardWindows([heard], past_frames=4, window_frames=10)
    batch = windows.draw(6, torch.Generator().manual_seed(0))
    for row in range(6):
        whole = torch.cat([batch.past[row], batch.window[row]])
        starts = [s for s in range(27) if torch.equal(heard.motion[s : s + 14], whole)]
        assert len(starts) == 1
        sound = torch.cat([batch.past_speech[row], batch.speech[row]])
        assert torch.equal(sound, heard.speech[starts[0] : starts[0] + 14])
    smile = 12
    assert (batch.reference[:, smile] < 1.3).all()
    assert (heard.motion[:, smile] > 1.4).all()


def test_emotions_come_from_where_they_are_asked_for() -> None:
    heard = clip()
    assert emotion_of(heard, "label")[HAPPY] == 1
    assert torch.equal(emotion_of(heard, "voice"), heard.voice)
    assert not emotion_of(heard, "none").any()
    shown = heard._replace(face=OVERLAYS[EMOTIONS.index("sad")])
    assert emotion_of(shown, "face")[EMOTIONS.index("sad")] == 1
    for number in range(7):
        assert nearest_expression(OVERLAYS[number]) == number


def test_directions_of_wide_tokens_are_orthonormal_and_stay_the_same() -> None:
    directions = token_directions(256)
    torch.testing.assert_close(directions.T @ directions, torch.eye(20), atol=1e-5, rtol=0)
    assert torch.equal(directions, token_directions(256))


@pytest.mark.parametrize("objective", ["flow", "epsilon", "x0"])
@pytest.mark.parametrize("latent", [0, 32])
def test_every_objective_learns_in_either_kind_of_token(objective: Objective, latent: int) -> None:
    variant = Variant(name="small", field=FIELD, objective=objective, latent_dim=latent)
    config = variant.recipe(0)
    windows = HeardWindows([clip(seed=s) for s in range(3)], past_frames=4, window_frames=10)
    task = AblationTask(variant, config, windows)
    (player,) = task.players
    generator = torch.Generator().manual_seed(0)
    batches = [task.batch(replace(config.stages[0], batch=16), generator) for _ in range(4)]
    before = sum(float(player.losses(b, 0).total.detach()) for b in batches)
    for step in range(40):
        player.optimizer.zero_grad()
        losses = player.losses(batches[step % 4], 0)
        losses.total.backward()
        player.optimizer.step()
    after = sum(float(player.losses(b, 0).total.detach()) for b in batches)
    assert after < 0.9 * before
    made = draw(task.field, variant, [clip(), clip(30, 1)], windows=2, seed=0)
    assert made.shape == (2, 20, 20)
    assert torch.isfinite(made).all()
    alone = draw(task.field, variant, [clip()], windows=2, seed=0)
    torch.testing.assert_close(made[:1], alone, atol=1e-3, rtol=1e-3)


def test_true_motion_measures_as_perfect() -> None:
    clips = [clip(seed=s) for s in range(4)]
    truth = torch.stack([c.motion for c in clips])
    found = measure_motion([truth, truth], clips)
    assert found.keys() == FIGURES.keys()
    assert found["jaw_r"] == pytest.approx(1)
    assert found["jaw_lag"] == 0
    assert found["lip_velocity_error"] == 0
    assert found["motion_frechet"] == pytest.approx(0, abs=1e-6)
    assert found["jitter_ratio"] == pytest.approx(1)
    assert found["diversity"] == 0
    assert found["named"] == 1


def test_a_late_jaw_and_a_moved_mean_are_found() -> None:
    clips = [clip(seed=s) for s in range(4)]
    truth = torch.stack([c.motion for c in clips])
    late = measure_motion([truth.roll(2, dims=1)], clips)
    assert late["jaw_lag"] == 2
    moved = measure_motion([truth + 0.5], clips)
    assert moved["motion_frechet"] == pytest.approx(20 * 0.25, rel=1e-4)
    noise = torch.randn(2, *truth.shape, generator=torch.Generator().manual_seed(0))
    apart = measure_motion([truth + noise[0], truth + noise[1]], clips)
    # Deviation of two draws of unit noise: sqrt(2) / sqrt(pi) on average.
    assert apart["diversity"] == pytest.approx((2 / np.pi) ** 0.5, rel=0.1)


def rows(better: list[float], worse: list[float]) -> list[dict[str, object]]:
    return [
        {"variant": name, "seed": seed, "test": "synthetic", "jaw_r": value}
        for name, found in (("good", better), ("bad", worse))
        for seed, value in enumerate(found)
    ]


def test_two_networks_that_are_worse_than_none_say_nothing() -> None:
    claim = Claim(says="good beats bad", better="good", worse="bad", figure="jaw_r")
    found = rows([0.7, 0.8], [0.6, 0.7])
    poor = [row | {"error_left": 1.2} for row in found]
    assert verdict(claim, poor, "synthetic") == "not testable at this scale"
    poor[0]["error_left"] = 0.9
    assert verdict(claim, poor, "synthetic") == "reproduced here"


@pytest.mark.parametrize(
    ("better", "worse", "says"),
    [
        ([0.7, 0.8, 0.9], [0.6, 0.7, 0.85], "reproduced here"),
        ([0.5, 0.5, 0.5], [0.6, 0.7, 0.85], "not reproduced here: the other way round"),
        ([1.0, 1.0, 1.0], [1.0, 1.0, 1.0], "not reproduced here: no difference"),
        ([0.7, 0.8, 0.8], [0.6, 0.7, 0.85], "not reproduced here: the seeds disagree"),
    ],
)
def test_a_claim_holds_when_every_seed_agrees(
    better: list[float], worse: list[float], says: str
) -> None:
    claim = Claim(says="good beats bad", better="good", worse="bad", figure="jaw_r")
    found = rows(better, worse)
    assert verdict(claim, found, "synthetic") == says
    assert verdict(claim, found[:3], "synthetic") is None, "one side was not run"
    whole = spread(values(found, "good", "synthetic", "jaw_r"))
    assert whole is not None
    assert (whole.low, whole.high) == (min(better), max(better))


def test_every_claim_compares_variants_of_its_ablation_by_a_known_figure() -> None:
    for ablation in ABLATIONS.values():
        names = [variant.name for variant in ablation.variants]
        assert len(names) == len(set(names))
        for claim in ablation.claims:
            assert {claim.better, claim.worse} <= set(names)
            assert claim.figure in ALL_FIGURES
        assert set(ablation.paper) <= set(names)
        for variant in ablation.variants:
            variant.recipe(0)
    table = ablation_table(ABLATIONS["objective"], {"rows": rows([1.0], [0.0])})
    assert "not run" in table
    assert BASE.name in table

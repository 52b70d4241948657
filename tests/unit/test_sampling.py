from dataclasses import fields, replace

import pytest
import torch
from torch.testing import assert_close

from openfloat.config import EMOTIONS, VectorFieldConfig
from openfloat.errors import BadInput
from openfloat.flow.noise import seeded_noise
from openfloat.models.transformer import VectorField
from openfloat.options import SampleOptions
from openfloat.sampling import Carry, guided_field, sample_motion, sample_window

CONFIG = VectorFieldConfig.tiny()  # windows of 10 frames, 4 of past
OPTIONS = SampleOptions(nfe=4)


@pytest.fixture(scope="module")
def field() -> VectorField:
    """Random weights everywhere, so that nothing is hidden behind a zero."""
    generator = torch.Generator().manual_seed(21)
    field = VectorField(CONFIG)
    with torch.no_grad():
        for parameter in field.parameters():
            fan_in = parameter.shape[-1] if parameter.ndim > 1 else 25
            draw = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(draw / fan_in**0.5)
    return field.requires_grad_(requires_grad=False)


def draw(*shape: int, seed: int = 22) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def clip(frames: int, batch: int = 1) -> dict[str, torch.Tensor]:
    return {
        "speech": draw(batch, frames, CONFIG.speech_dim, seed=1),
        "reference": draw(batch, CONFIG.motion_dim, seed=2),
        "emotion": draw(batch, CONFIG.num_emotions, seed=3).softmax(-1),
    }


def drawn(field, clip, options=OPTIONS, seeds=None, **more):
    """The whole motion of a clip, and the lengths of the windows it came in."""
    seeds = range(len(clip["speech"])) if seeds is None else seeds
    windows = list(
        sample_motion(
            field,
            clip["speech"].split(CONFIG.window_frames, dim=1),
            reference=clip["reference"],
            emotion=clip["emotion"],
            options=options,
            seeds=seeds,
            **more,
        )
    )
    return torch.cat(windows, dim=1), [window.shape[1] for window in windows]


@pytest.mark.parametrize("frames", [1, 9, 10, 11, 25, 30])
def test_a_clip_of_any_length_gives_as_many_frames(field, frames):
    motion, lengths = drawn(field, clip(frames))
    assert motion.shape == (1, frames, CONFIG.motion_dim)
    assert lengths == [10] * (frames // 10) + [frames % 10] * (frames % 10 > 0)
    assert motion.isfinite().all()


def test_the_last_window_is_padded_with_its_last_speech_frame(field):
    short = clip(13)
    padded = clip(13)
    last = short["speech"][:, -1:]
    padded["speech"] = torch.cat([short["speech"], last.expand(1, 7, -1)], dim=1)
    assert torch.equal(drawn(field, short)[0], drawn(field, padded)[0][:, :13])


def test_one_sample_alone_is_what_it_is_in_a_batch(field):
    batch = clip(23, batch=3)
    together, _ = drawn(field, batch, seeds=[5, 6, 7])
    for i in range(3):
        alone = {name: value[i : i + 1] for name, value in batch.items()}
        assert_close(drawn(field, alone, seeds=[5 + i])[0][0], together[i], rtol=0, atol=1e-5)


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(field):
    once, _ = drawn(field, clip(23), seeds=[9])
    assert torch.equal(drawn(field, clip(23), seeds=[9])[0], once)
    assert (drawn(field, clip(23), seeds=[10])[0] - once).abs().amax(-1).min() > 1e-3


@pytest.mark.parametrize("seed", [1, 2**31, 2**32 + 1, 2**63 - 1])
def test_noise_differs_from_window_to_window_and_from_seed_to_seed(seed):
    def noise(seed, window):
        return seeded_noise([seed], window, frames=400, width=20)[0].flatten()

    here = noise(seed, 0)
    assert torch.equal(here, noise(seed, 0))
    for other in (noise(seed, 1), noise(seed - 1, 0), noise(0, seed % 1000 + 2)):
        # 8000 independent pairs: the correlation is beyond 0.05 once in 100 000 draws.
        assert torch.corrcoef(torch.stack([here, other]))[0, 1].abs() < 0.05


def test_noise_is_standard_normal():
    noise = seeded_noise(range(50), 3, frames=50, width=40).double().flatten().sort().values
    assert noise.shape == (100_000,)
    ranks = (torch.arange(100_000) + 0.5) / 100_000
    # Kolmogorov-Smirnov distance; 1.63 / sqrt(n) is its 1 % bound.
    assert (torch.special.ndtr(noise) - ranks).abs().max() < 1.63 / 100_000**0.5


def test_noise_does_not_depend_on_the_batch():
    batch = seeded_noise([4, 5, 6], 2, frames=10, width=20)
    assert torch.equal(batch[1:2], seeded_noise([5], 2, frames=10, width=20))


def test_every_option_changes_the_output(field):
    given = clip(13)
    base = SampleOptions(emotion="sad")
    pose = draw(1, 13, 6, seed=4)

    def with_options(options):
        # Seed and emotion are the caller's to resolve, as the pipeline does.
        emotion = given["emotion"]
        if options.emotion != "auto":
            emotion = torch.eye(CONFIG.num_emotions)[EMOTIONS.index(options.emotion)][None]
        told = given | {"emotion": emotion}
        return drawn(field, told, options, seeds=[options.seed], pose=pose)[0]

    others = {
        "seed": 16,
        "nfe": 8,
        "solver": "heun",
        "audio_scale": 1.0,
        "emotion_scale": 1.5,
        "pose_scale": 1.0,
        "guidance_interval": (0.0, 0.6),
        "emotion": "auto",
    }
    elsewhere = {"emotion_window", "blink", "steady", "hush", "edit"}  # before or after drawing
    assert set(others) | elsewhere == {field.name for field in fields(SampleOptions)}
    for name, value in others.items():
        change = with_options(replace(base, **{name: value})) - with_options(base)
        assert change.abs().max() > 1e-4, name


@pytest.mark.parametrize("solver", ["euler", "midpoint", "heun", "rk4", "ab2"])
def test_a_window_costs_the_stated_number_of_evaluations(field, solver):
    calls = []
    hook = field.head.register_forward_hook(lambda *_: calls.append(1))
    drawn(field, clip(13), SampleOptions(nfe=8, solver=solver))
    hook.remove()
    assert len(calls) == 2 * 8


@pytest.mark.parametrize(
    ("audio_scale", "emotion_scale", "branches"),
    [(2.0, 1.0, 3), (1.0, 1.0, 1), (1.0, 0.0, 1), (2.0, 2.0, 2), (0.0, 0.0, 1)],
)
def test_only_branches_that_count_are_computed(field, audio_scale, emotion_scale, branches):
    options = SampleOptions(nfe=1, audio_scale=audio_scale, emotion_scale=emotion_scale)
    assert computed(field, options) == [2 * branches]


def computed(field, options):
    """Clips and branches of each evaluation, for one window of two clips."""
    batches = []
    hook = field.head.register_forward_pre_hook(lambda _, args: batches.append(len(args[0])))
    drawn(field, clip(5, batch=2), options)
    hook.remove()
    return batches


def test_outside_of_its_interval_guidance_costs_and_does_nothing(field):
    part = SampleOptions(nfe=8, guidance_interval=(0.25, 0.7))
    assert computed(field, part) == [2, 2, 6, 6, 6, 6, 2, 2]
    given = {"speech": draw(1, 10, 24), "carry": Carry.start(CONFIG, clip(1)["reference"])}
    given |= {name: clip(1)[name] for name in ("reference", "emotion")}
    x = draw(1, 10, 20, seed=8)
    always, never = SampleOptions(), SampleOptions(audio_scale=1.0, emotion_scale=1.0)
    for t, same in {0.0: never, 0.24: never, 0.25: always, 0.7: always, 0.71: never}.items():
        velocities = [
            guided_field(field, **given, options=options)(torch.tensor(t), x)
            for options in (part, always, never)
        ]
        assert torch.equal(velocities[0], velocities[1 if same is always else 2])
        assert (velocities[1] - velocities[2]).abs().max() > 1e-2


@pytest.mark.parametrize(
    "interval", [(0.6, 0.4), (0.5, 0.5), (-0.1, 1.0), (0.0, 1.1), (float("nan"), 1.0)]
)
def test_an_interval_that_is_none_is_refused(interval):
    with pytest.raises(ValueError, match=r"guidance_interval=\(.*\) is not two rising times"):
        SampleOptions(guidance_interval=interval)


@pytest.mark.parametrize(
    "scales",
    [(2.0, 1.0), (1.0, 1.0), (0.5, 3.0), (2.0, 2.0), (0.0, 1.0), (1.0, 0.0), (0.0, 0.0)],
)
def test_guidance_is_the_sum_of_three_separate_fields(field, scales):
    given = clip(10)
    carry = Carry(past_motion=draw(1, 4, 20), past_speech=draw(1, 4, 24), window=1)
    x, t = draw(1, 10, 20, seed=8), torch.tensor(0.3)
    options = SampleOptions(audio_scale=scales[0], emotion_scale=scales[1])
    velocity = guided_field(
        field,
        given["speech"],
        carry,
        reference=given["reference"],
        emotion=given["emotion"],
        options=options,
    )

    def branch(speech, emotion):
        positions = field(
            x,
            t[None],
            past=carry.past_motion,
            past_speech=carry.past_speech,
            reference=given["reference"],
            speech=speech * given["speech"],
            emotion=emotion * given["emotion"],
        )
        return positions[:, 4:]

    nothing, audio, both = branch(0, 0), branch(1, 0), branch(1, 1)
    expected = nothing + scales[0] * (audio - nothing) + scales[1] * (both - audio)
    assert_close(velocity(t, x), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("scales", [(1.0, 2.0, 1.0), (3.0, 2.0, 1.0), (1.0, 1.0, 1.0)])
def test_guidance_towards_a_pose_comes_before_that_towards_the_speech(field, scales):
    given = clip(10) | {"pose": draw(1, 10, 6, seed=4)}
    carry = Carry.start(CONFIG, given["reference"])
    x, t = draw(1, 10, 20, seed=8), torch.tensor(0.3)
    options = SampleOptions(pose_scale=scales[0], audio_scale=scales[1], emotion_scale=scales[2])
    velocity = guided_field(field, **given, carry=carry, options=options)(t, x)
    fields = [
        guided_field(
            field,
            given["speech"] * speech,
            carry,
            reference=given["reference"],
            emotion=given["emotion"] * emotion,
            options=SampleOptions(audio_scale=1.0, emotion_scale=1.0, pose_scale=1.0),
            pose=given["pose"] if pose else None,
        )(t, x)
        for pose, speech, emotion in ((0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 1, 1))
    ]
    expected = fields[0]
    for scale, before, after in zip(scales, fields, fields[1:], strict=False):
        expected = expected + scale * (after - before)
    assert_close(velocity, expected, rtol=0, atol=1e-5)


def test_a_pose_is_walked_to_and_fro_for_as_long_as_it_takes(field):
    given = clip(25)
    pose = draw(1, 4, 6, seed=4)
    frames = [0, 1, 2, 3, 2, 1] * 5
    walked = pose[:, torch.tensor(frames[:25])]
    assert torch.equal(drawn(field, given, pose=pose)[0], drawn(field, given, pose=walked)[0])
    still = drawn(field, given, pose=pose[:, :1])[0]
    assert torch.equal(still, drawn(field, given, pose=pose[:, :1].expand(-1, 25, -1))[0])
    assert (still - drawn(field, given)[0]).abs().max() > 1e-2


def test_a_field_without_poses_refuses_one(field):
    plain = VectorField(replace(CONFIG, pose_dim=0))
    with pytest.raises(BadInput, match="cannot be told a pose"):
        drawn(plain, clip(10), pose=draw(1, 10, 6))
    with pytest.raises(BadInput, match=r"pose of shape \(1, 10, 5\) is not \(1, frames, 6\)"):
        drawn(field, clip(10), pose=draw(1, 10, 5))


def test_without_emotion_is_with_zeros(field):
    given = clip(13)
    zeros = given | {"emotion": torch.zeros_like(given["emotion"])}
    absent = given | {"emotion": None}
    assert torch.equal(drawn(field, zeros)[0], drawn(field, absent)[0])
    assert not torch.equal(drawn(field, given)[0], drawn(field, absent)[0])


def test_speech_is_taken_piece_by_piece_as_windows_are_asked_for(field):
    given = clip(25)
    taken = []

    def pieces():
        for piece in given["speech"].split(10, dim=1):
            taken.append(piece.shape[1])
            yield piece

    stream = sample_motion(
        field,
        pieces(),
        reference=given["reference"],
        emotion=given["emotion"],
        options=OPTIONS,
        seeds=[0],
    )
    whole, _ = drawn(field, given)
    assert taken == []
    assert torch.equal(next(stream), whole[:, :10])
    assert taken == [10]
    assert torch.equal(torch.cat(list(stream), dim=1), whole[:, 10:])
    assert taken == [10, 10, 5]


def test_a_longer_clip_begins_like_a_shorter_one(field):
    long = clip(30)
    short = long | {"speech": long["speech"][:, :20]}
    assert torch.equal(drawn(field, long)[0][:, :20], drawn(field, short)[0])


def test_a_window_hands_its_last_frames_to_the_next(field):
    given = clip(20)
    conditions = {"reference": given["reference"], "emotion": given["emotion"], "options": OPTIONS}
    first, second = given["speech"].split(10, dim=1)
    carry = Carry.start(CONFIG, given["reference"])
    assert torch.count_nonzero(carry.past_motion) == torch.count_nonzero(carry.past_speech) == 0
    start = seeded_noise([0], 0, frames=10, width=20)
    motion, carry = sample_window(field, first, carry, noise=start, **conditions)
    assert carry.window == 1
    assert torch.equal(carry.past_motion, motion[:, -4:])
    assert torch.equal(carry.past_speech, first[:, -4:])
    resumed = sample_motion(field, [second], seeds=[0], carry=carry, **conditions)
    assert torch.equal(next(resumed), drawn(field, given)[0][:, 10:])


def test_a_short_window_hands_over_what_was_really_heard(field):
    given = clip(3)
    conditions = {"reference": given["reference"], "emotion": given["emotion"], "options": OPTIONS}
    before = Carry(past_motion=draw(1, 4, 20), past_speech=draw(1, 4, 24), window=6)
    motion, after = sample_window(
        field, given["speech"], before, noise=draw(1, 10, 20), **conditions
    )
    assert torch.equal(after.past_motion, torch.cat([before.past_motion[:, -1:], motion], dim=1))
    assert torch.equal(after.past_speech[:, 1:], given["speech"])


def test_the_past_changes_the_next_window(field):
    given = clip(20)
    other = given | {"speech": given["speech"].clone()}
    other["speech"][:, 9] += 1
    assert (drawn(field, given)[0] - drawn(field, other)[0])[:, 10].abs().max() > 1e-3


def test_injected_noise_replaces_the_seeds(field):
    given = clip(13)
    asked = []

    def noise(window):
        asked.append(window)
        return seeded_noise([77], window, frames=10, width=20)

    injected, _ = drawn(field, given, seeds=[1], noise=noise)
    assert asked == [0, 1]
    assert torch.equal(injected, drawn(field, given, seeds=[77])[0])


def test_inputs_are_left_as_they_were(field):
    given = clip(13)
    before = {name: value.clone() for name, value in given.items()}
    weights = {name: value.clone() for name, value in field.state_dict().items()}
    drawn(field, given)
    assert all(torch.equal(given[name], before[name]) for name in given)
    assert all(torch.equal(field.state_dict()[name], weights[name]) for name in weights)


def test_the_global_random_state_is_neither_read_nor_moved(field):
    state = torch.get_rng_state()
    once, _ = drawn(field, clip(13))
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(1234)
    assert torch.equal(drawn(field, clip(13))[0], once)


def test_what_does_not_fit_is_refused_in_one_sentence(field):
    given = clip(20)

    def refused(match, speech=None, seeds=(0,), **changed):
        speech = given["speech"].split(10, dim=1) if speech is None else speech
        conditions = {"reference": given["reference"], "emotion": given["emotion"]} | changed
        with pytest.raises(BadInput, match=match):
            list(sample_motion(field, speech, options=OPTIONS, seeds=seeds, **conditions))

    refused("2 seeds do not fit a batch of 1", seeds=(0, 1))
    refused("seed -1 is not between", seeds=(-1,))
    refused(r"emotion of shape \(1, 3\) is not \(1, 7\)", emotion=torch.zeros(1, 3))
    refused("piece 0 has 20 frames, not 1 to 10", speech=[given["speech"]])
    refused("piece 0 has 0 frames", speech=[given["speech"][:, :0]])
    refused(
        "piece 0 is shorter than 10 frames and not the last", speech=given["speech"].split(6, 1)
    )
    refused("piece 0 of shape", speech=[given["speech"][..., :5]])


def test_refusal_of_seeds_does_not_wait_for_the_first_window(field):
    given = clip(10)
    with pytest.raises(BadInput, match="2 seeds"):
        sample_motion(
            field,
            [given["speech"]],
            reference=given["reference"],
            emotion=None,
            options=OPTIONS,
            seeds=[1, 2],
        )

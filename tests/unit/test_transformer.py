from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from openfloat.config import VectorFieldConfig
from openfloat.models.codes import position_code, time_code
from openfloat.models.transformer import VectorField, band_mask

TINY = VectorFieldConfig.tiny()


def awake(field: VectorField) -> VectorField:
    """Random weights everywhere, so that nothing is hidden behind a zero."""
    generator = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for parameter in field.parameters():
            fan_in = parameter.shape[-1] if parameter.ndim > 1 else 25
            draw = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(draw / fan_in**0.5)
    return field


def inputs(config: VectorFieldConfig, batch: int = 2) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(12)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    return {
        "x": draw(batch, config.window_frames, config.motion_dim),
        "t": torch.linspace(0.2, 0.9, batch),
        "past": draw(batch, config.past_frames, config.motion_dim),
        "reference": draw(batch, config.motion_dim),
        "speech": draw(batch, config.window_frames, config.speech_dim),
        "past_speech": draw(batch, config.past_frames, config.speech_dim),
        "emotion": draw(batch, config.num_emotions).softmax(-1),
    }


def test_the_papers_field_has_its_156_7_million_numbers():
    with torch.device("meta"):
        field = VectorField(VectorFieldConfig())
    assert sum(p.numel() for p in field.parameters()) == 156_636_672
    assert field.positions.shape == (1, 60, 1024)
    assert sum(tensor.numel() for tensor in field.state_dict().values()) == 156_698_112


def test_an_untrained_field_is_exactly_zero():
    field = VectorField(TINY)
    assert torch.count_nonzero(field(**inputs(TINY))) == 0


def test_an_untrained_field_still_learns():
    field = VectorField(TINY)
    (field(**inputs(TINY)) - 1).abs().mean().backward()
    assert field.head.linear.bias.grad is not None
    assert field.head.linear.bias.grad.abs().min() > 0


def test_the_initial_weights_have_the_stated_spread():
    field = VectorField(replace(TINY, hidden_dim=256))
    assert_close(field.embed_time.outer.weight.std().item(), 0.02, rtol=0.05, atol=0)
    xavier = (2 / (256 + 3 * 256)) ** 0.5
    assert_close(field.blocks[0].attention.qkv.weight.std().item(), xavier, rtol=0.05, atol=0)


def test_the_output_holds_past_and_window():
    field = awake(VectorField(TINY))
    assert field(**inputs(TINY)).shape == (2, TINY.total_frames, TINY.motion_dim)


@pytest.mark.parametrize("radius", [0, 1, 2])
@pytest.mark.parametrize("depth", [1, 2])
def test_a_frame_sees_exactly_its_band_in_both_directions(radius, depth):
    config = replace(TINY, attention_radius=radius, depth=depth, window_frames=16)
    field = awake(VectorField(config))
    given = inputs(config, batch=1)
    motion = torch.cat([given["past"], given["x"]], dim=1).requires_grad_()
    sound = torch.cat([given["past_speech"], given["speech"]], dim=1).requires_grad_()
    p = config.past_frames
    given |= {"past": motion[:, :p], "x": motion[:, p:]}
    given |= {"past_speech": sound[:, :p], "speech": sound[:, p:]}
    output = field(**given)
    reach = radius * depth
    for frame in (0, p - 1, p, 12, config.total_frames - 1):
        expected = (torch.arange(config.total_frames) - frame).abs() <= reach
        for source in (motion, sound):
            (gradient,) = torch.autograd.grad(output[0, frame].sum(), source, retain_graph=True)
            assert torch.equal(gradient[0].abs().sum(-1) > 0, expected)


@pytest.mark.parametrize("name", ["x", "past", "reference", "speech", "past_speech", "emotion"])
def test_every_input_reaches_the_output(name):
    field = awake(VectorField(TINY))
    given = inputs(TINY)
    changed = field(**given | {name: torch.zeros_like(given[name])})
    assert (changed - field(**given)).abs().max() > 1e-2


def test_flow_time_reaches_every_frame():
    field = awake(VectorField(TINY))
    given = inputs(TINY)
    change = field(**given | {"t": given["t"] + 0.1}) - field(**given)
    assert change.abs().amax(dim=-1).min() > 1e-4


def test_each_clip_of_a_batch_stands_alone():
    field = awake(VectorField(TINY))
    given = inputs(TINY, batch=3)
    whole = field(**given)
    for i in range(3):
        alone = field(**{name: value[i : i + 1] for name, value in given.items()})
        assert_close(alone[0], whole[i], rtol=0, atol=1e-5)


def branches(given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """One clip as sampling shows it: told nothing, its speech, and its speech and emotion."""
    given = {name: value[:1].expand(3, *value.shape[1:]).clone() for name, value in given.items()}
    given["speech"][0] = 0
    given["emotion"][:2] = 0
    return given


def conditions_of(given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in given.items() if name not in ("x", "t")}


def test_what_is_prepared_once_serves_any_state_and_flow_time():
    field = awake(VectorField(TINY))
    given = inputs(TINY)
    conditions = conditions_of(given)
    prepared = field.prepare(**conditions)
    for t in (0.0, 0.4, 1.0):
        x, times = given["x"] * (1 + t), torch.tensor([t, 1 - t])
        expected = field(x, times, **conditions)
        assert torch.equal(field.velocity(x, times, prepared), expected)


@pytest.mark.parametrize("radius", [0, 2, 7])
@pytest.mark.parametrize("depth", [1, 3])
def test_drawing_gives_the_plain_fields_velocity_of_the_window(radius, depth):
    config = replace(TINY, attention_radius=radius, depth=depth)
    field = awake(VectorField(config))
    given = branches(inputs(config))
    with torch.inference_mode():
        prepared = field.prepare(**conditions_of(given), drawing=True)
        window = field.velocity(given["x"], given["t"][:1], prepared)
    assert_close(window, field(**given)[:, config.past_frames :], rtol=0, atol=1e-5)


def test_drawing_computes_what_frames_share_once_and_no_frame_in_vain():
    config = replace(TINY, attention_radius=1, depth=3, past_frames=4, window_frames=10)
    field = awake(VectorField(config))
    rows, frames = [], []
    for block in field.blocks:
        block.modulation.linear.register_forward_pre_hook(lambda _, x: rows.append(x[0].shape))
        block.mlp.register_forward_pre_hook(lambda _, x: frames.append(x[0].shape[1]))
    given = branches(inputs(config))
    prepared = field.prepare(**conditions_of(given), drawing=True)
    field.velocity(given["x"], given["t"][:1], prepared)
    # Past without emotion 4, silence 1, speech 10; past 4 and speech 10 with it.
    assert {tuple(shape) for shape in rows} == {(1, 29, config.hidden_dim)}
    assert frames == [12, 11, 10]


def test_drawing_keeps_each_frames_own_gradient():
    field = awake(VectorField(TINY))
    given = branches(inputs(TINY))
    weight = torch.randn(3, TINY.window_frames, TINY.motion_dim)
    gradients = []
    for drawing in (False, True):
        conditions = {name: v.clone().requires_grad_() for name, v in conditions_of(given).items()}
        prepared = field.prepare(**conditions, drawing=drawing)
        window = field.velocity(given["x"], given["t"][:1], prepared)[:, -TINY.window_frames :]
        (window * weight).sum().backward()
        gradients.append({name: value.grad for name, value in conditions.items()})
    for name, plain in gradients[0].items():
        assert_close(gradients[1][name], plain, rtol=1e-4, atol=1e-5)


def test_inputs_are_left_as_they_were():
    field = awake(VectorField(TINY))
    given = inputs(TINY)
    before = {name: value.clone() for name, value in given.items()}
    field(**given)
    assert all(torch.equal(given[name], before[name]) for name in given)


def test_banded_attention_is_softmax_over_the_band_alone():
    field = awake(VectorField(TINY)).double()
    attention = field.blocks[0].attention
    x = torch.randn(1, 9, TINY.hidden_dim, dtype=torch.float64)
    width = TINY.hidden_dim // TINY.num_heads
    q, k, v = attention.qkv(x)[0].split(TINY.hidden_dim, dim=-1)
    rows = []
    for i in range(9):
        band = slice(max(0, i - 2), i + 3)
        heads = []
        for n in range(TINY.num_heads):
            part = slice(n * width, (n + 1) * width)
            share = (k[band, part] @ q[i, part] / width**0.5).softmax(0)
            heads.append(share @ v[band, part])
        rows.append(torch.cat(heads))
    expected = attention.out(torch.stack(rows))
    assert_close(attention(x, band_mask(9, 2))[0], expected, rtol=0, atol=1e-12)


def test_the_position_table_is_sine_on_even_and_cosine_on_odd_channels():
    table = position_code(7, 12)[0]
    for frame in (0, 1, 6):
        for channel in range(0, 12, 2):
            angle = torch.tensor(frame / 10_000 ** (channel / 12))
            assert_close(table[frame, channel], angle.sin(), rtol=0, atol=1e-6)
            assert_close(table[frame, channel + 1], angle.cos(), rtol=0, atol=1e-6)


def test_the_time_code_is_cosine_then_sine_of_unscaled_time():
    code = time_code(torch.tensor([0.0, 0.37]))
    assert torch.equal(code[0], torch.cat([torch.ones(128), torch.zeros(128)]))
    assert_close(code[1, 0], torch.tensor(0.37).cos(), rtol=0, atol=1e-6)
    assert_close(code[1, 128], torch.tensor(0.37).sin(), rtol=0, atol=1e-6)
    assert_close(code[1, 192], torch.tensor(0.37 / 100).sin(), rtol=1e-5, atol=0)


def test_the_stored_position_table_is_the_one_used():
    field = awake(VectorField(TINY))
    before = field(**inputs(TINY))
    state = field.state_dict()
    state["positions"] = state["positions"] + torch.randn_like(state["positions"])
    field.load_state_dict(state)
    assert (field(**inputs(TINY)) - before).abs().max() > 1e-2
    assert "positions" not in dict(field.named_parameters())

"""The field with cross-attention: the same promises as the one with modulation."""

from dataclasses import replace

import torch

from openfloat.config import VectorFieldConfig
from openfloat.models.cross_attention import CrossAttentionField, build_field

CONFIG = replace(VectorFieldConfig.tiny(), conditioning="cross_attention")


def conditions(batch: int = 2) -> dict[str, torch.Tensor]:
    return {
        "past": torch.randn(batch, CONFIG.past_frames, CONFIG.motion_dim),
        "reference": torch.randn(batch, CONFIG.motion_dim),
        "speech": torch.randn(batch, CONFIG.window_frames, CONFIG.speech_dim),
        "past_speech": torch.randn(batch, CONFIG.past_frames, CONFIG.speech_dim),
        "emotion": torch.eye(7)[:batch],
    }


def awake() -> CrossAttentionField:
    """A field whose zero-initialised parts say something."""
    field = build_field(CONFIG)
    assert isinstance(field, CrossAttentionField)
    for parameter in field.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return field.eval()


def test_an_untrained_field_is_zero() -> None:
    field = build_field(CONFIG)
    x = torch.randn(2, CONFIG.window_frames, CONFIG.motion_dim)
    assert not field(x, torch.tensor([0.2, 0.7]), **conditions()).any()


def test_drawing_equals_the_plain_field_on_the_window() -> None:
    field, given = awake(), conditions()
    x, t = torch.randn(2, CONFIG.window_frames, CONFIG.motion_dim), torch.tensor(0.3)
    with torch.no_grad():
        plain = field(x, t.expand(2), **given)[:, CONFIG.past_frames :]
        drawn = field.velocity(x, t[None], field.prepare(**given, drawing=True))
    torch.testing.assert_close(drawn[:, -CONFIG.window_frames :], plain, rtol=1e-5, atol=1e-5)


def test_a_frame_hears_speech_within_its_band_alone() -> None:
    field, given = awake(), conditions(1)
    speech = given["speech"].requires_grad_()
    x = torch.randn(1, CONFIG.window_frames, CONFIG.motion_dim)
    field(x, torch.tensor([0.5]), **given)[0, CONFIG.past_frames].sum().backward()
    heard = speech.grad[0].abs().sum(dim=1) > 0  # type: ignore[index]
    # Both attentions of every block reach `attention_radius` frames further.
    reach = CONFIG.attention_radius * CONFIG.depth
    assert heard[: CONFIG.attention_radius + 1].all()
    assert not heard[2 * reach + 1 :].any()


def test_conditions_and_flow_time_reach_the_output() -> None:
    field, given = awake(), conditions()
    x, t = torch.randn(2, CONFIG.window_frames, CONFIG.motion_dim), torch.tensor([0.1, 0.1])
    with torch.no_grad():
        first = field(x, t, **given)
        assert not torch.allclose(first, field(x, t + 0.5, **given))
        for name, value in given.items():
            other = field(x, t, **{**given, name: torch.zeros_like(value)})
            assert not torch.allclose(first, other), name

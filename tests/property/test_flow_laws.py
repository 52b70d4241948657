"""Laws of guidance and of the path that hold for all numbers."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from openfloat.flow.guidance import guide, needed_branches

scale = st.one_of(st.sampled_from([0.0, 1.0, 2.0]), st.floats(0, 20, allow_subnormal=False))
scales = st.lists(scale, max_size=4)


def velocities(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 2, 3, generator=generator, dtype=torch.float64).unbind()


@given(st.integers(0, 4))
def test_unit_scales_are_the_conditional_model(extra):
    v = velocities(extra + 1)
    assert_close(guide(v, [1.0] * extra), v[-1], rtol=0, atol=1e-12)


@given(st.integers(0, 4))
def test_zero_scales_are_the_unconditional_model(extra):
    v = velocities(extra + 1)
    assert_close(guide(v, [0.0] * extra), v[0], rtol=0, atol=0)


@given(scales)
def test_equal_branches_need_no_guidance(drawn):
    v = velocities(1)
    assert_close(guide(list(v) * (len(drawn) + 1), drawn), v[0], rtol=0, atol=0)


@given(scales)
def test_branches_that_count_for_nothing_can_be_left_out(drawn):
    v = velocities(len(drawn) + 1)
    kept, left = needed_branches(drawn)
    assert_close(guide([v[i] for i in kept], left), guide(v, drawn), rtol=1e-12, atol=1e-9)


@given(scales)
def test_every_kept_branch_counts(drawn):
    kept, left = needed_branches(drawn)
    for position in range(len(kept)):
        v = [torch.zeros(1, dtype=torch.float64) for _ in kept]
        v[position] += 1
        assert guide(v, left).item() != 0


@pytest.mark.parametrize(
    ("drawn", "branches"),
    [
        ((2.0, 1.0), (0, 1, 2)),
        ((1.0, 1.0), (2,)),
        ((1.0, 0.0), (1,)),
        ((0.0, 0.0), (0,)),
        ((2.0, 0.0), (0, 1)),
        ((1.0, 2.0), (1, 2)),
        ((2.0, 2.0), (0, 2)),
    ],
)
def test_the_branches_of_speech_and_emotion_that_are_computed(drawn, branches):
    assert needed_branches(drawn)[0] == branches


def test_scales_must_fit_the_velocities():
    with pytest.raises(ValueError, match="2 scales do not fit 2 velocities"):
        guide(velocities(2), (1.0, 1.0))

import pytest
import torch
from torch.testing import assert_close

from openfloat.flow.path import linear_path
from openfloat.flow.times import draw_times, uniform_grid


def ends():
    generator = torch.Generator().manual_seed(3)
    return torch.randn(2, 4, 6, 5, generator=generator, dtype=torch.float64).unbind()


def test_the_path_starts_at_the_noise_and_ends_at_the_data():
    x0, x1 = ends()
    assert_close(linear_path(x0, x1, torch.zeros(4).double()).x_t, x0, rtol=0, atol=0)
    assert_close(linear_path(x0, x1, torch.ones(4).double()).x_t, x1, rtol=0, atol=0)


def test_the_velocity_is_the_derivative_of_the_path():
    x0, x1 = ends()
    t = torch.tensor([0.0, 0.2, 0.7, 1.0], dtype=torch.float64)
    _, derivative = torch.autograd.functional.jvp(
        lambda t: linear_path(x0, x1, t).x_t, t, torch.ones_like(t)
    )
    assert_close(linear_path(x0, x1, t).velocity, derivative, rtol=1e-12, atol=1e-12)


def test_each_sample_of_a_batch_has_its_own_time():
    x0, x1 = ends()
    t = torch.tensor([0.1, 0.5, 0.25, 0.9], dtype=torch.float64)
    whole = linear_path(x0, x1, t).x_t
    for i in range(4):
        assert_close(whole[i], x0[i] * (1 - t[i]) + x1[i] * t[i], rtol=1e-12, atol=0)


def test_a_grid_of_n_steps_has_n_plus_one_even_times_from_zero_to_one():
    assert_close(uniform_grid(4), torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0]), rtol=0, atol=1e-7)
    assert uniform_grid(1).tolist() == [0.0, 1.0]
    with pytest.raises(ValueError, match="steps=0"):
        uniform_grid(0)


def test_drawn_times_are_uniform_and_repeat_with_their_generator():
    draws = draw_times(20_000, torch.Generator().manual_seed(1))
    assert draws.min() >= 0
    assert draws.max() < 1
    # Kolmogorov-Smirnov distance to the uniform law; 1.63 / sqrt(n) is its 1 % bound.
    ranks = (torch.arange(20_000) + 0.5) / 20_000
    assert (draws.sort().values - ranks).abs().max() < 1.63 / 20_000**0.5
    assert torch.equal(draws, draw_times(20_000, torch.Generator().manual_seed(1)))


def test_stratified_times_fall_one_into_each_part():
    draws = draw_times(16, torch.Generator().manual_seed(1), stratified=True)
    assert sorted((draws * 16).long().tolist()) == list(range(16))
    assert not torch.equal(draws, draws.sort().values)


def test_stratified_times_are_each_uniform():
    generator = torch.Generator().manual_seed(5)
    first = torch.stack([draw_times(4, generator, stratified=True)[0] for _ in range(4_000)])
    assert_close(first.mean(), torch.tensor(0.5), rtol=0, atol=0.015)
    assert_close(first.var(), torch.tensor(1 / 12), rtol=0, atol=0.004)

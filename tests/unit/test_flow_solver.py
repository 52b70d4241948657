import math
from typing import get_args

import pytest
import torch
from torch.testing import assert_close

from openfloat.flow.solver import AB2, EULER, METHODS, integrate, steps_for, trajectory
from openfloat.flow.times import uniform_grid
from openfloat.options import SampleOptions, SolverName

ALL = pytest.mark.parametrize("name", METHODS)


def grid(steps):
    return uniform_grid(steps, dtype=torch.float64)


def swing(t, x):
    """A curved, time-dependent, non-linear field."""
    return torch.stack([x[1] * torch.cos(3 * t), -x[0] + 0.3 * x[1] ** 2])


def error(name, steps):
    x = torch.tensor([1.0, 0.5], dtype=torch.float64)
    exact = integrate(swing, x, grid(400), METHODS["rk4"])
    return (integrate(swing, x, grid(steps), METHODS[name]) - exact).abs().max().item()


def test_the_solvers_offered_are_the_solvers_there_are():
    assert tuple(METHODS) == get_args(SolverName)


@ALL
def test_the_options_accept_a_number_of_evaluations_exactly_when_the_solver_does(name):
    for nfe in range(1, 13):
        if nfe % METHODS[name].evaluations:
            with pytest.raises(ValueError, match=f"nfe={nfe}"):
                SampleOptions(solver=name, nfe=nfe)
            with pytest.raises(ValueError, match=f"nfe={nfe}"):
                steps_for(METHODS[name], nfe)
        else:
            SampleOptions(solver=name, nfe=nfe)
            assert steps_for(METHODS[name], nfe) * METHODS[name].evaluations == nfe


@ALL
def test_the_error_falls_with_the_order_of_the_method(name):
    slope = math.log2(error(name, 20) / error(name, 40))
    assert slope == pytest.approx(METHODS[name].order, abs=0.25)


@ALL
def test_each_table_is_consistent(name):
    method = METHODS[name]
    assert sum(method.weights) == pytest.approx(1)
    for index, (node, stage) in enumerate(zip(method.nodes, method.stages, strict=True)):
        assert len(stage) == index  # explicit: only what is known already
        assert sum(stage) == pytest.approx(node)


@ALL
def test_one_step_along_a_straight_path_is_exact(name):
    velocity = torch.tensor([3.0, -2.0, 0.5], dtype=torch.float64)
    x = torch.tensor([1.0, 1.0, 1.0], dtype=torch.float64)
    end = integrate(lambda _t, _x: velocity, x, grid(1), METHODS[name])
    assert_close(end, x + velocity, rtol=0, atol=1e-15)


@ALL
def test_the_field_is_evaluated_as_often_as_stated(name):
    times = []

    def counted(t, x):
        times.append(float(t))
        return -x

    steps = steps_for(METHODS[name], 12)
    integrate(counted, torch.ones(2).double(), grid(steps), METHODS[name])
    assert len(times) == 12
    assert min(times) == 0
    assert max(times) <= 1


def test_euler_on_a_linear_field_is_the_compound_interest_formula():
    end = integrate(lambda _t, x: x, torch.ones(1).double(), grid(7), EULER)
    assert end.item() == pytest.approx((1 + 1 / 7) ** 7, rel=1e-12)


def test_adams_and_bashforth_are_exact_where_velocity_grows_evenly_but_for_the_first_step():
    times = torch.tensor([0.5, 0.6, 0.9, 1.0, 1.7], dtype=torch.float64)
    start = torch.tensor([3.0], dtype=torch.float64)
    states = list(trajectory(lambda t, _x: 2 * t[None], start, times, METHODS["ab2"]))
    # The integral of 2t is t^2; Euler's first step falls short by the square of its size.
    for t, state in zip(times[1:], states[1:], strict=True):
        assert state.item() == pytest.approx(3 + t.item() ** 2 - 0.5**2 - 0.1**2, abs=1e-14)


def test_adams_and_bashforth_keep_their_order_on_uneven_steps():
    def miss(steps):
        times = grid(steps) ** 1.5 * 2
        end = integrate(lambda _t, x: x * (1 - x), torch.tensor(0.1).double(), times, AB2)
        return abs(end.item() - 1 / (1 + 9 * math.exp(-2)))  # the logistic curve

    assert math.log2(miss(40) / miss(80)) == pytest.approx(2, abs=0.2)


def test_a_trajectory_has_a_state_for_each_time_and_begins_with_the_first():
    x = torch.tensor([1.0, 0.5], dtype=torch.float64)
    states = list(trajectory(swing, x, grid(5), METHODS["heun"]))
    assert len(states) == 6
    assert_close(states[0], x, rtol=0, atol=0)
    assert_close(states[-1], integrate(swing, x, grid(5), METHODS["heun"]), rtol=0, atol=0)
    # Every state is one step of the same method from the state before.
    for k in range(5):
        step = integrate(swing, states[k], grid(5)[k : k + 2], METHODS["heun"])
        assert_close(states[k + 1], step, rtol=0, atol=0)


def test_times_may_be_uneven_and_run_backwards():
    x = torch.tensor([1.0, 0.5], dtype=torch.float64)
    times = torch.linspace(0, 1, 200, dtype=torch.float64) ** 1.5
    there = integrate(swing, x, times, METHODS["rk4"])
    back = integrate(swing, there, times.flip(0), METHODS["rk4"])
    assert_close(back, x, rtol=0, atol=1e-8)
    assert (there - x).abs().max() > 0.1


def test_the_start_is_not_written_to():
    x = torch.tensor([1.0, 0.5], dtype=torch.float64)
    integrate(swing, x, grid(3), METHODS["rk4"])
    assert x.tolist() == [1.0, 0.5]

"""Fixed-step methods, Runge-Kutta and Adams-Bashforth: each a table, and one loop for all."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

Field = Callable[[Tensor, Tensor], Tensor]
"""(t, x) -> dx/dt, with a scalar tensor t."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tableau:
    """An explicit Runge-Kutta method (Butcher tableau), which may look back at the step before."""

    nodes: tuple[float, ...]
    """Time of each evaluation as a share of the step."""
    stages: tuple[tuple[float, ...], ...]
    """How far each evaluation's state lies along the velocities before it."""
    weights: tuple[float, ...]
    """Share of each velocity in the step."""
    order: int
    """The error of the whole path falls like step size to this power."""
    lead: float = 0.0
    """Steps by which the first velocity runs ahead, along its change since the step before; the
    first step has none before it. 1/2 makes Euler's method that of Adams and Bashforth."""

    @property
    def evaluations(self) -> int:
        """Evaluations of the field in one step."""
        return len(self.nodes)


EULER = Tableau(nodes=(0.0,), stages=((),), weights=(1.0,), order=1)
MIDPOINT = Tableau(nodes=(0.0, 0.5), stages=((), (0.5,)), weights=(0.0, 1.0), order=2)
HEUN = Tableau(nodes=(0.0, 1.0), stages=((), (1.0,)), weights=(0.5, 0.5), order=2)
RK4 = Tableau(
    nodes=(0.0, 0.5, 0.5, 1.0),
    stages=((), (0.5,), (0.0, 0.5), (0.0, 0.0, 1.0)),
    weights=(1 / 6, 1 / 3, 1 / 3, 1 / 6),
    order=4,
)
AB2 = Tableau(nodes=(0.0,), stages=((),), weights=(1.0,), order=2, lead=0.5)
METHODS = {"euler": EULER, "midpoint": MIDPOINT, "heun": HEUN, "rk4": RK4, "ab2": AB2}


def steps_for(method: Tableau, nfe: int) -> int:
    """Steps that use exactly `nfe` evaluations of the field.

    Raises:
        ValueError: `nfe` is not a positive multiple of the evaluations of one step.
    """
    if nfe < 1 or nfe % method.evaluations:
        raise ValueError(
            f"nfe={nfe} is not a positive multiple of {method.evaluations}, "
            "the evaluations of one step"
        )
    return nfe // method.evaluations


def trajectory(
    field: Field,
    x: Float[Tensor, "*shape"],
    times: Float[Tensor, " n"],
    method: Tableau = EULER,
) -> Iterator[Float[Tensor, "*shape"]]:
    """The states at all `n` times, beginning with `x` itself: n - 1 steps.

    Args:
        field: dx/dt.
        x: state at the first time; it is not written to.
        times: in the order in which they are walked, evenly spaced or not; no two neighbours equal.
        method: any row of `METHODS`.
    """
    yield x
    before: tuple[Tensor, Tensor] | None = None
    for t, t_next in itertools.pairwise(times):
        size = t_next - t
        velocities = _velocities(field, x, t, size, method)
        x = _along(x, size, method.weights, velocities)
        if method.lead and before is not None:
            velocity, step = before
            x = x + method.lead * size * (size / step) * (velocities[0] - velocity)
        before = velocities[0], size
        yield x


def integrate(
    field: Field,
    x: Float[Tensor, "*shape"],
    times: Float[Tensor, " n"],
    method: Tableau = EULER,
) -> Float[Tensor, "*shape"]:
    """The last state of `trajectory`."""
    for state in trajectory(field, x, times, method):
        x = state
    return x


def _velocities(field: Field, x: Tensor, t: Tensor, size: Tensor, method: Tableau) -> list[Tensor]:
    velocities: list[Tensor] = []
    for node, stage in zip(method.nodes, method.stages, strict=True):
        velocities.append(field(t + node * size, _along(x, size, stage, velocities)))
    return velocities


def _along(x: Tensor, size: Tensor, shares: tuple[float, ...], velocities: list[Tensor]) -> Tensor:
    for share, velocity in zip(shares, velocities, strict=True):
        if share:
            x = x + share * size * velocity
    return x

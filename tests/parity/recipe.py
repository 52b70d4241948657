"""Reference cases of the released network: where they lie, their weights, and how close is close.

The folder (environment variable OPENFLOAT_PARITY, else `../shared/parity` beside the repository)
holds `ref/<case>.json` and `ref/<case>.safetensors`, inputs and outputs of the released network,
and `recipe_weights.py`, which draws the very same weights from a seed and their names.
"""

import functools
import importlib.util
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from einops import reduce
from safetensors.torch import load_file
from torch import Tensor

TOLERANCE_FACTOR = 20
TOLERANCE_FLOOR = 1e-6
"""Allowed distance: 20 times the reference's own rounding noise (distance to float64) + 1e-6."""


class Measured(NamedTuple):
    """One comparison, a row of evidence."""

    case: str
    key: str
    worst: float
    allowed: float


class Case:
    """One reference case: options, inputs, outputs, and the weights it was made with."""

    def __init__(self, name: str, measured: list[Measured] | None = None) -> None:
        """Read a case by name; `measured` collects its comparisons."""
        folder = parity_folder() / "ref"
        facts = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        self.name = name
        self.measured = [] if measured is None else measured
        self.facts: dict[str, Any] = facts
        self.seed: int = facts["seed"]
        self.options: dict[str, Any] = facts["options"]
        self.notes: list[str] = facts.get("notes", [])
        self.weight_sums: dict[str, Any] = facts.get("weight_sums", {})
        self.tensors: dict[str, dict[str, Any]] = facts["tensors"]
        self.stored: dict[str, Tensor] = load_file(folder / f"{name}.safetensors")

    def input(self, key: str) -> Tensor:
        """A whole stored tensor, such as `in.x`."""
        return self.stored[key]

    def outputs(self) -> list[str]:
        """Every `out.*` key, without the `@sub` of those stored in part."""
        return sorted(key.removesuffix("@sub") for key in self.stored if key.startswith("out."))

    def uncompared(self) -> list[str]:
        """Outputs that no comparison has looked at."""
        return sorted(set(self.outputs()) - {row.key for row in self.measured})

    def weight(self, name: str, shape: Sequence[int], *, hidden: int | None = None) -> Tensor:
        """The seeded weight of an official name; `hidden` as `recipe_weights.tensor` wants it.

        Axes of length 1 may be left out. Where the reference states this name's sums they are
        checked too.
        """
        drawn = recipe_weights().tensor(self.seed, name, tuple(shape), hidden)
        if name in self.weight_sums:
            stated_shape, total, magnitude = self.weight_sums[name]
            lengths = [length for length in shape if length != 1]
            stated = [length for length in stated_shape if length != 1]
            assert lengths == stated, f"{name}: {list(shape)} is not {stated_shape}"
            precise = drawn.astype(np.float64)
            sums = (precise.sum(), np.abs(precise).sum())
            np.testing.assert_allclose(sums, (total, magnitude), rtol=1e-9, atol=1e-9 * magnitude)
        return torch.from_numpy(drawn)

    def weights(self, shapes: Mapping[str, Sequence[int]]) -> dict[str, Tensor]:
        """Seeded weights of many official names.

        Names of the positional convolution may be in the old (`weight_g`) or the new spelling
        (`parametrizations.weight.original0`).
        """
        hidden = {
            name: shape[0]
            for name, shape in shapes.items()
            if name.endswith(("conv.weight_v", "weight.original1"))
        }
        drawn = {}
        for name, shape in shapes.items():
            twin = name.replace("weight_g", "weight_v").replace("original0", "original1")
            drawn[name] = self.weight(name, shape, hidden=hidden.get(twin))
        return drawn


def parity_folder() -> Path:
    """Where the references lie, whether or not they are there."""
    beside = Path(__file__).resolve().parents[2] / ".." / "shared" / "parity"
    return Path(os.environ.get("OPENFLOAT_PARITY", beside))


@functools.cache
def recipe_weights() -> ModuleType:
    """The folder's own module that draws weights and inputs."""
    path = parity_folder() / "recipe_weights.py"
    spec = importlib.util.spec_from_file_location("recipe_weights", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def case_names(*kinds: str) -> list[str]:
    """Names of the cases of some kinds (ae, fmt, sample, audio, emotion, crop); all without one."""
    names = sorted(path.stem for path in (parity_folder() / "ref").glob("*.json"))
    return [name for name in names if not kinds or kind_of(name) in kinds]


def kind_of(name: str) -> str:
    """The letters that a case's name begins with."""
    match = re.match("[a-z]+", name)
    return match[0] if match else name


def cases(*kinds: str) -> Iterable[Any]:
    """Parameters for `pytest.mark.parametrize("case", cases("ae"), indirect=True)`.

    Without references one parameter remains, for which the `case` fixture skips, or fails in CI.
    """
    return case_names(*kinds) or [pytest.param(None, id="no-references")]


def assert_close_to_reference(
    actual: Tensor | np.ndarray[Any, Any], case: Case, key: str, *, tolerance: float | None = None
) -> None:
    """Compare a whole tensor with one output of a case, stored whole, in part or as block means.

    Args:
        actual: our tensor, of the reference's shape; for a `.block64` key the whole picture.
        case: the reference; the comparison is added to its `measured`.
        key: such as `out.frame0`, without `@sub`.
        tolerance: allowed distance where the reference does not state its own noise; integers
            must be equal, pictures as bytes (`_u8`) may differ by 1.
    """
    ours, expected = _matched(torch.as_tensor(actual).detach(), case, key)
    allowed = _allowed(case, key, expected) if tolerance is None else tolerance
    difference = (ours.double() - expected.double()).abs()
    worst = difference.max().item()
    case.measured.append(Measured(case.name, key, worst, allowed))
    assert ours.isfinite().all(), f"{case.name} {key}: not finite"
    assert worst <= allowed, f"{case.name} {key}: off by {worst:.3g}, {allowed:.3g} is allowed"


def _matched(actual: Tensor, case: Case, key: str) -> tuple[Tensor, Tensor]:
    """Our values and the reference's, of one shape."""
    if key.endswith(".block64"):
        blocks = reduce(actual, "b c (h i) (w j) -> b c h w", "mean", h=64, w=64)
        return blocks, case.stored[key]
    facts = case.tensors[key]
    assert list(actual.shape) == facts["shape"], f"{key}: {actual.shape} is not {facts['shape']}"
    if key in case.stored:
        return actual, case.stored[key]
    return actual.flatten()[:: facts["stride"]], case.stored[f"{key}@sub"]


def _allowed(case: Case, key: str, expected: Tensor) -> float:
    """The distance that rounding explains."""
    if not expected.is_floating_point():
        return 1.0 if key.endswith("_u8") else 0.0
    noise = case.tensors[key.removesuffix(".block64")].get("fp64_maxabs")
    assert noise is not None, f"{case.name} {key} states no noise: pass a tolerance"
    return float(TOLERANCE_FACTOR * noise + TOLERANCE_FLOOR)

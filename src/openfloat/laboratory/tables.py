"""Figures of an ablation with their spread over seeds, and whether a claim's direction agrees."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from openfloat.laboratory.ablation import Ablation, Claim
from openfloat.laboratory.measuring import ALL_FIGURES, BETTER

Rows = Sequence[Mapping[str, Any]]
VERDICTS = {
    1: "reproduced here",
    -1: "not reproduced here: the other way round",
    0: "not reproduced here: no difference",
}
UNDECIDED = "not reproduced here: the seeds disagree"
NOT_TESTABLE = "not testable at this scale"


class Spread(NamedTuple):
    """One figure over seeds."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} ({self.low:.3f} to {self.high:.3f})"


def values(rows: Rows, variant: str, test: str, figure: str) -> dict[int, float]:
    """A figure by seed, of the runs that have it."""
    return {
        row["seed"]: row[figure]
        for row in rows
        if row["variant"] == variant and row["test"] == test and figure in row
    }


def spread(found: Mapping[int, float]) -> Spread | None:
    """Mean, smallest and largest; none where there is no run."""
    numbers = list(found.values())
    return Spread(statistics.fmean(numbers), min(numbers), max(numbers)) if numbers else None


def tests_of(rows: Rows) -> list[str]:
    """The sets of clips that were measured on, in the order of the rows."""
    return list(dict.fromkeys(row["test"] for row in rows))


def worth(figure: str, value: float) -> float:
    """A figure as a number that grows as it gets better."""
    kind = BETTER[figure]
    if kind == "higher":
        return value
    if kind == "lower":
        return -value
    return -abs(value - (1 if kind == "one" else 0))


def verdict(claim: Claim, rows: Rows, test: str) -> str | None:
    """Whether every seed agrees with a claim's direction; none where a side was not run.

    Where no run of either side is better than no network at all, it cannot be told.
    """
    better, worse = (values(rows, name, test, claim.figure) for name in (claim.better, claim.worse))
    shared = sorted(better.keys() & worse.keys())
    if not shared:
        return None
    sides = [values(rows, name, test, "error_left") for name in (claim.better, claim.worse)]
    if any(sides) and all(left >= 1 for side in sides for left in side.values()):
        return NOT_TESTABLE
    gains = [worth(claim.figure, better[s]) - worth(claim.figure, worse[s]) for s in shared]
    signs = {(gain > 0) - (gain < 0) for gain in gains}
    return VERDICTS[signs.pop()] if len(signs) == 1 else UNDECIDED


def _verdicts(claim: Claim, ablation: Ablation, rows: Rows) -> str:
    found = {test: verdict(claim, rows, test) for test in ablation.judged_on}
    said = [f"{verdict} ({test})" for test, verdict in found.items() if verdict is not None]
    return "; ".join(said) or "not run"


def ablation_table(ablation: Ablation, report: Mapping[str, Any]) -> str:
    """A line for each variant and set of clips, then the claims."""
    rows = report["rows"]
    lines = [ablation.question]
    for test in tests_of(rows):
        shown = [name for name in ALL_FIGURES if any(name in r for r in rows if r["test"] == test)]
        lines.append(f"{test:16s}" + "".join(f"{name:>28s}" for name in shown))
        for variant in ablation.variants:
            cells = [spread(values(rows, variant.name, test, name)) for name in shown]
            lines.append(f"{variant.name:16s}" + "".join(f"{cell or '-'!s:>28s}" for cell in cells))
    for claim in ablation.claims:
        lines.append(f"{claim.says}: {_verdicts(claim, ablation, rows)}")
    return "\n".join(lines)

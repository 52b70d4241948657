"""Fixtures of the parity tests, and the table of errors that is printed after them."""

import os
from collections.abc import Iterable

import pytest
from recipe import Case, Measured, parity_folder

PROPERTY = "parity"


@pytest.fixture
def references() -> None:
    """Skip where the references are not there; in CI they must be."""
    folder = parity_folder()
    if (folder / "ref").is_dir():
        return
    reason = f"no references in {folder}: set OPENFLOAT_PARITY to their folder"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def case(request: pytest.FixtureRequest, references: None) -> Iterable[Case]:  # noqa: ARG001
    """The reference case that a test is parametrised with (`recipe.cases`)."""
    if request.param is None:
        pytest.fail(f"{parity_folder()} holds no case of this kind")
    loaded = Case(request.param)
    yield loaded
    rows = [tuple(row) for row in loaded.measured]
    request.node.user_properties.append((PROPERTY, rows))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One row per case: how many outputs were compared, and the one nearest to its limit."""
    rows: dict[str, list[Measured]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) != "teardown":
                continue
            for name, values in report.user_properties:
                for row in values if name == PROPERTY else ():
                    rows.setdefault(row[0], []).append(Measured(*row))
    if not rows:
        return
    terminalreporter.section("distance to the released network")
    terminalreporter.line(f"{'case':16} {'outputs':>8} {'worst':>10} {'allowed':>10}  of")
    for name, measured in sorted(rows.items()):
        keys = len({row.key for row in measured})
        row = max(measured, key=_strain)
        terminalreporter.line(
            f"{name:16} {keys:8} {row.worst:10.2e} {row.allowed:10.2e}  {row.key}"
        )


def _strain(row: Measured) -> float:
    """How much of the allowed distance is used; bytes, which are rounded, only if nothing else."""
    if row.key.endswith("_u8"):
        return -1.0
    return row.worst / row.allowed if row.allowed else float(row.worst > 0)

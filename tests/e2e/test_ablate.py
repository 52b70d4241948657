"""A tiny ablation for real: voices, training, drawing, figures, and the page made of them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from openfloat.cli.main import run
from openfloat.laboratory.ablation import Ablation, Claim
from openfloat.laboratory.ablations import ABLATIONS, BASE
from openfloat.laboratory.measuring import FIGURES
from openfloat.laboratory.report import build_report
from openfloat.laboratory.run import Bench, run_ablation

SHORT = replace(BASE, windows=64)
TINY = Ablation(
    name="objective",
    question="Which?",
    variants=(SHORT, replace(SHORT, name="x0", objective="x0", evaluations=5)),
    claims=(Claim(says="flow is better", better="base", worse="x0", figure="motion_frechet"),),
)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_ablation_goes_on_where_it_was_and_its_figures_reach_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(tmp_path / "cache", None, train_clips=2, test_clips=1)
    out, steps = tmp_path / "runs", []
    first = run_ablation(TINY, bench, out, seeds=[0], said=steps.append)
    assert [(row["variant"], row["seed"]) for row in first["rows"]] == [("base", 0), ("x0", 0)]
    assert all(FIGURES.keys() <= row.keys() for row in first["rows"])
    again = run_ablation(TINY, bench, out, seeds=[0], said=steps.append)
    assert again == first
    assert len(steps) == 2
    more = run_ablation(TINY, bench, out, seeds=[0, 1], said=steps.append)
    assert more["rows"][:2] == first["rows"]
    assert len(steps) == 4
    different = {row["motion_frechet"] for row in more["rows"]}
    assert len(different) == 4, "another seed or objective gives another field"

    results, page = tmp_path / "docs" / "results", tmp_path / "docs" / "results.md"
    results.mkdir(parents=True)
    command = ["report", "--runs", str(out), "--results", str(results), "--page", str(page)]
    assert run(command) == 0
    text = page.read_text()
    values = [row["motion_frechet"] for row in more["rows"] if row["variant"] == "base"]
    assert f"{sum(values) / 2:.3f} ({min(values):.3f} to {max(values):.3f})" in text
    assert "![objective](results/objective.svg)" in text
    assert (results / "objective.svg").read_text().lstrip().startswith("<?xml")
    before = (results / "objective.svg").read_bytes()
    build_report(results, page)
    assert page.read_text() == text
    assert (results / "objective.svg").read_bytes() == before, "the same rows give the same plot"
    assert "sections say that they were not run yet" in capsys.readouterr().out


def test_the_committed_page_is_what_the_committed_results_give(tmp_path: Path) -> None:
    docs = Path(__file__).parents[2] / "docs"
    copied = tmp_path / "results"
    for file in (docs / "results").rglob("*.json"):
        target = copied / file.relative_to(docs / "results")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
        json.loads(file.read_text())
    assert build_report(copied, tmp_path / "results.md") == (docs / "results.md").read_text()


def test_unknown_ablations_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ablate", "colour"]) == 2
    assert f"none of {', '.join(ABLATIONS)}, all" in capsys.readouterr().err

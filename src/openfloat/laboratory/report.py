"""docs/results.md and its plots, built from the JSON that the measuring commands wrote."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from openfloat.codec import write_json
from openfloat.errors import BadInput
from openfloat.laboratory.ablation import Ablation, Claim
from openfloat.laboratory.ablations import ABLATIONS
from openfloat.laboratory.claims import UNTESTED
from openfloat.laboratory.measuring import ALL_FIGURES, FIGURES, PICTURE_FIGURES
from openfloat.laboratory.phase1 import PAIRS
from openfloat.laboratory.plots import plot_ablation
from openfloat.laboratory.tables import NOT_TESTABLE, Rows, spread, tests_of, values, verdict

NOT_RUN = "not run yet"
HEAD = """# Results

Built by `openfloat report` from the JSON files in `docs/results`; no figure is typed by hand. Every
figure is the mean over runs with its smallest and largest in brackets. The paper's figures are of
its own networks at 512² on HDTF or RAVDESS and share no unit with ours: only directions compare.
A direction counts as reproduced when **every** seed agrees with it; how much it is worth, the
figures beside it say.
"""
HOW = """How the ablations are made: small vector fields on the twenty motion coefficients, each
trained for 8000 windows of synthetic voices whose motion is known exactly (`openfloat
ablate NAME`; `openfloat.laboratory.variant` has the recipe), drawn for voices of another seed
(*synthetic*) and for held-out recordings of GRID speakers as the embedded model's reader sees them
(*real*: head and lips alone). `nfe` draws from the embedded model. There are no pictures in it: the
figures are of curves.
"""
HOW_PICTURES = f"""`directions` and `components` are of phase 1: auto-encoders of the paper's kind
at 64², motion directions unsupervised, without adversaries, each trained with {PAIRS} pairs of
frames of real clips, a random pyramid in VGG-19's place. They redraw each frame of held-out clips
from its clip's first: of people who were trained on (*familiar*) and of *strangers*. That is far
from where the paper's auto-encoder ends after nine days of an A100. A claim about two variants none
of whose runs is better than the source left as it is (`error_left` of 1) cannot be tested here.
"""


def collect(runs: Path, results: Path) -> list[str]:
    """Copy what `openfloat ablate` left in its run folder to the results; names of what was new."""
    copied = []
    for name in ABLATIONS:
        file = runs / f"{name}.json"
        if file.is_file():
            (results / "ablations").mkdir(parents=True, exist_ok=True)
            write_json(json.loads(file.read_text()), results / "ablations" / file.name)
            copied.append(name)
    return copied


def build_report(results: Path, page: Path) -> str:
    """Write the page and its plots (beside the results); returns its text.

    Args:
        results: `ablations/NAME.json`, and where they were measured `emotion.json`,
            `speakers.json` (`openfloat doubt`), `controls.json` (`openfloat evaluate controls`).
        page: the Markdown file; appears when it is complete.

    Raises:
        BadInput: there are no results, or a file of them is damaged.
    """
    if not results.is_dir():
        raise BadInput(f"{results}: there are no results to report")
    reports = {name: _read(results / "ablations" / f"{name}.json") for name in ABLATIONS}
    parts = [HEAD, _claims(reports), "## Ablations\n"]
    parts += [HOW, _legend(FIGURES), HOW_PICTURES, _legend(PICTURE_FIGURES)]
    for name, ablation in ABLATIONS.items():
        parts.append(_section(ablation, reports[name], results, page))
    parts.append("## Doubts\n")
    parts.append(_emotion(_read(results / "emotion.json")))
    parts.append(_speakers(_read(results / "speakers.json")))
    parts.append(_controls(_read(results / "controls.json")))
    text = "\n".join(parts)
    partial = page.with_name(f".{page.name}.part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(page)
    return text


def _read(file: Path) -> dict[str, Any] | None:
    if not file.is_file():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInput(f"{file} is no JSON of results: {error}") from error
    return dict(content)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _claims(reports: Mapping[str, Mapping[str, Any] | None]) -> str:
    rows = []
    for name, ablation in ABLATIONS.items():
        found = (reports[name] or {"rows": []})["rows"]
        for claim in ablation.claims:
            said = [verdict(claim, found, test) for test in ablation.judged_on]
            by = _by(claim, found, ablation.judged_on[0]) or f"`openfloat ablate {name}`"
            rows.append((claim.says, by, said[0] or NOT_RUN, said[1] or "–"))
    rows += [(claim.says, claim.why, NOT_TESTABLE, "–") for claim in UNTESTED]
    head = ("claim", "by", "here", "on real clips, or strangers")
    return "## The paper's claims\n\n" + _table(head, rows)


def _by(claim: Claim, rows: Rows, test: str) -> str:
    """Both sides' figure, meaned over the seeds that both have; empty where there are none."""
    sides = [values(rows, name, test, claim.figure) for name in (claim.better, claim.worse)]
    shared = sides[0].keys() & sides[1].keys()
    if not shared:
        return ""
    means = [statistics.fmean(side[seed] for seed in shared) for side in sides]
    return f"`{claim.figure}` {means[0]:.3f} against {means[1]:.3f}, {len(shared)} seeds"


def _legend(figures: Mapping[str, str]) -> str:
    return "\n".join(f"* `{name}`: {what}" for name, what in figures.items()) + "\n"


def _section(
    ablation: Ablation, report: Mapping[str, Any] | None, results: Path, page: Path
) -> str:
    lines = [f"### {ablation.name}\n", f"{ablation.question}\n"]
    if report is None:
        lines.append(f"{NOT_RUN}: `openfloat ablate {ablation.name}`\n")
        return "\n".join(lines + _paper_rows(ablation))
    rows = report["rows"]
    for test in tests_of(rows):
        mine = [row for row in rows if row["test"] == test]
        shown = [name for name in ALL_FIGURES if any(name in row for row in mine)]
        table = []
        for variant in ablation.variants:
            cells = [spread(values(mine, variant.name, test, name)) for name in shown]
            count = len({row["seed"] for row in mine if row["variant"] == variant.name})
            table.append((variant.name, str(count), *(str(c or "–") for c in cells)))
        lines.append(f"*{test}*\n")
        lines.append(_table(("variant", "seeds", *(f"`{name}`" for name in shown)), table))
    picture = results / f"{ablation.name}.svg"
    plot_ablation(ablation, rows, picture)
    place = picture.resolve().relative_to(page.resolve().parent)
    lines.append(f"![{ablation.name}]({place.as_posix()})\n")
    lines.append(f"Measured on {report['hardware']}.\n")
    return "\n".join(lines + _paper_rows(ablation))


def _paper_rows(ablation: Ablation) -> list[str]:
    if not ablation.paper:
        return []
    names = list(dict.fromkeys(name for row in ablation.paper.values() for name in row))
    rows = [
        (variant, *(row.get(name, "–") for name in names))
        for variant, row in ablation.paper.items()
    ]
    return ["The paper's figures:\n", _table(("variant", *names), rows)]


def _emotion(report: Mapping[str, Any] | None) -> str:
    lines = ["### Emotions heard in speech\n"]
    if report is None:
        return "\n".join([*lines, f"{NOT_RUN}: `openfloat doubt emotion`\n"])
    names = report["emotions"]
    acted = [sum(row) for row in report["confusion"]]
    chance = max(acted) / sum(acted)
    lines.append(
        f"`openfloat doubt emotion`: {report['accuracy']:.2f} of {report['recordings']} recordings "
        f"of EmoDB actors who were not trained on are named rightly (always the commonest: "
        f"{chance:.2f}); by actor "
        + ", ".join(f"{who} {share:.2f}" for who, share in report["speakers"].items())
        + ". Rows: acted; columns: heard.\n"
    )
    rows = [
        (name, *(str(number) for number in row))
        for name, row in zip(names, report["confusion"], strict=True)
    ]
    return "\n".join([*lines, _table(("", *names), rows)])


def _speakers(report: Mapping[str, Any] | None) -> str:
    lines = ["### Other speakers, languages, noise\n"]
    if report is None:
        return "\n".join([*lines, f"{NOT_RUN}: `openfloat doubt speakers`\n"])
    lines.append(
        "`openfloat doubt speakers`: held-out voices without video. `loudness_r`: the drawn jaw "
        "against the voice's loudness; `clean_r`: the jaw drawn for the voice in white noise "
        "against the one drawn for the clean voice. Median (smallest to largest).\n"
    )
    rows = []
    for part in ("groups", "noise"):
        for name, entry in report[part].items():
            cells = [
                f"{e['median']:.2f} ({e['low']:.2f} to {e['high']:.2f})" if e else "–"
                for e in (entry.get("loudness_r"), entry.get("clean_r"))
            ]
            rows.append((name, str(entry["recordings"]), *cells))
    return "\n".join([*lines, _table(("voices", "recordings", "loudness_r", "clean_r"), rows)])


def _controls(report: Mapping[str, Any] | None) -> str:
    lines = ["### Editing precision\n"]
    if report is None:
        return "\n".join([*lines, f"{NOT_RUN}: `openfloat evaluate controls`\n"])
    lines.append(
        "`openfloat evaluate controls`, held-out portraits: slope of what is seen over what was "
        "asked (1 is exact), and the share that shows in other controls.\n"
    )
    rows = []
    for name, entry in report["controls"].items():
        low, high = entry["yardsticks"][entry["by"]]["spread"].get("slope", (None, None))
        between = "" if low is None else f" ({low:.2f} to {high:.2f})"
        slope = "–" if entry["slope"] is None else f"{entry['slope']:.2f}{between}"
        leaks = "–" if entry["leakage"] is None else f"{entry['leakage']:.2f} ({entry['into']})"
        rows.append((name, entry["by"], slope, leaks))
    slopes = [e["slope"] for e in report["controls"].values() if e["slope"] is not None]
    lines.append(_table(("control", "measured by", "slope", "leakage (mostly into)"), rows))
    if slopes:
        lines.append(f"Median slope {statistics.median(slopes):.2f}.\n")
    return "\n".join(lines)

"""The figures of `openfloat evaluate videos` as one HTML file that asks nothing of the network."""

import base64
import html
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from openfloat.drafts import write_text
from openfloat.errors import BadInput
from openfloat.evaluation.videos import strip
from openfloat.evaluation.watched import paired_files

SHOWN_PAIRS = 4
LARGEST_VIDEO = 2_000_000
"""Bytes of a video that is put into the page; larger ones are shown as frames alone."""
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}td,th{padding:.2rem .7rem;text-align:right;"
    "border-bottom:1px solid #ccc}td:first-child,th:first-child,td:last-child{text-align:left}"
    "img,video{max-width:100%}figure{margin:1rem 0}"
)


def write_html(report: Mapping[str, Any], folder: Path, reference: Path, path: Path) -> None:
    """Write the page: table, a plot of every figure over the pairs, frames and videos of some.

    Args:
        report: from `evaluate_videos`.
        folder: the made videos.
        reference: the reference videos.
        path: the page; it appears when it is complete.

    Raises:
        BadInput: matplotlib is not installed.
    """
    title = html.escape(f"{report['videos']} against {report['reference']}")
    body = [f"<h1>{title}</h1>", _table(report), "<h2>Spread over the pairs</h2>", _plots(report)]
    body.append("<h2>Examples</h2>")
    left_out = set(report["skipped"])
    pairs = [p for p in paired_files(folder, reference) if p[0].name not in left_out]
    body += [_example(*pair) for pair in pairs[:SHOWN_PAIRS]]
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )
    write_text(path, text)


def _table(report: Mapping[str, Any]) -> str:
    head = "<tr><th>figure<th>value<th>range<th>reference<th>better<th>what it is</tr>"
    rows = []
    for name, entry in report["figures"].items():
        low, high, truth = (entry.get(key) for key in ("low", "high", "reference"))
        cells = (
            html.escape(name),
            f"{entry['value']:.3f}",
            "" if low is None else f"{low:.3f} to {high:.3f}",
            "" if truth is None else f"{truth:.3f}",
            html.escape(entry["better"]),
            html.escape(entry["what"]),
        )
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    said = f"{report['pairs']} pairs; {len(report['skipped'])} without a face were left out."
    return f"<table>{head}{''.join(rows)}</table><p>{said}</p>"


def _plots(report: Mapping[str, Any]) -> str:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as missing:
        raise BadInput("plots need matplotlib: pip install 'openfloat[eval]'") from missing
    rows: Sequence[Mapping[str, Any]] = report["rows"]
    names = [n for n in rows[0] if n != "file" and not n.endswith("(reference)")]
    columns = 4
    lines = -(-len(names) // columns)
    figure = Figure(figsize=(3 * columns, 1.9 * lines), layout="constrained")
    FigureCanvasAgg(figure)
    for place, name in enumerate(names):
        axes = figure.add_subplot(lines, columns, place + 1)
        axes.plot([row[name] for row in rows], "o", label="made")
        if f"{name} (reference)" in rows[0]:
            axes.plot([row[f"{name} (reference)"] for row in rows], "_", label="reference")
        axes.set_title(name, fontsize=9)
        axes.set_xticks([])
        axes.tick_params(labelsize=8)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=80)
    return _picture(file.getvalue(), "png", "every figure, one dot a pair; bars: the reference")


def _example(made: Path, real: Path) -> str:
    parts = [f"<h3>{html.escape(made.name)}</h3>"]
    for kind, file in (("reference", real), ("made", made)):
        shown = io.BytesIO()
        strip(file).save(shown, format="JPEG", quality=85)
        parts.append(_picture(shown.getvalue(), "jpeg", kind))
        if file.suffix == ".mp4" and file.stat().st_size <= LARGEST_VIDEO:
            data = base64.b64encode(file.read_bytes()).decode()
            parts.append(f'<video controls src="data:video/mp4;base64,{data}"></video>')
    return "".join(parts)


def _picture(content: bytes, kind: str, caption: str) -> str:
    data = base64.b64encode(content).decode()
    caption = html.escape(caption)
    return (
        f'<figure><img alt="{caption}" src="data:image/{kind};base64,{data}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )

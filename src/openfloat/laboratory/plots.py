"""One small SVG for an ablation: every figure over its variants, a dot a seed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from openfloat.errors import BadInput
from openfloat.laboratory.ablation import Ablation
from openfloat.laboratory.measuring import ALL_FIGURES
from openfloat.laboratory.tables import tests_of, values

LEFT_OUT = ("jaw_lag",)
MARKS = ("o", "x", "+")


def plot_ablation(ablation: Ablation, rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw the figures of an ablation.

    Args:
        ablation: gives the order of the variants.
        rows: of its report.
        path: the SVG; the same rows give the same bytes.

    Raises:
        BadInput: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError as missing:
        raise BadInput("plots need matplotlib: pip install 'openfloat[eval]'") from missing
    names = [name for name in ALL_FIGURES if name not in LEFT_OUT and any(name in r for r in rows)]
    variants = [variant.name for variant in ablation.variants]
    with mpl.rc_context({"svg.hashsalt": ablation.name, "font.size": 8}):
        figure = Figure(figsize=(2.2 * len(names), 2.6), layout="constrained")
        canvas = FigureCanvasSVG(figure)
        for place, name in enumerate(names):
            axes = figure.add_subplot(1, len(names), place + 1)
            for test, mark in zip(tests_of(rows), MARKS, strict=False):
                points = [
                    (number, value)
                    for number, variant in enumerate(variants)
                    for value in values(rows, variant, test, name).values()
                ]
                if points:
                    axes.plot(*zip(*points, strict=True), mark, markersize=4, label=test)
            axes.set_xticks(range(len(variants)), variants, rotation=60, ha="right")
            axes.set_title(name)
            if not place:
                axes.legend(fontsize=6)
        partial = path.with_name(f".{path.name}.part")
        canvas.print_svg(partial, metadata={"Date": None})  # type: ignore[no-untyped-call]
    partial.replace(path)

"""A file of curves, as spreadsheets and animation programs write them, as options."""

import csv
import math
from collections.abc import Iterator
from pathlib import Path

from openfloat.errors import BadInput
from openfloat.options import EDITS, MOST_POINTS, Curve

MOST_BYTES = 2**23


def read_curves(path: Path) -> tuple[str, ...]:
    """Values of `MotionEdit.curve` in a CSV file.

    The first line names the columns: `time` in seconds, then options such as yaw, pitch or mouth. A
    field that is empty leaves that option to the points around it.

    Raises:
        BadInput: no such file, or not of that form; the sentence says which line.
    """
    if not path.is_file():
        raise BadInput(f"{path}: there is no such file")
    if path.stat().st_size > MOST_BYTES:
        raise BadInput(f"{path}: more than {MOST_BYTES // 2**20} MiB are no file of curves")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _curves(csv.reader(file))
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        raise BadInput(f"{path}: {error}") from error


def _curves(lines: Iterator[list[str]]) -> tuple[str, ...]:
    names = [name.strip().lower().replace("-", "_") for name in next(lines, [])]
    if len(names) < 2 or names[0] != "time" or len(set(names)) < len(names):
        raise ValueError("the first line is not time and names of options, each once")
    if unknown := [name for name in names[1:] if name not in EDITS]:
        raise ValueError(f"no option is called {unknown[0]!r} (known: {', '.join(EDITS)})")
    points: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in names[1:]}
    for number, line in enumerate(lines, 2):
        if not any(field.strip() for field in line):
            continue
        if len(line) != len(names) or number > MOST_POINTS + 1:
            raise ValueError(
                f"line {number} does not have {len(names)} fields, "
                f"or there are more than {MOST_POINTS} lines"
            )
        time_s = _number(line[0], number)
        for name, field in zip(names[1:], line[1:], strict=True):
            if field.strip():
                points[name][0].append(time_s)
                points[name][1].append(_number(field, number))
    if empty := [name for name, (times, _) in points.items() if not times]:
        raise ValueError(f"{empty[0]} has no values")
    return tuple(Curve.of(name, times, values).text() for name, (times, values) in points.items())


def _number(text: str, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"line {line}: {text.strip()[:40]!r} is not a number")
    return value

"""Counts and summaries as text in Prometheus' exposition format."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from threading import Lock

import numpy as np

REMEMBERED = 1000
"""Last measurements that quantiles are taken of."""
QUANTILES = (0.5, 0.9, 0.99)


class Summary:
    """How often, how much in all, and quantiles of the last measurements; for several threads."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=REMEMBERED)
        self._count, self._total = 0, 0.0
        self._lock = Lock()

    def add(self, values: Iterable[float]) -> None:
        """Take measurements, in the unit that is shown."""
        with self._lock:
            for value in values:
                self._recent.append(value)
                self._count += 1
                self._total += value

    def lines(self, name: str, meaning: str, scale: float = 1) -> list[str]:
        """The summary in text, its measurements multiplied by a number."""
        with self._lock:
            recent = scale * np.array(self._recent)
            count, total = self._count, scale * self._total
        lines = [f"# HELP {name} {meaning}", f"# TYPE {name} summary"]
        if len(recent):
            for quantile, value in zip(QUANTILES, np.quantile(recent, QUANTILES), strict=True):
                lines.append(f'{name}{{quantile="{quantile}"}} {value:.9g}')
        return [*lines, f"{name}_sum {total:.9g}", f"{name}_count {count}"]


class RequestCounter:
    """Answered requests by method, route and status."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, int]] = Counter()
        self._lock = Lock()

    def add(self, method: str, route: str, status: int) -> None:
        """Count one; routes are templates, so that clients cannot make up new ones."""
        with self._lock:
            self._counts[method, route, status] += 1

    def lines(self) -> list[str]:
        """The counts in text."""
        name = "openfloat_http_requests_total"
        with self._lock:
            counts = sorted(self._counts.items())
        return [
            f"# HELP {name} Requests answered.",
            f"# TYPE {name} counter",
            *(f'{name}{{method="{method}",route="{route}",status="{status}"}} {count}'
              for (method, route, status), count in counts),
        ]  # fmt: skip


def gauge(
    name: str, meaning: str, values: Mapping[str, float] | float, label: str = ""
) -> list[str]:
    """A value, or one for each value of a label."""
    lines = [f"# HELP {name} {meaning}", f"# TYPE {name} gauge"]
    if isinstance(values, Mapping):
        return lines + [f'{name}{{{label}="{key}"}} {value:g}' for key, value in values.items()]
    return [*lines, f"{name} {values:g}"]

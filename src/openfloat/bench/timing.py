"""Timing on a machine that others use too: medians of turns, with their spread."""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeVar

import numpy as np
import torch

Item = TypeVar("Item")


class Timed(NamedTuple):
    """Seconds of one call, over some rounds."""

    median: float
    low: float
    high: float
    p95: float
    """What 95 of 100 stay below; of few measurements nearly the greatest."""

    @classmethod
    def of(cls, seconds: list[float]) -> "Timed":
        """Summary of at least one measurement."""
        p95 = float(np.percentile(seconds, 95))
        return cls(statistics.median(seconds), min(seconds), max(seconds), p95)


def in_turns(
    calls: Mapping[str, Callable[[], object]], rounds: int, device: str = "cpu"
) -> dict[str, list[float]]:
    """Seconds of every call in each round, one after the other, after a round that is not counted.

    What slows the machine for a while slows all of them, so that ratios within a round stand.

    Args:
        calls: by name.
        rounds: at least 1.
        device: where they run; on a GPU each is waited for.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            _wait(device)
            started = time.perf_counter()
            call()
            _wait(device)
            if number:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def timed_items(items: Iterable[Item]) -> tuple[list[Item], list[float]]:
    """All items, and the seconds that each of them took to come."""
    found, seconds = [], []
    last = time.perf_counter()
    for item in items:
        found.append(item)
        now = time.perf_counter()
        seconds.append(now - last)
        last = now
    return found, seconds


def ratios(slow: list[float], fast: list[float]) -> Timed:
    """How many times as long the first took, round by round."""
    return Timed.of([a / b for a, b in zip(slow, fast, strict=True)])


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)

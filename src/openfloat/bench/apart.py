"""Calls timed in processes of their own, in turns: none finds memory as another has left it."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context

Call = Callable[[], object]
_calls: list[Call] = []
"""In a process of its own: what is timed there."""


def in_turns_apart(
    prepare: Mapping[str, Callable[[], Call]], rounds: int
) -> dict[str, list[float]]:
    """Seconds of every call in each round, one after the other, after a round that is not counted.

    Args:
        prepare: by name, what makes a call ready in its process; both are pickled.
        rounds: at least 1.
    """
    seconds: dict[str, list[float]] = {name: [] for name in prepare}
    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(
                ProcessPoolExecutor(1, get_context("spawn"), initializer=_make, initargs=(ready,))
            )
            for name, ready in prepare.items()
        }
        for number in range(rounds + 1):
            for name, process in processes.items():
                found = process.submit(_timed).result()
                if number:
                    seconds[name].append(found)
    return seconds


def _make(ready: Callable[[], Call]) -> None:
    _calls.append(ready())


def _timed() -> float:
    _calls[0]()  # what ran meanwhile has taken the caches
    started = time.perf_counter()
    _calls[0]()
    return time.perf_counter() - started

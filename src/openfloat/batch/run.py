"""A batch on this machine: a pool of processes, each with a model, that survives dying members."""

import functools
import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from openfloat.batch.ledger import Ledger, Result, digest_of
from openfloat.batch.manifest import BadRow, BatchRow, read_manifest
from openfloat.batch.renderer import Renderer, failed, open_process, render_here

MOST_DEATHS = 2
"""Processes that may die under a row before it is given up."""

Todo = dict[str, tuple[BatchRow, str]]
"""Rows to make and their digests, by name."""
Work = Callable[[Todo, Ledger], Iterator[Result]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """What makes the videos."""

    model: str
    device: str
    workers: int
    """Processes, each with a model of its own."""

    @property
    def threads(self) -> int:
        """Cores for each process."""
        return max(1, (os.cpu_count() or 1) // self.workers)


def run_batch(
    manifest: Path,
    folder: Path,
    machine: Machine,
    work: Work,
    said: Callable[[Result, int, int], None] = lambda *_: None,
) -> list[Result]:
    """Make all videos of a list that are not made yet.

    A video appears when it is complete; then its row is noted; a killed batch that is started again
    goes on with the rows that are not noted as done. Failed rows are tried again.

    Args:
        manifest: the list.
        folder: gets the videos and `results.jsonl`.
        machine: what makes them.
        work: how: `by_processes` or `by_ray` of this package.
        said: told each result, and how many of how many rows are through.

    Returns:
        What became of every row, in the list's order.

    Raises:
        BadInput: the list or the folder cannot be used.
    """
    rows = read_manifest(manifest)
    ledger = Ledger(folder)
    with ledger.held():
        todo: Todo = {}
        for row in rows:
            if isinstance(row, BadRow):
                ledger.note(failed(row.name, row.error))
            elif not ledger.is_done(row.name, digest := digest_of(row, machine.model)):
                todo[row.name] = (row, digest)
        try:
            through = len(rows) - len(todo)
            for result in work(todo, ledger) if todo else ():
                through += 1
                said(result, through, len(rows))
        finally:
            results = ledger.write_results(rows)
    return results


def by_processes(machine: Machine, todo: Todo, ledger: Ledger) -> Iterator[Result]:
    """Results as they come, in any order."""
    deaths: Counter[str] = Counter()
    left = dict(todo)
    while left:
        # after a death the suspects go one by one, so that the innocent are not counted
        alone = [name for name in left if deaths[name]]
        for result in _pool(machine, ledger, {n: left[n] for n in alone[:1] or left}, deaths):
            del left[result.name]
            yield result
        for name in [name for name in left if deaths[name] >= MOST_DEATHS]:
            result = failed(name, "the process that made it died", left.pop(name)[1])
            ledger.note(result)
            yield result


def _pool(machine: Machine, ledger: Ledger, todo: Todo, deaths: Counter[str]) -> Iterator[Result]:
    """Results of one pool until all is done or a process dies."""
    make = functools.partial(
        Renderer, ledger.folder, machine.model, machine.device, machine.threads
    )
    pool = ProcessPoolExecutor(
        min(machine.workers, len(todo)),
        multiprocessing.get_context("spawn"),
        initializer=open_process,
        initargs=(make,),
    )
    waiting, running = list(todo.values()), dict[Future[Result], str]()
    try:
        while waiting or running:
            while waiting and len(running) < machine.workers:
                row, digest = waiting.pop(0)
                running[pool.submit(render_here, row, digest)] = row.name
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                result = future.result()
                del running[future]
                yield result
    except BrokenProcessPool:
        deaths.update(running.values())
    finally:
        _end(pool)


def _end(pool: ProcessPoolExecutor) -> None:
    """Tell the processes to stop, so that none goes on when this one is interrupted."""
    members: Sequence[multiprocessing.Process] = tuple((pool._processes or {}).values())
    if any(member.is_alive() for member in members):
        for member in members:
            member.terminate()
    pool.shutdown(wait=True, cancel_futures=True)

"""A process that has imported everything, and forks children that can be killed at any moment.

Starting Python with torch takes seconds, a fork milliseconds. Lines of JSON come on standard input,
each a call; the answer is the child's number, or, for a number, how it ended.
"""

import importlib
import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path


class Nursery:
    """The test's side: children by number."""

    def __init__(self, log: Path) -> None:
        self.log = log
        log.touch()
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(log)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env=environment,
        )  # fmt: skip
        self._ask(0)  # wait until all is imported

    def _ask(self, question: object) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def fork(self, job: str, *arguments: object) -> int:
        """Begin one of the jobs below in a child; returns its process number."""
        return self._ask([job, *map(str, arguments)])

    def wait(self, number: int) -> int:
        """How a child ended: its exit status, or minus the signal that killed it."""
        return os.waitstatus_to_exitcode(self._ask(number))

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def command(*arguments: str) -> int:
    """The command line."""
    from openfloat.cli.main import run

    return run(list(arguments))


def train(recipe: str, run_dir: str, cache: str) -> int:
    """A run of training."""
    from openfloat.training.run import train

    train("reader", recipe, Path(run_dir), Path(cache), Path(cache))
    return 0


def batch(*arguments: str) -> int:
    """A list of videos; its pool is forked from here as well, so that none imports all anew."""
    context = multiprocessing.get_context("fork")
    multiprocessing.get_context = lambda _=None: context  # type: ignore[assignment]
    return command("batch", *arguments)


JOBS = {"command": command, "train": train, "batch": batch}


NEEDED = (
    "batch.cluster", "batch.run", "cli.main", "motion.file", "pipeline", "reenactment.draw",
    "training.run", "training.stage0_reader", "vision.paste",
)  # fmt: skip


def import_all() -> None:
    """Everything that a child needs, once."""
    import torch

    torch.set_num_threads(1)
    for name in NEEDED:
        importlib.import_module(f"openfloat.{name}")
    with suppress(ImportError):  # without the extra no server is tested
        importlib.import_module("openfloat.serving.run")


def child(log: str, job: str, arguments: Sequence[str]) -> None:
    """Run a job and leave, whatever happens, without going back to the nursery."""
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(handle, stream)
    status = 70
    try:
        status = JOBS[job](*arguments)
    finally:
        os._exit(status)


def main() -> None:
    """The nursery's side."""
    import_all()
    for line in sys.stdin:
        question = json.loads(line)
        answer = 0
        if isinstance(question, list):
            answer = os.fork()
            if not answer:
                child(sys.argv[1], question[0], question[1:])
        elif question:
            _, answer = os.waitpid(question, 0)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

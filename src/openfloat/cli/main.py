"""`openfloat`: parse, call, print. Nothing heavy is imported before a command runs."""

import contextlib
import io
import os
import sys
from typing import Annotated

import tyro

from openfloat import __version__
from openfloat.cli.ablate import Ablate
from openfloat.cli.animate import Animate, Demo
from openfloat.cli.assemble import Assemble
from openfloat.cli.batch import Batch
from openfloat.cli.bench import Bench
from openfloat.cli.calibrate import Calibrate
from openfloat.cli.convert import Convert
from openfloat.cli.data import Data
from openfloat.cli.detect import Detect
from openfloat.cli.doubt import Doubt
from openfloat.cli.dub import Dub
from openfloat.cli.evaluate import Evaluate
from openfloat.cli.hub import Download, Upload
from openfloat.cli.info import Info
from openfloat.cli.motion import Motion
from openfloat.cli.reenact import Reenact
from openfloat.cli.released_names import translate
from openfloat.cli.report import Report
from openfloat.cli.serve import Serve
from openfloat.cli.train import Train
from openfloat.cli.ui import Ui
from openfloat.errors import BadInput, OpenFloatError
from openfloat.nn.memory import keep_freed_memory

Command = (
    Annotated[Animate, tyro.conf.subcommand("animate")]
    | Annotated[Demo, tyro.conf.subcommand("demo")]
    | Annotated[Reenact, tyro.conf.subcommand("reenact")]
    | Annotated[Dub, tyro.conf.subcommand("dub")]
    | Annotated[Motion, tyro.conf.subcommand("motion")]
    | Annotated[Batch, tyro.conf.subcommand("batch")]
    | Annotated[Serve, tyro.conf.subcommand("serve")]
    | Annotated[Ui, tyro.conf.subcommand("ui")]
    | Annotated[Detect, tyro.conf.subcommand("detect")]
    | Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Data, tyro.conf.subcommand("data")]
    | Annotated[Assemble, tyro.conf.subcommand("assemble")]
    | Annotated[Convert, tyro.conf.subcommand("convert")]
    | Annotated[Download, tyro.conf.subcommand("download")]
    | Annotated[Upload, tyro.conf.subcommand("upload")]
    | Annotated[Calibrate, tyro.conf.subcommand("calibrate")]
    | Annotated[Evaluate, tyro.conf.subcommand("evaluate")]
    | Annotated[Ablate, tyro.conf.subcommand("ablate")]
    | Annotated[Doubt, tyro.conf.subcommand("doubt")]
    | Annotated[Report, tyro.conf.subcommand("report")]
    | Annotated[Bench, tyro.conf.subcommand("bench")]
    | Annotated[Info, tyro.conf.subcommand("info")]
)

SPINS = "3000"
"""How often a core that waits for another one looks before it is free for other programs: a
hundredth of what GNU's OpenMP takes, and enough for one layer to follow another."""


def main() -> None:
    """Run the command line; the exit status is 0, 2 for a mistake of the user, 130 for Ctrl-C."""
    if "OMP_WAIT_POLICY" not in os.environ:  # both are read when torch is loaded
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    keep_freed_memory()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit status.

    Raises:
        SystemExit: from the parser, for `--help` (0) or flags that it does not know (2).
    """
    if arguments == ["--version"]:
        print(__version__)
        return 0
    try:
        command = parse(arguments)
        command.run()
    except OpenFloatError as error:
        print(f"openfloat: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno is None:
            raise
        named = f"{str(error.filename)[:200]}: " if error.filename else ""
        print(f"openfloat: {named}{error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print(f"openfloat: {str(stop) or 'cancelled, nothing was written'}", file=sys.stderr)
        return 130
    return 0


def parse(arguments: list[str]) -> Command:
    """Arguments as a command; a value that a config refuses becomes one sentence, not a box."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(
                Command,
                prog="openfloat",
                description="One portrait and one voice in, a talking video out.",
                args=translate(arguments),
            )
    except SystemExit as stop:
        if refusal := _refusal(stop):
            raise BadInput(str(refusal)) from refusal
        if sentence := _unboxed(said.getvalue()):
            raise BadInput(sentence) from stop
        sys.stderr.write(said.getvalue())
        raise


def _unboxed(box: str) -> str:
    """The words in the parser's box as one sentence; empty where there is no box."""
    lines = [line.strip("│ ") for line in box.splitlines() if line.startswith("│")]
    words = " ".join(line for line in lines if line.strip("─ ")).split()
    return (
        " ".join(words)
        .replace(" For full helptext, run:", " For more:")
        .replace(" For full helptext, run", " For more:")
    )


def _refusal(stop: BaseException) -> ValueError | None:
    """The config's own ValueError behind the parser's exit, if there is one."""
    error: BaseException | None = stop
    while error is not None:
        if type(error) is ValueError and _raised_in(error).startswith("openfloat."):
            return error
        error = error.__cause__ or error.__context__
    return None


def _raised_in(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_globals["__name__"] if trace is not None else ""

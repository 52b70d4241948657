"""Fuzz every parser for some seconds, led by what code it reaches; needs atheris.

    python tests/fuzz/guided.py --seconds 40

Prints for each parser how many inputs it has survived; the first one that it does not is shown and
kept in crash-*.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path


def fuzz(name: str, seconds: int, corpus: str) -> None:
    """In a process of its own: libFuzzer's loop over one parser; does not return."""
    import atheris

    with atheris.instrument_imports(include=["openfloat", "json"], enable_loader_override=False):
        import parsers

    (Path(corpus) / "liked").write_bytes(parsers.PARSERS[name].liked)
    arguments = [sys.argv[0], f"-max_total_time={seconds}", "-rss_limit_mb=4096", "-timeout=20",
                 "-max_len=4096", "-print_final_stats=1", corpus]  # fmt: skip
    atheris.Setup(arguments, lambda data: parsers.survive(name, data))
    atheris.Fuzz()


def main() -> int:
    """All parsers, one after the other; returns how many fell."""
    from parsers import PARSERS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=40)
    seconds, fallen = parser.parse_args().seconds, 0
    for name in PARSERS:
        with tempfile.TemporaryDirectory() as corpus:
            command = [sys.executable, __file__, name, str(seconds), corpus]
            done = subprocess.run(command, capture_output=True, text=True, check=False,
                                  errors="replace")  # fmt: skip
        stats = [line.split()[-1] for line in done.stderr.splitlines() if "executed_units" in line]
        sys.stdout.write(f"{name:24s} {stats[0] if stats else '?':>9s} inputs in {seconds} s\n")
        if done.returncode:
            fallen += 1
            sys.stdout.write(done.stderr[-1500:] + "\n")
        sys.stdout.flush()
    return fallen


if __name__ == "__main__":
    if len(sys.argv) == 4 and not sys.argv[1].startswith("-"):
        fuzz(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    sys.exit(main())

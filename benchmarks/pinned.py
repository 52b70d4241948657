"""Write what this environment has installed as constraints with hashes, for a release build.

python benchmarks/pinned.py constraints.txt
pip install --require-hashes --no-deps -r constraints.txt

pip resolves every installed version anew, without installing, and says which file it would take and
its SHA-256. The file holds for this platform; run it on each that is released for.
"""

import json
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

LEFT_OUT = ("openfloat", "pip", "setuptools", "wheel")


def main(output: Path) -> None:
    """Write the constraints and say how many there are."""
    installed = {d.metadata["Name"].lower(): d.version for d in distributions()}
    wanted = [f"{n}=={v}" for n, v in sorted(installed.items()) if n not in LEFT_OUT]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps",
               "--ignore-installed", "--report", "-", *wanted]  # fmt: skip
    report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    lines = []
    for found in report["install"]:
        name, version = (found["metadata"][key] for key in ("name", "version"))
        digest = found["download_info"]["archive_info"]["hashes"]["sha256"]
        lines.append(f"{name}=={version} --hash=sha256:{digest}")
    output.write_text("\n".join(sorted(lines, key=str.lower)) + "\n", encoding="utf-8")
    print(f"{output}: {len(lines)} packages, each with its hash")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

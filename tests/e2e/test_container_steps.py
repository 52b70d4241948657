"""The container's steps in a plain folder: install the package, serve, ask for its health."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ports import free_port
from servers import wait_for

ROOT = Path(__file__).parents[2]
FILE = (ROOT / "Dockerfile").read_text()


@pytest.mark.slow
def test_an_installed_copy_serves_and_answers_the_health_check(tmp_path: Path) -> None:
    target = tmp_path / "site"
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-compile",
        "--target",
    ]
    subprocess.run([*install, str(target), str(ROOT)], check=True, timeout=240)
    port = str(free_port())
    (words,) = re.findall(r"^CMD (.*)", FILE, re.MULTILINE)
    command = [word.replace("/data", str(tmp_path / "data")) for word in json.loads(words)]
    command[command.index("8000")] = port
    command[command.index("0.0.0.0")] = "127.0.0.1"
    environment = {
        **os.environ, "PYTHONPATH": str(target), "OPENFLOAT_API_KEY": "0123456789abcdef",
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    (check,) = re.findall(r"^  CMD (.*)", FILE, re.MULTILINE)
    program, *rest = json.loads(check)
    assert program == "python"
    asked = [sys.executable, *(word.replace("8000", port) for word in rest)]
    (tmp_path / "data").mkdir()
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "openfloat", *command],
            env=environment, cwd=tmp_path / "data", stdout=log, stderr=log,
        )  # fmt: skip
    try:
        assert subprocess.run(asked, capture_output=True, timeout=60).returncode != 0

        def healthy() -> bool:
            assert server.poll() is None, (tmp_path / "log").read_text()
            return subprocess.run(asked, capture_output=True, timeout=60).returncode == 0

        wait_for(healthy, 200)
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0
    assert not list(target.rglob("*.pyc")), "a root that is only read would do"

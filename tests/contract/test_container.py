"""What the container files promise; no engine is needed to read them."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from openfloat.cli.main import parse
from openfloat.cli.serve import Serve

ROOT = Path(__file__).parents[2]
FILE = (ROOT / "Dockerfile").read_text()


def instructions() -> list[tuple[str, str]]:
    lines = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", FILE, flags=re.MULTILINE)).splitlines()
    return [
        (name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines) if name
    ]


def of(kind: str) -> list[str]:
    return [rest for name, rest in instructions() if name == kind]


def test_hadolint_finds_nothing() -> None:
    hadolint = shutil.which("hadolint") or str(Path(sys.executable).parent / "hadolint")
    found = subprocess.run(
        [hadolint, "Dockerfile"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_nobody_is_root_and_the_server_is_what_runs() -> None:
    assert of("USER") == ["10001:10001"]
    assert json.loads(of("ENTRYPOINT")[0]) == ["openfloat"]
    serve = parse(json.loads(of("CMD")[0]))
    assert isinstance(serve, Serve)
    assert str(serve.settings.port) == of("EXPOSE")[0]
    assert serve.settings.unguarded, "without a key it must not start"
    assert Path(of("VOLUME")[0]) in serve.settings.data.parents


def test_versions_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (torch,) = [d for d in project["dependencies"] if d.startswith("torch")]
    assert torch in shlex.split(of("RUN")[0])
    (extras,) = re.findall(r"^ARG EXTRAS=(.*)", FILE, re.MULTILINE)
    assert set(extras.split(",")) <= set(project["optional-dependencies"])
    (python,) = re.findall(r"^ARG PYTHON=(\d+)\.(\d+)", FILE, re.MULTILINE)
    wanted = re.findall(r"\d+", project["requires-python"])
    assert [int(v) for v in python] >= [int(v) for v in wanted]


def test_only_what_is_installed_goes_into_the_image() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    copied = {word for rest in of("COPY") if "--from" not in rest for word in rest.split()[:-1]}
    assert copied == kept
    for name in copied:
        assert (ROOT / name).exists()


@pytest.mark.parametrize("name", ["server", "server-cuda"])
def test_composed_servers_are_locked_down_and_need_a_key(name: str) -> None:
    service: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert ":?" in service["environment"]["OPENFLOAT_API_KEY"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    command = service.get("command", json.loads(of("CMD")[0]))
    asked = parse(command)
    assert isinstance(asked, Serve)
    assert asked.device == ("cuda" if "cuda" in name else "cpu")

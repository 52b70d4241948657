"""What README and docs show works: code runs, commands parse, the site builds without a warning."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from openfloat.audio.io import load_audio, write_wave
from openfloat.cli.main import parse, run

ROOT = Path(__file__).parents[2]
SKETCHED = "design.md"
"""Shows borders of the code as signatures without bodies."""


class Block(NamedTuple):
    """A fenced block of a page."""

    page: str
    language: str
    text: str


def blocks() -> Iterator[Block]:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for language, body in re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            yield Block(str(page.relative_to(ROOT)), language, body)


BLOCKS = list(blocks())
PYTHON = sorted({b.page for b in BLOCKS if b.language == "python" and SKETCHED not in b.page})


def commands(block: Block) -> Iterator[list[str]]:
    """The calls of `openfloat` in a block of shell lines, without pipes and variables."""
    for line in block.text.replace("\\\n", " ").splitlines():
        found = re.match(r"(?:\w+=(?:\$\(.*?\)|\S+) )?(?:\.venv/bin/)?openfloat (.*)", line.strip())
        if found:
            words = shlex.split(found[1], comments=True)
            ends = [words.index(mark) for mark in ("|", ">", "&&") if mark in words]
            yield words[: min(ends, default=len(words))]


COMMANDS = sorted({
    (block.page, shlex.join(words))
    for block in BLOCKS if block.language in ("", "bash", "shell")
    for words in commands(block)
})  # fmt: skip


def test_pages_of_every_kind_are_found() -> None:
    assert len(PYTHON) >= 5
    assert len(COMMANDS) >= 20
    assert {block.language for block in BLOCKS} <= {"", "python", "bash", "json", "yaml", "toml"}


def test_every_command_of_the_documents_is_one() -> None:
    for page, line in COMMANDS:
        words = shlex.split(line)
        if words[-1] in ("--help", "--version"):
            words = words[:-1]
            if words[:1] != ["serve"]:
                continue
        try:
            parse(words)
        except (SystemExit, ValueError) as error:
            pytest.fail(f"{page}: openfloat {line}: {error}")


@pytest.mark.slow
@pytest.mark.parametrize("page", PYTHON)
def test_code_of_the_documents_runs(
    page: str, portrait: Path, speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sound = load_audio(speech)[:16_000]
    write_wave(tmp_path / "speech.wav", sound)
    (tmp_path / "portrait.jpg").symlink_to(portrait)
    (tmp_path / "nod.csv").write_text("time,yaw,pitch,roll\n0,0,0,0\n0.5,0,8,0\n1,0,0,0\n")
    words = ("animate", "portrait.jpg", "speech.wav", "-o", "talk.mp4", "--nfe", "1")
    assert "talk.mp4" not in "".join(b.text for b in BLOCKS if b.page == page) or run([*words]) == 0
    shown: list[tuple[float, np.ndarray]] = []
    names: dict[str, object] = {
        "microphone": np.split(sound, 10),
        "show": lambda frames, at: shown.append((at, frames)),
    }
    for block in BLOCKS:
        if (block.page, block.language) == (page, "python"):
            exec(compile(block.text, page, "exec"), names)
    if "session" in names:
        assert "state" not in names or isinstance(names["state"], bytes)
    for video in tmp_path.glob("*.mp4"):
        assert video.stat().st_size > 1000


def test_every_name_that_the_design_sketches_exists() -> None:
    sources = "\n".join(p.read_text() for p in sorted((ROOT / "src").rglob("*.py")))
    for block in BLOCKS:
        if block.language == "python" and SKETCHED in block.page:
            for kind, name in re.findall(r"^ *(class|def) (\w+)", block.text, re.MULTILINE):
                assert re.search(rf"{kind} {name}\b", sources), f"{kind} {name}"


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert made.returncode == 0, made.stderr[-3000:]
    reference = (tmp_path / "reference" / "python" / "index.html").read_text()
    for name in ("from_pretrained", "audio_scale", "StreamingSession", "NoFaceFound"):
        assert name in reference
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) >= 15
    for page in pages:
        foreign = re.findall(
            r'<(?:script|link|img)[^>]+(?:src|href)="(https?://[^"]+)"', page.read_text()
        )
        assert not foreign, "the site loads nothing from elsewhere"

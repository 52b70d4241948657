"""A real `openfloat ui` in a process of its own, and a real browser that visits it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import Browser, sync_playwright
from ports import free_port
from servers import wait_for

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic",
)  # fmt: skip


@contextmanager
def shown_page(log: Path, *options: str) -> Iterator[str]:
    """The address of a page, shown while the block lasts; then no file of a visitor is left."""
    port, temporary = free_port(), log.parent / "temporary"
    temporary.mkdir()
    command = [sys.executable, "-m", "openfloat", "ui", "--server-port", str(port), *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(temporary)}
    with log.open("w") as told:
        process = subprocess.Popen(command, stdout=told, stderr=told, env=environment)
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            return httpx.get(address, timeout=30).status_code == 200
        except httpx.TransportError:
            return False

    try:
        wait_for(answers, 240)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
    assert not [file for file in temporary.rglob("*") if file.is_file()]


@contextmanager
def browser(*flags: str) -> Iterator[Browser]:
    """Debian's Chromium without a screen."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])
        yield chromium
        chromium.close()

"""A real `openfloat ui` in a process of its own, and a real browser that visits it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import Browser, sync_playwright
from servers import wait_for

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic",
)  # fmt: skip


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _hear_ctrl_c() -> None:
    """Programs that a shell starts in the background ignore it, and so would their children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def shown_page(log: Path, *options: str) -> Iterator[str]:
    """The address of a page that is shown as long as the block lasts."""
    port = free_port()
    command = [sys.executable, "-m", "openfloat", "ui", "--server-port", str(port), *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with log.open("w") as told:
        process = subprocess.Popen(
            command, stdout=told, stderr=told, env=environment, preexec_fn=_hear_ctrl_c
        )
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
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


@contextmanager
def browser(*flags: str) -> Iterator[Browser]:
    """Debian's Chromium without a screen."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])
        yield chromium
        chromium.close()

"""A real server in a process of its own, for tests."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx


class Server:
    """A running `openfloat serve` on a free port, and what it has logged."""

    def __init__(self, data: Path, *options: str, key: str = "") -> None:
        """Start it and wait until it is ready."""
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENFLOAT_API_KEY": key}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "openfloat", "serve", "--port", "0", "--data", data, *options],
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.log: list[dict[str, object]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.port = int(str(wait_for(self._port)))
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=60
        )
        wait_for(lambda: self.http.get("/readyz").status_code == 200)

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.log.extend(json.loads(line) for line in self.process.stderr)

    def _port(self) -> object:
        assert self.process.poll() is None, "the server has stopped"
        return next((e["port"] for e in self.log if e.get("event") == "listening"), None)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal and wait; returns its exit status."""
        self.process.send_signal(number)
        status = self.process.wait(60)
        self._reader.join(10)
        assert self.process.stderr is not None
        self.process.stderr.close()
        self.http.close()
        return status

    def job(self, number: str) -> dict[str, object]:
        """What the server says of a job."""
        return self.http.get(f"/v1/videos/{number}").raise_for_status().json()

    def wait_for_state(self, number: str, *states: str) -> dict[str, object]:
        """A job, as soon as it is in one of these states."""
        wait_for(lambda: self.job(number)["status"] in states)
        return self.job(number)


@contextmanager
def running(data: Path, *options: str, key: str = "") -> Iterator[Server]:
    """A server that is stopped at the end, at the latest."""
    server = Server(data, *options, key=key)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop(signal.SIGKILL)


def wait_for(ready: object, seconds: float = 60) -> object:
    """What a function returns as soon as it is true."""
    assert callable(ready)
    deadline = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return found

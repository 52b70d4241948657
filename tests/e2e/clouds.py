"""A real Postgres and a real S3 service on this machine, for tests of servers that share work."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

import pytest
from ports import free_port

ACCOUNT = "postgres"
"""Postgres does not run as root; this user of Debian's package runs it then."""


def program(name: str) -> str:
    """A program of Postgres; skips the test where there is none."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = str(debian[-1]) if debian else shutil.which(name)
    if found is None:
        pytest.skip("Postgres is not installed (apt-get install postgresql)")
    return found


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of an empty database, which is gone after the block."""
    pytest.importorskip("psycopg", reason="the extra 'storage' is not installed")
    user = ACCOUNT if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="openfloat-postgres-"))
    if user:
        shutil.chown(folder, user)
    port = free_port()
    try:
        subprocess.run(
            [program("initdb"), "-D", folder / "base", "-U", ACCOUNT, "-A", "trust", "--no-sync"],
            check=True, user=user, stdout=subprocess.DEVNULL, cwd=folder,
        )  # fmt: skip
        server = subprocess.Popen(
            [program("postgres"), "-D", folder / "base", "-p", str(port), "-k", folder,
             "-h", "127.0.0.1", "-F", "-c", "shared_buffers=16MB"],
            user=user, stderr=subprocess.DEVNULL, cwd=folder,
        )  # fmt: skip
        try:
            yield _answers(f"postgresql://{ACCOUNT}@127.0.0.1:{port}/postgres")
        finally:
            server.terminate()
            server.wait()
    finally:
        shutil.rmtree(folder)


def _answers(url: str) -> str:
    import psycopg

    deadline = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return url


@contextmanager
def s3() -> Iterator[dict[str, str]]:
    """The environment in which `s3://` leads to a service of this machine with no bucket yet."""
    for needed in ("s3fs", "moto"):
        pytest.importorskip(needed, reason="the extra 'storage' or moto is not installed")
    address = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    service = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(address).close()
                break
            except URLError:
                assert service.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield {
            "AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
        }  # fmt: skip
    finally:
        service.terminate()
        service.wait()


def make_bucket(name: str) -> None:
    """A bucket of the service that the environment names."""
    address = f"{os.environ['AWS_ENDPOINT_URL']}/{name}"
    urllib.request.urlopen(urllib.request.Request(address, method="PUT")).close()

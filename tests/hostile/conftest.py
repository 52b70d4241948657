"""What hostile input is thrown at: the command line with a tiny model, watched closely."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from watching import Outcome, watched

from openfloat.cli.main import run

KEPT_OF = 12
"""Without `-m hostile` one case in so many runs."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """One case in some, unless the suite is asked for by name."""
    if "hostile" in config.getoption("-m"):
        return
    hostile = [item for item in items if item.get_closest_marker("hostile")]
    left_out = {item for k, item in enumerate(hostile) if k % KEPT_OF}
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=list(left_out))


@pytest.fixture(scope="session")
def short(tmp_path_factory: pytest.TempPathFactory, speech: Path) -> Path:
    """A fifth of a second of real speech."""
    from openfloat.audio.io import load_audio, write_wave

    path = tmp_path_factory.mktemp("sound") / "short.wav"
    write_wave(path, load_audio(speech)[8000:11_200])
    return path


@pytest.fixture
def told(capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run a command in this process and watch it."""

    def command(*arguments: object) -> Outcome:
        with watched() as watch:
            try:
                status = run([str(a) for a in arguments])
            except SystemExit as stop:
                status = int(stop.code or 0)
        return Outcome(status, capfd.readouterr().err, watch.seconds, watch.extra_bytes)

    return command


@pytest.fixture
def out(tmp_path: Path) -> Iterator[Path]:
    """An empty folder for results."""
    folder = tmp_path / "results"
    folder.mkdir()
    yield folder
    for path in folder.rglob("*"):
        os.chmod(path, 0o700) if path.is_dir() else None  # noqa: PTH101

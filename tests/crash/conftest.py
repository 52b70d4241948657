"""How often is killed, and what is killed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from nursery import Nursery


@pytest.fixture(scope="session")
def rounds(request: pytest.FixtureRequest) -> int:
    """Kills of each test: many where the suite is asked for by name."""
    return 72 if "crash" in request.config.getoption("-m") else 4


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """What forks children."""
    nursery = Nursery(tmp_path_factory.mktemp("nursery") / "log")
    yield nursery
    nursery.close()


@pytest.fixture(scope="session")
def voice(tmp_path_factory: pytest.TempPathFactory, speech: Path) -> Path:
    """A second of real speech, 25 frames."""
    from openfloat.audio.io import load_audio, write_wave

    path = tmp_path_factory.mktemp("voice") / "voice.wav"
    write_wave(path, load_audio(speech)[8000:24_000])
    return path

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
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder of a few kilobytes, with seeded weights."""
    import torch

    from openfloat.codec import to_json
    from openfloat.config import ModelConfig
    from openfloat.models.model import FloatModel
    from openfloat.weights.store import save_model

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = FloatModel(ModelConfig.tiny())
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_model(folder, to_json(ModelConfig.tiny()), model.state_dict())
    return folder


@pytest.fixture(scope="session")
def face(tmp_path_factory: pytest.TempPathFactory, portrait: Path) -> Path:
    """A real face in few pixels."""
    from PIL import Image

    path = tmp_path_factory.mktemp("face") / "face.png"
    with Image.open(portrait) as image:
        image.convert("RGB").resize((160, 160)).save(path)
    return path


@pytest.fixture(scope="session")
def voice(tmp_path_factory: pytest.TempPathFactory, speech: Path) -> Path:
    """A second of real speech, 25 frames."""
    from openfloat.audio.io import load_audio, write_wave

    path = tmp_path_factory.mktemp("voice") / "voice.wav"
    write_wave(path, load_audio(speech)[8000:24_000])
    return path

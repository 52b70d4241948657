"""What every test stands on: one thread, fixed seeds, no network, no model hub."""

import os
import socket
from pathlib import Path

import hypothesis
import pytest

os.environ["HF_HUB_OFFLINE"] = "1"

hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis.settings.load_profile("repeatable")

ROOT = Path(__file__).parent.parent
DEMO = ROOT / "src" / "openfloat" / "assets" / "demo"
_connect = socket.socket.connect


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes begins first: begun last, the other processes would wait for it."""
    items.sort(key=lambda item: "sample_full" not in item.name)


def _connect_to_loopback_only(self: socket.socket, address: object) -> None:
    host = address[0] if isinstance(address, tuple) else address
    if isinstance(address, tuple) and host not in ("127.0.0.1", "::1", "localhost"):
        raise OSError(f"tests do not use the network, but {address!r} was asked for")
    _connect(self, address)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _repeatable(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    monkeypatch.setattr(socket.socket, "connect", _connect_to_loopback_only)


@pytest.fixture(scope="session")
def portrait() -> Path:
    """A real public-domain photo."""
    return DEMO / "portrait.jpg"


@pytest.fixture(scope="session")
def speech() -> Path:
    """A few seconds of our own recording."""
    return DEMO / "speech.wav"


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
def lively(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with heads that are not at zero: its pictures move, and follow the voice."""
    import torch

    from openfloat.codec import to_json
    from openfloat.pipeline import FloatPipeline
    from openfloat.weights.store import save_model

    model = FloatPipeline.from_pretrained(str(tiny)).model
    draw = torch.Generator().manual_seed(1)
    for part in (model.autoencoder.decoder, model.motion):
        for weight in part.parameters():
            weight.data.add_(0.1 * torch.randn(weight.shape, generator=draw))
    folder = tmp_path_factory.mktemp("models") / "lively"
    save_model(folder, to_json(model.config), model.state_dict())
    return folder


@pytest.fixture(scope="session")
def small_face(tmp_path_factory: pytest.TempPathFactory, portrait: Path) -> Path:
    """A real face in few pixels."""
    from PIL import Image

    path = tmp_path_factory.mktemp("face") / "face.png"
    with Image.open(portrait) as image:
        image.convert("RGB").resize((160, 160)).save(path)
    return path


@pytest.fixture(scope="session")
def data() -> Path:
    """The data pack; gigabytes of other people's pictures and voices, which no clone brings."""
    from openfloat.data.manifest import data_folder
    from openfloat.errors import BadInput

    try:
        return data_folder()
    except BadInput as missing:
        pytest.skip(str(missing))

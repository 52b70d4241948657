"""Models from a hub and onto it, by the real client over a real socket."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hubs import COMMIT, Hub

from openfloat.audio.io import load_audio, write_wave
from openfloat.codec import to_json
from openfloat.config import ModelConfig
from openfloat.models.model import FloatModel
from openfloat.weights.hub import embedded_models
from openfloat.weights.store import CONFIG, WEIGHTS, save_model

CARD = "---\nlicense: {}\n---\n# A tiny model\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model's folder, large enough to be one of the hub's large files."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("tiny")
    save_model(folder, to_json(ModelConfig.tiny()), FloatModel(ModelConfig.tiny()).state_dict())
    return folder


@pytest.fixture
def hub(model: Path, tmp_path: Path) -> Iterator[Hub]:
    """A hub with a free model and one that is not."""
    for name, licence in (("us/free", "apache-2.0"), ("them/bound", "cc-by-nc-4.0")):
        shutil.copytree(model, tmp_path / "hub" / name)
        (tmp_path / "hub" / name / "README.md").write_text(CARD.format(licence))
    with Hub(tmp_path / "hub") as opened:
        yield opened


def ask(
    hub: Hub, home: Path, *words: str, offline: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run `openfloat` in a process of its own that knows no other hub."""
    environment = {
        **os.environ, "HF_ENDPOINT": hub.address, "HF_HOME": str(home), "HF_TOKEN": "hf_secret",
        "HF_HUB_OFFLINE": "1" if offline else "0", "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    command = [sys.executable, "-m", "openfloat", *words]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=240, cwd=home.parent
    )


@pytest.mark.slow
def test_a_model_comes_from_the_hub_though_the_connection_is_cut_and_stays_for_offline_use(
    hub: Hub, tmp_path: Path, portrait: Path, speech: Path
) -> None:
    ours = embedded_models()["openfloat-256"]
    for file in ours.iterdir():
        shutil.copyfile(file, tmp_path / "hub" / "us" / "free" / file.name)
    hub.cut.add(WEIGHTS)
    got = ask(hub, tmp_path / "home", "download", "us/free")
    assert got.returncode == 0, got.stderr
    folder = Path(got.stdout.strip().splitlines()[-1])
    assert (folder / WEIGHTS).read_bytes() == (ours / WEIGHTS).read_bytes()
    ranges = [asked for _, path, asked in hub.asked if path.endswith(WEIGHTS) and asked]
    assert ranges, "what had come was not asked for again"
    assert all(int(asked.removeprefix("bytes=").split("-")[0]) >= 10_000_000 for asked in ranges)
    asked = len(hub.asked)
    write_wave(tmp_path / "word.wav", load_audio(speech)[:8_000])
    words = ("animate", str(portrait), "word.wav", "-o", "x.mp4", "--model")
    made = ask(hub, tmp_path / "home", *words, "us/free", offline=True)
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "x.mp4").stat().st_size > 1000
    assert len(hub.asked) == asked, "nobody is asked when offline"


@pytest.mark.slow
def test_a_licence_that_is_not_free_is_accepted_first(hub: Hub, tmp_path: Path) -> None:
    refused = ask(hub, tmp_path / "home", "download", "them/bound")
    assert refused.returncode == 2
    assert "cc-by-nc-4.0" in refused.stderr
    assert "--accept-licence" in refused.stderr
    assert not any(WEIGHTS in path for _, path, _ in hub.asked), "nothing was fetched before"
    words = ("them/bound", "--accept-licence", "--revision", COMMIT)
    taken = ask(hub, tmp_path / "home", "download", *words)
    assert taken.returncode == 0, taken.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "told"),
    [(("us/none",), "no such model"), (("us/free", "--revision", "v9"), "no revision 'v9'"),
     (("float-512",), "non-commercial")],
)  # fmt: skip
def test_what_the_hub_has_not_is_told_in_one_sentence(
    hub: Hub, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    for name in ("set-soft/float", "facebook/wav2vec2-base-960h",
                 "r-f/wav2vec-english-speech-emotion-recognition"):  # fmt: skip
        (tmp_path / "hub" / name).mkdir(parents=True)
        (tmp_path / "hub" / name / "README.md").write_text(CARD.format("other"))
    got = ask(hub, tmp_path / "home", "download", *words)
    assert got.returncode == 2, got.stderr
    assert told in got.stderr
    assert len(got.stderr.strip().splitlines()[-1:]) == 1
    assert "Traceback" not in got.stderr


@pytest.mark.slow
def test_a_file_that_is_not_what_the_hub_says_is_not_used(hub: Hub, tmp_path: Path) -> None:
    hub.spoilt.add(WEIGHTS)
    got = ask(hub, tmp_path / "home", "download", "us/free")
    assert got.returncode == 2
    assert "damaged" in got.stderr
    hub.spoilt.clear()
    assert ask(hub, tmp_path / "home", "download", "us/free").returncode == 0


@pytest.mark.slow
def test_a_model_goes_onto_the_hub_with_its_card(hub: Hub, model: Path, tmp_path: Path) -> None:
    (tmp_path / "card.md").write_text("# Mine\nNot to deceive.\n")
    words = ("upload", str(model), "owner/mine", "--card", str(tmp_path / "card.md"))
    got = ask(hub, tmp_path / "home", *words)
    assert got.returncode == 0, got.stderr
    published = tmp_path / "hub" / "owner" / "mine"
    for name in (WEIGHTS, CONFIG):
        assert (published / name).read_bytes() == (model / name).read_bytes()
    card = (published / "README.md").read_text()
    assert card.startswith("---\nlicense: apache-2.0\n")
    assert card.endswith("Not to deceive.\n")
    back = ask(hub, tmp_path / "home", "download", "owner/mine")
    assert back.returncode == 0, back.stderr

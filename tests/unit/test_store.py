"""Model folders, and how strictly a network is filled from one."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from openfloat.codec import to_json
from openfloat.config import PRESETS, ModelConfig
from openfloat.errors import BadCheckpoint, ModelNotFound
from openfloat.models.model import FloatModel
from openfloat.weights import hub
from openfloat.weights.hub import embedded_models, resolve_model
from openfloat.weights.store import (
    Hollow,
    load_config,
    load_into,
    load_state,
    read_config,
    save_model,
)


def network() -> nn.Module:
    layers = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    return layers.requires_grad_(requires_grad=False)


def saved(folder: Path, *, half: bool = False) -> dict[str, Tensor]:
    state = network().state_dict()
    save_model(folder, to_json(ModelConfig.tiny()), state, half=half)
    return state


def test_a_folder_gives_back_the_same_bits(tmp_path: Path) -> None:
    state = saved(tmp_path / "model")
    loaded = load_state(tmp_path / "model")
    assert loaded.keys() == state.keys()
    for name, tensor in state.items():
        torch.testing.assert_close(loaded[name], tensor, rtol=0, atol=0)
    assert load_config(tmp_path / "model") == ModelConfig.tiny()
    assert read_config(tmp_path / "model") == to_json(ModelConfig.tiny())
    files = sorted((tmp_path / "model").iterdir())
    assert [file.name for file in files] == ["config.json", "model.safetensors"]
    assert files[0].stat().st_mode == files[1].stat().st_mode


def test_half_precision_is_for_the_disk_alone(tmp_path: Path) -> None:
    state = saved(tmp_path, half=True)
    assert load_file(tmp_path / "model.safetensors")["0.weight"].dtype == torch.float16
    loaded = load_state(tmp_path)
    assert loaded["0.weight"].dtype == torch.float32
    assert loaded["1.num_batches_tracked"].dtype == torch.int64
    torch.testing.assert_close(loaded["0.weight"], state["0.weight"], rtol=1e-3, atol=1e-4)


def test_saving_again_replaces_both_files(tmp_path: Path) -> None:
    saved(tmp_path)
    save_model(tmp_path, to_json(ModelConfig.float_512()), {"a": torch.ones(2)})
    assert load_config(tmp_path) == ModelConfig.float_512()
    assert set(load_state(tmp_path)) == {"a"}


@pytest.mark.parametrize(("value", "half"), [(float("nan"), False), (1e6, True)])
def test_what_is_not_finite_on_disk_is_not_written(
    tmp_path: Path, value: float, *, half: bool
) -> None:
    with pytest.raises(BadCheckpoint, match=r"not finite in layer\.weight"):
        save_model(tmp_path, "{}", {"layer.weight": torch.tensor([value])}, half=half)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("without_data", [lambda: torch.device("meta"), Hollow])
def test_a_hollow_network_is_filled(
    tmp_path: Path, without_data: Callable[[], AbstractContextManager[object]]
) -> None:
    state = saved(tmp_path)
    with without_data():
        hollow = network()
    assert all(parameter.is_meta for parameter in hollow.parameters())
    load_into(hollow, load_state(tmp_path))
    for name, tensor in hollow.state_dict().items():
        torch.testing.assert_close(tensor, state[name], rtol=0, atol=0)
    assert not any(parameter.requires_grad for parameter in hollow.parameters())


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_model_built_hollow_holds_no_data_to_be_stored(name: str) -> None:
    with Hollow():
        model = FloatModel(PRESETS[name]())
    held = {
        name for name, tensor in model.state_dict().items() if tensor.ndim and not tensor.is_meta
    }
    assert held <= {"motion.positions"}


def test_names_that_do_not_fit_are_listed(tmp_path: Path) -> None:
    state = saved(tmp_path)
    lacking = {name: tensor for name, tensor in state.items() if name != "0.bias"}
    with pytest.raises(BadCheckpoint, match=r"lack 0\.bias$"):
        load_into(network(), lacking)
    with pytest.raises(BadCheckpoint, match=r"a\.0, a\.1, a\.2, a\.3, a\.4, a\.5 and 3 more"):
        load_into(network(), state | {f"a.{i}": torch.ones(1) for i in range(9)})


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (torch.ones(4, 4), r"0\.weight is float32\[4, 4\].* and float32\[4, 3\] in the model"),
        (torch.ones(4, 3).half(), r"0\.weight is float16\[4, 3\]"),
        (torch.full((4, 3), float("inf")), r"not finite in 0\.weight"),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(wrong: Tensor, sentence: str) -> None:
    layers = network()
    before = layers.state_dict()["0.weight"].clone()
    with pytest.raises(BadCheckpoint, match=sentence):
        load_into(layers, layers.state_dict() | {"0.weight": wrong})
    torch.testing.assert_close(layers.state_dict()["0.weight"], before, rtol=0, atol=0)


def test_a_buffer_that_is_not_stored_is_found_hollow() -> None:
    class Forgetful(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(2))
            self.register_buffer("table", torch.ones(3), persistent=False)

    with torch.device("meta"):
        hollow = Forgetful()
    with pytest.raises(BadCheckpoint, match="no data for table"):
        load_into(hollow, {"weight": torch.ones(2)})


def test_missing_and_damaged_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match="no such file"):
        load_state(tmp_path)
    with pytest.raises(BadCheckpoint, match="no config"):
        load_config(tmp_path)
    saved(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises(BadCheckpoint, match="no complete safetensors"):
        load_state(tmp_path)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", json.dumps({"size": 3}), json.dumps({"motion_space": "dream"}), '{"name": 7}'],
)
def test_a_config_that_no_model_has_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(BadCheckpoint, match=r"config\.json: "):
        load_config(tmp_path)


def test_a_folder_or_an_embedded_name_is_resolved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "ASSETS", tmp_path / "assets")
    assert embedded_models() == {}
    with pytest.raises(ModelNotFound, match="embedded models: none"):
        resolve_model("small")
    saved(tmp_path / "assets" / "small")
    saved(tmp_path / "mine")
    (tmp_path / "assets" / "demo").mkdir()
    assert embedded_models() == {"small": tmp_path / "assets" / "small"}
    assert resolve_model("small") == tmp_path / "assets" / "small"
    assert resolve_model(str(tmp_path / "mine")) == tmp_path / "mine"
    with pytest.raises(ModelNotFound, match=r"large: neither .* \(embedded models: small\)"):
        resolve_model("large")
    with pytest.raises(ModelNotFound, match=r"holds no config\.json"):
        resolve_model(tmp_path / "assets" / "demo")

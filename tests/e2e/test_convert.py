"""A small released model, as its three downloads, becomes a model folder of ours."""

import dataclasses
import functools
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from openfloat.config import (
    EMOTIONS,
    AutoencoderConfig,
    ModelConfig,
    VectorFieldConfig,
    Wav2Vec2Config,
    Wav2Vec2EmotionConfig,
    Wav2Vec2SpeechConfig,
)
from openfloat.errors import BadCheckpoint
from openfloat.models.model import FloatModel
from openfloat.weights.official import convert_release, official_names
from openfloat.weights.official_audio import huggingface_fields
from openfloat.weights.store import load_config, load_into, load_state

CONFIG = ModelConfig(
    name="small-release",
    autoencoder=dataclasses.replace(AutoencoderConfig.tiny(), painted=False, reader_width=0),
    motion=dataclasses.replace(VectorFieldConfig.tiny(), motion_dim=32, pose_dim=0),
    speech=Wav2Vec2SpeechConfig(backbone=Wav2Vec2Config.tiny()),
    emotion=Wav2Vec2EmotionConfig(
        backbone=dataclasses.replace(
            Wav2Vec2Config.tiny(), conv_bias=True, conv_norm="layer", stable_layer_norm=True
        )
    ),
)
SPEECH, EMOTION = "audio_encoder.wav2vec2.", "emotion_encoder.wav2vec2_for_emotion."


class Release(NamedTuple):
    """What somebody downloads, and the tensors in it by their full released names."""

    float_weights: Path
    wav2vec2: Path
    emotion: Path
    tensors: dict[str, Tensor]
    shapes: dict[str, tuple[int, ...]]

    def convert(self, output: Path) -> int:
        return convert_release(
            self.float_weights, self.wav2vec2, self.emotion, output,
            config=CONFIG, shapes=self.shapes,
        )  # fmt: skip


def released_shape(name: str, ours: tuple[int, ...]) -> tuple[int, ...]:
    """The released file has axes of length 1 that ours do without."""
    if name.startswith("motion_autoencoder.dec.") and name.endswith(".conv.weight"):
        return (1, *ours)
    if name.startswith("motion_autoencoder.") and name.endswith(("activate.bias", ".1.bias")):
        return (1, *ours, 1, 1) if len(ours) == 1 and ".fc." not in name else ours
    return ours


@functools.cache
def shapes_of_ours() -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        state = FloatModel(CONFIG).state_dict()
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


@pytest.fixture
def release(tmp_path: Path) -> Release:
    shapes = shapes_of_ours()
    tensors = {
        theirs: torch.randn(released_shape(theirs, shapes[ours]) if ours else (3,))
        for theirs, ours in official_names(CONFIG).items()
    }
    tensors["fmt.alignment_mask"] = torch.ones(14, 14, dtype=torch.bool)
    folders = (tmp_path / "wav2vec2", tmp_path / "emotion")
    parts: dict[str, dict[str, Tensor]] = {SPEECH: {}, EMOTION: {}, "": {}}
    for name, tensor in tensors.items():
        prefix = next(prefix for prefix in parts if name.startswith(prefix))
        parts[prefix][name.removeprefix(prefix)] = tensor
    torch.save(parts[""], tmp_path / "float.pth")
    assert isinstance(CONFIG.speech, Wav2Vec2SpeechConfig)
    assert isinstance(CONFIG.emotion, Wav2Vec2EmotionConfig)
    write_folder(folders[0], parts[SPEECH], huggingface_fields(CONFIG.speech.backbone))
    labels = {"id2label": {str(index): name for index, name in enumerate(EMOTIONS)}}
    write_folder(folders[1], parts[EMOTION], huggingface_fields(CONFIG.emotion.backbone) | labels)
    return Release(tmp_path / "float.pth", *folders, tensors, shapes)


def write_folder(folder: Path, tensors: dict[str, Tensor], config: dict[str, Any]) -> None:
    folder.mkdir()
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


def assert_converted(release: Release, folder: Path) -> None:
    converted = load_state(folder)
    for theirs, ours in official_names(CONFIG).items():
        if ours is not None:
            expected = release.tensors[theirs].flatten()
            torch.testing.assert_close(converted[ours].flatten(), expected, rtol=0, atol=0)


def test_a_release_becomes_a_model_that_loads_and_speaks(release: Release, tmp_path: Path) -> None:
    count = release.convert(tmp_path / "model")
    assert_converted(release, tmp_path / "model")
    assert load_config(tmp_path / "model") == CONFIG
    with torch.device("meta"):
        model = FloatModel(CONFIG)
    load_into(model, load_state(tmp_path / "model"))
    assert count == sum(tensor.numel() for tensor in model.state_dict().values())
    features = model.speech(0.1 * torch.randn(1, 6400), 10)
    assert features.shape == (1, 10, CONFIG.motion.speech_dim)
    assert model.emotion(0.1 * torch.randn(1, 6400)).isfinite().all()


def test_old_and_new_spellings_of_the_files_give_the_same_folder(
    release: Release, tmp_path: Path
) -> None:
    """Prefixed names, old weight norm names, a CTC head, .bin files, float.safetensors."""
    old: dict[str, Tensor] = {"lm_head.weight": torch.ones(2, 2), "lm_head.bias": torch.ones(2)}
    for name, tensor in release.tensors.items():
        if name.startswith(SPEECH):
            inner = name.removeprefix(SPEECH)
            for new, spelled in (("original0", "weight_g"), ("original1", "weight_v")):
                inner = inner.replace(f"parametrizations.weight.{new}", spelled)
            old["wav2vec2." + inner] = tensor
    (release.wav2vec2 / "model.safetensors").unlink()
    torch.save(old, release.wav2vec2 / "pytorch_model.bin")
    again = release._replace(float_weights=tmp_path / "float.safetensors")
    save_file(torch.load(release.float_weights, weights_only=True), again.float_weights)
    again.convert(tmp_path / "model")
    assert_converted(again, tmp_path / "model")


def test_a_file_of_before_the_zip_format_is_read_too(release: Release, tmp_path: Path) -> None:
    state = torch.load(release.float_weights, weights_only=True)
    torch.save(state, release.float_weights, _use_new_zipfile_serialization=False)
    release.convert(tmp_path / "model")
    assert_converted(release, tmp_path / "model")


def test_audio_networks_inside_of_float_pth_win(release: Release, tmp_path: Path) -> None:
    state = torch.load(release.float_weights, weights_only=True)
    name = f"{SPEECH}encoder.layer_norm.bias"
    release.tensors[name] = state[name] = torch.full_like(release.tensors[name], 7)
    torch.save(state, release.float_weights)
    release.convert(tmp_path / "model")
    assert_converted(release, tmp_path / "model")


def change(state: dict[str, Any], name: str, value: object) -> dict[str, Any]:
    rest = {key: kept for key, kept in state.items() if key != name}
    return rest if value is None else rest | {name: value}


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("fmt.pos_embed", None, r"lack fmt\.pos_embed"),
        ("fmt.surprise", torch.ones(2), r"unknown names: fmt\.surprise"),
        ("fmt.pos_embed", torch.ones(1, 3, 32), r"fmt\.pos_embed has the shape \[1, 3, 32\]"),
        ("fmt.pos_embed", torch.ones(1, 14, 32, dtype=torch.int64), "int64"),
        ("fmt.pos_embed", torch.full((1, 14, 32), float("nan")), "not finite in motion.positions"),
        ("epoch", 7, "not tensors but something else: epoch"),
    ],
)
def test_what_does_not_fit_in_float_pth_is_named(
    release: Release, tmp_path: Path, name: str, value: object, sentence: str
) -> None:
    state = change(torch.load(release.float_weights, weights_only=True), name, value)
    if value is None or isinstance(value, Tensor):  # read in this process, which is quicker
        release = release._replace(float_weights=tmp_path / "float.safetensors")
        save_file(state, release.float_weights)
    else:
        torch.save(state, release.float_weights)
    with pytest.raises(BadCheckpoint, match=sentence):
        release.convert(tmp_path / "model")
    assert not (tmp_path / "model" / "model.safetensors").exists()


def test_code_in_a_pickle_is_not_run(release: Release, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "trapped",)

    torch.save({"fmt.pos_embed": Trap()}, release.float_weights)
    with pytest.raises(BadCheckpoint, match="no PyTorch file of tensors"):
        release.convert(tmp_path / "model")
    assert not (tmp_path / "trapped").exists()


def test_a_cut_or_missing_download_is_named(release: Release, tmp_path: Path) -> None:
    whole = release.float_weights.read_bytes()
    release.float_weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadCheckpoint, match=r"float\.pth: no PyTorch file"):
        release.convert(tmp_path / "model")
    release.float_weights.unlink()
    with pytest.raises(BadCheckpoint, match=r"float\.pth: no such file"):
        release.convert(tmp_path / "model")
    (release.wav2vec2 / "model.safetensors").unlink()
    with pytest.raises(BadCheckpoint, match=r"neither model\.safetensors nor pytorch_model\.bin"):
        release.convert(tmp_path / "model")


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("hidden_size", 64, "hidden_size is 64 and not 32"),
        ("do_stable_layer_norm", False, "do_stable_layer_norm is False and not True"),
        ("id2label", {"0": "happy", "1": "angry"}, "not in the released order"),
    ],
)
def test_a_folder_of_another_network_is_refused(
    release: Release, tmp_path: Path, field: str, value: object, sentence: str
) -> None:
    file = release.emotion / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {field: value}))
    with pytest.raises(BadCheckpoint, match=sentence):
        release.convert(tmp_path / "model")

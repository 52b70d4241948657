"""Model folders, motion files, session states and released weights made to break a reader."""

import json
import pickle
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save, save_file
from watching import Outcome, assert_refused, everything_in, refused

from openfloat.codec import from_json, to_json
from openfloat.config import ModelConfig
from openfloat.data.manifest import read_manifest
from openfloat.data.speech_shards import read_shard
from openfloat.data.synthetic_truth import read_truth
from openfloat.motion.file import load_motion, save_motion
from openfloat.motion.value import Motion
from openfloat.streaming.state import SessionState
from openfloat.training.checkpoint import load_checkpoint, save_checkpoint
from openfloat.weights.store import read_tensors
from openfloat.weights.unpickle import convert, unpickled

pytestmark = pytest.mark.hostile
Weights = dict[str, torch.Tensor]


class Trap:
    """What a pickle may ask for."""

    def __init__(self, touched: Path) -> None:
        self.touched = touched

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.touched,)


def raw(header: object, body: bytes = b"", size: int | None = None) -> bytes:
    """A safetensors file of any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + body


def entry(
    dtype: str = "F32", shape: tuple[int, ...] = (1,), end: int = 4, start: int = 0
) -> object:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}


SAFETENSORS: dict[str, bytes] = {
    "nothing": b"",
    "seven bytes": b"1234567",
    "a length alone": struct.pack("<Q", 2),
    "a header of 2^63 bytes": raw({}, size=2**63),
    "a header of 2^64 - 1 bytes": raw({}, size=2**64 - 1),
    "a header longer than the file": raw({}, size=100_000),
    "a header of 100 MB that is not there": raw({}, size=10**8),
    "a header of 20 MB": raw(b'{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}'
                             + b" " * 20_000_000 + b"}", bytes(4)),
    "no JSON": raw(b"{]"),
    "JSON of a list": raw([1, 2]),
    "JSON of a number": raw(7),
    "deeply nested JSON": raw(b"[" * 100_000 + b"]" * 100_000),
    "no UTF-8": raw(b'{"\xff\xfe":1}'),
    "metadata that are no words": raw({"__metadata__": {"a": [1]}}),
    "an unknown type": raw({"a": entry("X99")}, bytes(4)),
    "a negative shape": raw(b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', bytes(4)),
    "a shape that overflows": raw({"a": entry(shape=(2**40, 2**40))}, bytes(4)),
    "a shape of a terabyte": raw({"a": entry(shape=(2**38,), end=2**40)}, bytes(4)),
    "offsets beyond the end": raw({"a": entry(shape=(100,), end=400)}, bytes(4)),
    "offsets backwards": raw({"a": entry(start=4, end=0)}, bytes(4)),
    "offsets that overlap": raw({"a": entry(), "b": entry()}, bytes(4)),
    "a gap between tensors": raw({"a": entry(), "b": entry(start=8, end=12)}, bytes(12)),
    "bytes behind the tensors": raw({"a": entry()}, bytes(400)),
    "a name twice": raw(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
                        b'"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', bytes(4)),
    "a float as length": raw(b'{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}', bytes(4)),
    "a pickle": pickle.dumps({"a": 1}),
    "a zip": b"PK\x03\x04" + bytes(200),
    "zeros": bytes(4096),
    "a gigabyte of header": raw({}, size=2**30) + bytes(100),
}  # fmt: skip


@pytest.mark.parametrize("name", SAFETENSORS)
@pytest.mark.parametrize("door", [read_tensors, load_motion, read_truth, read_shard])
def test_what_is_no_safetensors_file_is_refused(
    name: str, door: Callable[[Path], object], tmp_path: Path
) -> None:
    path = tmp_path / "it.safetensors"
    path.write_bytes(SAFETENSORS[name])
    refused(lambda: door(path), path.name)


@pytest.mark.parametrize("name", SAFETENSORS)
def test_what_is_no_state_of_a_session_is_refused(name: str) -> None:
    content, config = SAFETENSORS[name], ModelConfig.tiny()
    refused(lambda: SessionState.from_bytes(content, config, torch.device("cpu")))


def changed(name: str, value: torch.Tensor | None) -> Callable[[Weights], Weights]:
    def change(weights: Weights) -> Weights:
        rest = {key: kept for key, kept in weights.items() if key != name}
        return rest if value is None else rest | {name: value}

    return change


def every(convert: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Weights], Weights]:
    return lambda weights: {name: convert(tensor) for name, tensor in weights.items()}


def spoiled(weights: Weights, place: int, value: float) -> Weights:
    name = [name for name, tensor in weights.items() if tensor.is_floating_point()][place]
    return weights | {name: torch.full_like(weights[name], value)}


WEIGHTS: dict[str, Callable[[Weights], Weights]] = {
    "none": lambda _: {},
    "one more": changed("surprise", torch.ones(3)),
    "a name of another model": changed("motion.extra.weight", torch.ones(3, 3)),
    "a thousand more": lambda w: w | {f"x{k}": torch.ones(1) for k in range(1000)},
    "a name with a newline": changed("a\nb\x1b[31m", torch.ones(1)),
    "a name of 10,000 letters": changed("a" * 10_000, torch.ones(1)),
    "renamed": lambda w: {name.replace("motion", "emotion"): t for name, t in w.items()},
    "prefixed": lambda w: {f"module.{name}": t for name, t in w.items()},
    "the first missing": lambda w: dict(list(w.items())[1:]),
    "the last missing": lambda w: dict(list(w.items())[:-1]),
    "half of them missing": lambda w: dict(list(w.items())[::2]),
    "whole numbers": every(lambda t: t.to(torch.int32)),
    "8 bits": every(lambda t: (10 * t).to(torch.int8)),
    "unsigned 8 bits": every(lambda t: t.abs().to(torch.uint8)),
    "truth values": every(lambda t: t > 0),
    "complex numbers": every(lambda t: t.to(torch.complex64)),
    "NaN everywhere": every(lambda t: t * torch.nan if t.is_floating_point() else t),
    "one axis more": every(lambda t: t[None]),
    "flat": every(lambda t: t.reshape(-1)),
    "of no size": every(lambda t: t.reshape(-1)[:0].clone()),
    "twice as long": every(lambda t: torch.cat([t.reshape(-1)] * 2)),
    "NaN in the first": lambda w: spoiled(w, 0, torch.nan),
    "NaN in the last": lambda w: spoiled(w, -1, torch.nan),
    "infinity in the first": lambda w: spoiled(w, 0, torch.inf),
    "minus infinity in the last": lambda w: spoiled(w, -1, -torch.inf),
}
TYPES = {"bf16": torch.bfloat16, "half": torch.float16, "double": torch.float64}


@pytest.fixture
def folder(tiny: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model, to be spoiled."""
    made = tmp_path / "model"
    made.mkdir()
    for file in tiny.iterdir():
        (made / file.name).write_bytes(file.read_bytes())
    return made


@pytest.fixture
def animate(told: Callable[..., Outcome], small_face: Path, short: Path, out: Path) -> object:
    return lambda model: told(
        "animate", small_face, short, "-o", out / "a.mp4", "--model", model, "--nfe", "1",
        "--no-crop", "--emotion", "neutral",
    )  # fmt: skip


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_that_do_not_fit_are_refused(
    name: str, folder: Path, animate: Callable[[Path], Outcome], out: Path
) -> None:
    file = folder / "model.safetensors"
    save_file(WEIGHTS[name](load_file(file)), file.with_suffix(".new"))
    file.with_suffix(".new").replace(file)
    assert_refused(animate(folder))
    assert not everything_in(out)


@pytest.mark.parametrize("name", TYPES)
def test_weights_of_another_precision_are_used(
    name: str, folder: Path, animate: Callable[[Path], Outcome]
) -> None:
    file = folder / "model.safetensors"
    weights = {
        key: tensor.to(TYPES[name]) if tensor.is_floating_point() else tensor
        for key, tensor in load_file(file).items()
    }
    save_file(weights, file.with_suffix(".new"))
    file.with_suffix(".new").replace(file)
    assert animate(folder).status == 0


GOOD = json.loads(to_json(ModelConfig.tiny()))


def config_with(path: str, value: object) -> str:
    config = json.loads(json.dumps(GOOD))
    *way, last = path.split(".")
    place = config
    for name in way:
        place = place[name]
    place[last] = value
    return json.dumps(config)


CONFIGS: dict[str, str] = {
    "nothing": "", "no JSON": "{", "a list": "[]", "null": "null", "a number": "3", "NaN": "NaN",
    "deep": "[" * 50_000 + "]" * 50_000, "deep objects": '{"name":' * 20_000 + "1" + "}" * 20_000,
    "a long word": json.dumps({"name": "x", "x" * 100_000: 1}),
    "two megabytes": json.dumps({"name": "x" * 2_000_000}),
    "an unknown field": config_with("surprise", 1),
    "a type as name": config_with("name", 3),
    "a huge number": config_with("motion.depth", 10**30),
    **{f"{path}={value!r}": config_with(path, value) for path, value in (
        ("motion.depth", 10**9), ("motion.depth", -1), ("motion.depth", "2"),
        ("motion.depth", 2.5), ("motion.depth", None), ("motion.depth", True),
        ("motion.hidden_dim", 10**9), ("motion.hidden_dim", 0), ("motion.hidden_dim", 33),
        ("motion.num_heads", 0), ("motion.num_heads", -2), ("motion.window_frames", 10**7),
        ("motion.window_frames", 0), ("motion.past_frames", 0), ("motion.past_frames", 10**8),
        ("motion.motion_dim", 21), ("motion.mlp_ratio", float("nan")),
        ("motion.mlp_ratio", -1.0), ("motion.mlp_ratio", 1e12), ("motion.attention_radius", -1),
        ("autoencoder.size", 10**6), ("autoencoder.size", 100), ("autoencoder.size", 0),
        ("autoencoder.latent_dim", 10**8), ("autoencoder.latent_dim", 4),
        ("autoencoder.num_directions", 0), ("autoencoder.channel_base", 10**12),
        ("autoencoder.max_channels", 0), ("autoencoder.reader_width", 10**8),
        ("autoencoder.reader_width", -5), ("speech.kind", "other"), ("speech.num_mels", 10**8),
        ("speech.num_mels", 0), ("speech.dilations", [10**9]), ("speech.dilations", [1] * 5000),
        ("speech.hidden_dim", -3), ("speech", {}), ("emotion.hidden_dim", 10**10),
        ("motion_space", "sideways"), ("controls", ["yaw"]), ("controls", [1, 2]),
        ("autoencoder", None), ("motion", []),
    )},
}  # fmt: skip


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_that_no_model_has_is_refused(
    name: str, folder: Path, animate: Callable[[Path], Outcome], out: Path
) -> None:
    (folder / "config.json").write_text(CONFIGS[name])
    assert_refused(animate(folder))
    assert not everything_in(out)


def test_a_config_that_is_a_folder_or_missing_is_refused(
    folder: Path, animate: Callable[[Path], Outcome]
) -> None:
    (folder / "config.json").unlink()
    assert_refused(animate(folder), "config.json")
    (folder / "config.json").mkdir()
    assert_refused(animate(folder))


def motion_header(**words: str) -> dict[str, object]:
    return {"__metadata__": {"format": "openfloat-motion-1", "fps": "25",
                             "controls": '["a","b"]', **words}}  # fmt: skip


def motion_bytes(dtype: str = "F32", shape: tuple[int, ...] = (3, 2), name: str = "coefficients",
                 body: bytes = bytes(24), **words: str) -> bytes:  # fmt: skip
    return raw(motion_header(**words) | {name: entry(dtype, shape, len(body))}, body)


MOTIONS: dict[str, bytes] = {
    "of another format": motion_bytes(format="openfloat-motion-9"),
    "at another rate": motion_bytes(fps="30"),
    "without controls": motion_bytes(controls=""),
    "with controls that are no list": motion_bytes(controls='{"a":1}'),
    "with controls that are numbers": motion_bytes(controls="[1,2]"),
    "with controls nested": motion_bytes(controls="[" * 30_000 + "]" * 30_000),
    "with too few controls": motion_bytes(controls='["a"]'),
    "with a control twice": motion_bytes(controls='["a","a"]'),
    "with a control that erases the screen": motion_bytes(controls='["a","\\u001b[2J"]'),
    "with a source of a megabyte": motion_bytes(source="x" * 10**6),
    "with a source of 2,000 letters": motion_bytes(source="x" * 2000),
    "of a model that cannot be printed": motion_bytes(model="\x07"),
    "of half precision": motion_bytes("F16", (3, 4)),
    "of double precision": motion_bytes("F64", (3, 1), controls='["a"]'),
    "of whole numbers": motion_bytes("I32"),
    "of one axis": motion_bytes(shape=(6,)),
    "of three axes": motion_bytes(shape=(1, 3, 2)),
    "of no frames": motion_bytes(shape=(0, 2), body=b""),
    "of no controls": motion_bytes(shape=(3, 0), body=b"", controls="[]"),
    "of too many controls": motion_bytes(shape=(1, 2000), body=bytes(8000), controls="[]"),
    "of five hours": motion_bytes(shape=(450_000, 1), body=bytes(1_800_000), controls='["a"]'),
    "of NaN": motion_bytes(body=struct.pack("<f", float("nan")) * 6),
    "of infinity": motion_bytes(body=struct.pack("<f", float("inf")) * 6),
    "by another name": motion_bytes(name="motion"),
    "with something else in it": raw(motion_header() | {
        "coefficients": entry(shape=(3, 2), end=24), "code": entry(start=24, end=28)}, bytes(28)),
    "with a reference of another size": raw(motion_header() | {
        "coefficients": entry(shape=(3, 2), end=24), "reference": entry(start=24, end=28)},
        bytes(28)),
    "with a reference of two axes": raw(motion_header() | {
        "coefficients": entry(shape=(3, 2), end=24),
        "reference": entry(shape=(1, 2), start=24, end=32)}, bytes(32)),
    "without words": save({"coefficients": torch.zeros(3, 2)}),
}  # fmt: skip


@pytest.mark.parametrize("name", MOTIONS)
def test_a_motion_that_no_clip_has_is_refused(
    name: str, told: Callable[..., Outcome], tiny: Path, small_face: Path, tmp_path: Path, out: Path
) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(MOTIONS[name])
    refused(lambda: load_motion(path), path.name)
    arguments = ("motion", "show", small_face, path, "-o", out / "a.mp4", "--model", tiny)
    assert_refused(told(*arguments), path.name)
    assert not everything_in(out)


def test_a_motion_of_another_model_is_refused(
    told: Callable[..., Outcome], tiny: Path, small_face: Path, tmp_path: Path, out: Path
) -> None:
    path = save_motion(tmp_path / "m.safetensors", Motion(coefficients=torch.zeros(3, 2)))
    arguments = ("motion", "show", small_face, path, "-o", out / "a.mp4", "--model", tiny)
    assert_refused(told(*arguments))
    assert not everything_in(out)


ROW = {"file": "a.jpg", "person": "p", "source": "s", "split": "train", "size": 9,
       "licence": "l", "origin": "o"}  # fmt: skip
EMPTY: dict[str, object] = {"portraits": [], "clips": [], "speech": []}
MANIFESTS: dict[str, str | bytes] = {
    "nothing": "", "no JSON": "{", "a list": "[]", "null": "null", "a word": '"x"',
    "no UTF-8": b"\xff\xfe\x00", "deep": "[" * 100_000, "without clips": '{"portraits": []}',
    "rows that are no list": json.dumps(EMPTY | {"portraits": 7}),
    "rows that are no objects": json.dumps(EMPTY | {"portraits": [1]}),
    "a row without a file": json.dumps(EMPTY | {"portraits": [{"person": "p"}]}),
    "a row of other fields": json.dumps(EMPTY | {"portraits": [ROW | {"code": "x"}]}),
    "a speech row of nothing": json.dumps(EMPTY | {"speech": [{}]}),
    "a person in both splits": json.dumps(
        EMPTY | {"portraits": [ROW, ROW | {"split": "heldout"}]}),
    **{f"split {split!r}": json.dumps(EMPTY | {"portraits": [ROW | {"split": split}]})
       for split in ("test", "", None, 3, ["train"])},
    **{f"file {file!r}": json.dumps(EMPTY | {"portraits": [ROW | {"file": file}]})
       for file in ("/etc/passwd", "../secret.jpg", "a/../../b", "", "a\0b", 7, None, ["a"],
                    "..", "a/..")},
}  # fmt: skip


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_that_lists_nonsense_is_refused(name: str, tmp_path: Path) -> None:
    content = MANIFESTS[name]
    (tmp_path / "manifest.json").write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )
    refused(lambda: read_manifest(tmp_path), "manifest.json")


def saved(value: object, path: Path) -> Path:
    torch.save(value, path)
    return path


def released(tmp_path: Path) -> dict[str, Path]:
    """Files that claim to be `float.pth`."""
    content = saved({"a": torch.ones(3)}, tmp_path / "good.pth").read_bytes()
    files = {"cut": content[: len(content) // 2], "nothing": b"", "text": b"hello",
             "a plain pickle with code": pickle.dumps(Trap(tmp_path / "trapped"))}  # fmt: skip
    made = {name: tmp_path / f"{k}.pth" for k, name in enumerate(files)}
    for name, path in made.items():
        path.write_bytes(files[name])
    return made | {
        "code among tensors": saved({"a": Trap(tmp_path / "trapped")}, tmp_path / "code.pth"),
        "a list": saved([torch.ones(1)], tmp_path / "list.pth"),
        "no tensors": saved({}, tmp_path / "none.pth"),
        "a number among tensors": saved({"a": torch.ones(1), "n": 3}, tmp_path / "number.pth"),
        "missing": tmp_path / "gone.pth",
    }


def test_a_released_file_that_is_more_than_tensors_is_refused_and_runs_no_code(
    tmp_path: Path,
) -> None:
    files = released(tmp_path)
    for path in files.values():
        with pytest.raises(ValueError, match=r"no PyTorch file|no tensors|not tensors"):
            convert(path, tmp_path / "target")
    assert not (tmp_path / "trapped").exists()
    assert not (tmp_path / "target").exists()
    # in a process of its own, which takes seconds
    refused(lambda: unpickled(files["code among tensors"], tmp_path / "target"), "code.pth")
    refused(lambda: unpickled(files["missing"], tmp_path / "target"), "gone.pth")
    assert not (tmp_path / "trapped").exists()
    good = unpickled(tmp_path / "good.pth", tmp_path / "target")
    torch.testing.assert_close(load_file(good)["a"], torch.ones(3))


def test_a_reader_of_pickles_may_not_take_all_memory() -> None:
    code = "from openfloat.weights.unpickle import limit; limit(1000); kept = bytearray(6 * 2**30)"
    done = subprocess.run(["python3", "-c", code], capture_output=True, text=True, check=False,
                          env={"PYTHONPATH": str(Path(__file__).parents[2] / "src"),
                               "PATH": "/usr/bin:/bin:/usr/local/bin"})  # fmt: skip
    assert "MemoryError" in done.stderr


@pytest.mark.parametrize("spoiled", ["state.json", "tensors.safetensors"])
@pytest.mark.parametrize("content", [b"", b"{", b"[1]", bytes(100), b"null"])
def test_a_damaged_checkpoint_is_replaced_by_the_one_before(
    spoiled: str, content: bytes, tmp_path: Path
) -> None:
    for clips in (1, 2):
        save_checkpoint(tmp_path, {"clips": clips}, {"a": torch.full((2,), float(clips))})
    (tmp_path / "checkpoint" / spoiled).write_bytes(content)
    found = load_checkpoint(tmp_path)
    assert found is not None
    assert found[0]["clips"] == 1
    (tmp_path / "checkpoint.previous" / spoiled).write_bytes(content)
    refused(lambda: load_checkpoint(tmp_path), "checkpoint")


def test_a_good_config_is_still_read() -> None:
    assert from_json(ModelConfig, json.dumps(GOOD)) == ModelConfig.tiny()

"""Model folders: `config.json` beside `model.safetensors`, read and written strictly."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from openfloat.codec import from_json
from openfloat.config import ModelConfig
from openfloat.drafts import drafted, not_written
from openfloat.errors import BadCheckpoint

CONFIG, WEIGHTS = "config.json", "model.safetensors"
MOST_CONFIG_BYTES, MOST_HEADER_BYTES = 2**20, 2**24
LONGEST_SAID = 300
"""Letters of what a stranger's config may make us say."""
LONGEST_NAME = 90
"""Letters of a tensor's name in an error."""
_SHOWN = 6
_PIECES, _PIECE_BYTES = 64, 2**14
_FACTORIES = (torch.empty, torch.zeros, torch.ones, torch.full)
_DRAWS = (
    nn.init.normal_,
    nn.init.uniform_,
    nn.init.kaiming_uniform_,
    nn.init.orthogonal_,
    Tensor.normal_,
    Tensor.uniform_,
)


def save_model(
    folder: str | Path, config_json: str, tensors: Mapping[str, Tensor], *, half: bool = False
) -> None:
    """Write a model folder; both files appear complete or not at all.

    Args:
        folder: made where it does not exist; the two files in it are replaced.
        config_json: text of a `ModelConfig`.
        tensors: names as in `FloatModel`'s state dictionary.
        half: store float16, half the size; loading gives float32 again.

    Raises:
        BadCheckpoint: a number is not finite, in float16 too if that was asked for.
        NotWritten: the folder cannot be written.
    """
    folder = Path(folder)
    stored = {name: _storable(tensor, half=half) for name, tensor in tensors.items()}
    _refuse_not_finite(stored, str(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(folder, error) from error
    with drafted(folder / CONFIG) as config, drafted(folder / WEIGHTS) as weights:
        save_file(stored, weights)
        config.write_text(config_json, encoding="utf-8")


def read_config(folder: str | Path) -> str:
    """Text of a model folder's `config.json`.

    Raises:
        BadCheckpoint: it is missing or no text.
    """
    file = Path(folder) / CONFIG
    try:
        if file.stat().st_size > MOST_CONFIG_BYTES:
            raise BadCheckpoint(f"{file}: more than {MOST_CONFIG_BYTES} bytes are no config")
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadCheckpoint(f"{file}: there is no config that can be read") from error


def load_config(folder: str | Path) -> ModelConfig:
    """The config of a model folder.

    Raises:
        BadCheckpoint: it is missing, or says what no model of ours can be.
    """
    try:
        return from_json(ModelConfig, read_config(folder))
    except BadCheckpoint:
        raise
    except (ValueError, TypeError, OverflowError) as error:
        said = str(error) if len(str(error)) <= LONGEST_SAID else f"{str(error)[:LONGEST_SAID]} ..."
        raise BadCheckpoint(f"{Path(folder) / CONFIG}: {said}") from error


def load_state(folder: str | Path) -> dict[str, Tensor]:
    """A model folder's tensors, floating ones as float32.

    Raises:
        BadCheckpoint: the file is missing or damaged.
    """
    stored = read_tensors(Path(folder) / WEIGHTS)
    return {name: _restored(tensor) for name, tensor in stored.items()}


def fingerprint(folder: str | Path) -> str:
    """Sixteen letters that change when a model folder's weights do, quick for files of any size.

    SHA-256 of the file's length, its head and pieces spread over it.

    Raises:
        BadCheckpoint: the file is missing.
    """
    path = Path(folder) / WEIGHTS
    try:
        length = path.stat().st_size
        found = hashlib.sha256(str(length).encode())
        with path.open("rb") as file:
            for piece in range(_PIECES):
                file.seek(piece * length // _PIECES)
                found.update(file.read(_PIECE_BYTES))
    except OSError as error:
        raise BadCheckpoint(f"{path}: no such file") from error
    return found.hexdigest()[:16]


def read_tensors(file: Path) -> dict[str, Tensor]:
    """Tensors of a safetensors file as they are, mapped from disk.

    Raises:
        BadCheckpoint: the file is missing or damaged.
    """
    if not file.is_file():
        raise BadCheckpoint(f"{file}: no such file")
    try:
        refuse_large_header(file)
        return load_file(file)
    except BadCheckpoint:
        raise
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise BadCheckpoint(f"{file}: the file is no complete safetensors file") from error


def refuse_large_header(file: Path) -> None:
    """Raise BadCheckpoint where a safetensors file's list of names is larger than any model's."""
    with file.open("rb") as opened:
        size = int.from_bytes(opened.read(8), "little")
    if size > MOST_HEADER_BYTES:
        raise BadCheckpoint(f"{file}: a header of {size} bytes is no model's")


class Hollow(TorchFunctionMode):
    """Context in which networks are built without data, to be filled by `load_into`.

    As `torch.device("meta")`, but nothing is drawn: random draws on the meta device load torch's
    compiler, which takes two seconds. What is computed rather than drawn has its data.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Leave draws out, and put what is to be filled on the meta device."""
        named = dict(kwargs or {})
        if func in _DRAWS:
            return args[0] if args else named["tensor"]
        if func is torch.randn:
            func = torch.empty
        if func in _FACTORIES and named.get("device") is None:
            named["device"] = "meta"
        return func(*args, **named)


def load_into(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Fill a network, on the meta device or not, with exactly the tensors that it has names for.

    The network holds the given tensors afterwards, not copies.

    Raises:
        BadCheckpoint: names are missing or unknown, a shape or type differs, a number is not
            finite, or a part of the network is left without data.
    """
    ours = module.state_dict()
    if missing := ours.keys() - state.keys():
        raise BadCheckpoint(f"the weights lack {listed(missing)}")
    if unknown := state.keys() - ours.keys():
        raise BadCheckpoint(f"the weights hold what the model has not: {listed(unknown)}")
    for name, wanted in ours.items():
        given = state[name]
        if given.shape != wanted.shape or given.dtype != wanted.dtype:
            raise BadCheckpoint(
                f"{name} is {_described(given)} in the weights "
                f"and {_described(wanted)} in the model"
            )
    _refuse_not_finite(state, "the weights")
    module.load_state_dict(dict(state), strict=True, assign=True)
    held = [*module.named_parameters(), *module.named_buffers()]
    if hollow := [name for name, tensor in held if tensor.is_meta]:
        raise BadCheckpoint(f"the weights hold no data for {listed(hollow)}")


def listed(names: Iterable[str]) -> str:
    """A few of the names in order, and how many more there are."""
    ordered = sorted(names)
    rest = f" and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else ""
    return ", ".join(_printable(name) for name in ordered[:_SHOWN]) + rest


def _printable(name: str) -> str:
    """A name that may be a stranger's, fit for a terminal."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in name[:LONGEST_NAME])
    return shown if len(name) <= LONGEST_NAME else f"{shown}..."


def _storable(tensor: Tensor, *, half: bool) -> Tensor:
    tensor = tensor.detach().cpu()
    if half and tensor.is_floating_point():
        tensor = tensor.half()
    return tensor.contiguous()


def _restored(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor


def _refuse_not_finite(tensors: Mapping[str, Tensor], where: str) -> None:
    bad = [
        name
        for name, tensor in tensors.items()
        if tensor.is_floating_point() and not torch.isfinite(tensor).all()
    ]
    if bad:
        raise BadCheckpoint(f"{where}: numbers are not finite in {listed(bad)}")


def _described(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}"

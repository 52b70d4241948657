"""Published weights from a user's file: strict, and without running what the file might hold."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

from openfloat.errors import BadCheckpoint
from openfloat.weights.store import load_into, read_tensors

Network = TypeVar("Network", bound=nn.Module)
LARGEST_BYTES = 4 << 30
COUNTER = ".num_batches_tracked"
"""Older files lack these counters, which count in training alone."""
WRAPPERS = ("module.",)


def read_state(path: Path, *, under: str = "") -> dict[str, Tensor]:
    """Tensors by name of a .safetensors file, or of a PyTorch file without code (`weights_only`).

    Args:
        path: the user's file.
        under: entry of the file that holds the tensors, where there is one.

    Raises:
        BadCheckpoint: missing, larger than 4 GiB, damaged, with code in it, or not of that form.
    """
    if not path.is_file():
        raise BadCheckpoint(f"{path}: no such file")
    if path.stat().st_size > LARGEST_BYTES:
        raise BadCheckpoint(f"{path} is larger than 4 GiB")
    if path.suffix == ".safetensors":
        return read_tensors(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, KeyError) as error:
        raise BadCheckpoint(f"{path} is no file of plain weights") from error
    for name in (under, "state_dict"):
        if isinstance(content, Mapping) and name in content:
            content = content[name]
    if not isinstance(content, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    ):
        raise BadCheckpoint(f"{path} does not hold tensors by name")
    return dict(cast(Mapping[str, Tensor], content))


def load_published(
    path: Path, network: Network, *, under: str = "", leaving_out: tuple[str, ...] = ()
) -> Network:
    """Fill a network with exactly the tensors of a published file, ready for use.

    Args:
        path: the user's file.
        network: changed in place.
        under: as in `read_state`.
        leaving_out: beginnings of names that the file has and the network does not need.

    Raises:
        BadCheckpoint: the file cannot be read, or names or shapes are not those of the network.
    """
    return fill(network, read_state(path, under=under), leaving_out=leaving_out, where=path)


def fill(
    network: Network,
    state: Mapping[str, Tensor],
    *,
    leaving_out: tuple[str, ...] = (),
    where: Path | str = "the weights",
) -> Network:
    """`load_published` for tensors that were read already."""
    kept = {}
    for name, tensor in state.items():
        for wrapper in WRAPPERS:
            name = name.removeprefix(wrapper)
        if not (leaving_out and name.startswith(leaving_out)):
            kept[name] = tensor.float() if tensor.is_floating_point() else tensor
    for name, tensor in network.state_dict().items():
        if name.endswith(COUNTER):
            kept.setdefault(name, torch.zeros((), dtype=tensor.dtype))
    try:
        load_into(network, kept)
    except BadCheckpoint as error:
        raise BadCheckpoint(f"{where}: {error}") from error
    return network.eval().requires_grad_(requires_grad=False)

"""`torch.compile` of what runs again and again: the vector field, and on GPUs the decoder.

The decoder for processor cores (`fast`) is not compiled: nearly all its time goes into products and
convolutions that are compiled already.
"""

import importlib.util
import shutil
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

import torch
from torch import Tensor

from openfloat.errors import BadInput
from openfloat.models.model import FloatModel

Given = ParamSpec("Given")


def compile_networks(model: FloatModel, device: torch.device) -> None:
    """Have the networks compiled when they are first called; torch keeps the results on disk.

    On CUDA what was compiled is recorded once and replayed (CUDA graphs).

    Args:
        model: its networks' methods are replaced.
        device: where they run.

    Raises:
        BadInput: there is no compiler.
    """
    check_compiler(device)
    field = model.motion
    field.velocity = _compiled(field.velocity, device)  # type: ignore[method-assign]
    if device.type != "cpu":
        coder = model.autoencoder
        coder.decode = _compiled(coder.decode, device)  # type: ignore[method-assign]


def check_compiler(device: torch.device) -> None:
    """Raise BadInput unless this machine has what `torch.compile` calls."""
    if device.type == "cuda":
        if importlib.util.find_spec("triton") is None:
            raise BadInput("compiling for a GPU needs triton (pip install triton)")
        return
    import torch._inductor.config as inductor  # takes a while to import

    names = [name for name in inductor.cpp.cxx if name]
    if not any(shutil.which(name) for name in names):
        wanted = " or ".join(names)
        raise BadInput(f"compiling needs a C++ compiler ({wanted}): none is installed")
    if not (Path(sysconfig.get_path("include")) / "Python.h").is_file():
        raise BadInput("compiling needs Python's header files (python3-dev): there are none")


def _compiled(call: Callable[Given, Tensor], device: torch.device) -> Callable[Given, Tensor]:
    """The call compiled; what it returns is the caller's, whatever is replayed afterwards."""
    if device.type != "cuda":
        return torch.compile(call)
    replayed = torch.compile(call, mode="reduce-overhead")

    def kept(*args: Given.args, **kwargs: Given.kwargs) -> Tensor:
        torch.compiler.cudagraph_mark_step_begin()
        return replayed(*args, **kwargs).clone()

    return kept

"""PyTorch files, which are pickles, read in a process of their own that may do little.

`weights_only=True` runs no code of the file's. Should that ever fail, or the file ask for all
memory of the machine, it happens to a process with limits and not to the caller.
"""

import subprocess
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path

from openfloat.errors import BadCheckpoint

LONGEST_S = 900
"""Of the processor."""
SPARE_BYTES = 4 * 2**30
"""Memory above a multiple of the file's size; torch itself takes a part of it."""
COPIES = 3
REFUSED = 3
"""Exit status of a refusal in words."""


def unpickled(file: Path, target: Path) -> Path:
    """Turn a flat dictionary of tensors in a PyTorch file into a safetensors file.

    Args:
        file: what `torch.save` wrote.
        target: the safetensors file to write.

    Raises:
        BadCheckpoint: it is missing, damaged, holds anything but tensors by name, or takes more
            memory or time than a file of its size can need.
    """
    if not file.is_file():
        raise BadCheckpoint(f"{file}: no such file")
    command = [sys.executable, "-P", "-m", "openfloat.weights.unpickle", str(file), str(target)]
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=2 * LONGEST_S,
            text=True, errors="replace", check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise BadCheckpoint(f"{file}: reading it takes too long") from None
    if done.returncode == REFUSED:
        raise BadCheckpoint(f"{file}: {' '.join(done.stderr.split())[-300:]}")
    if done.returncode:
        raise BadCheckpoint(
            f"{file}: reading it was stopped; it is damaged, or asks for too much memory or time"
        )
    return target


def limit(num_bytes: int) -> None:
    """Bound what this process may take to read a file of some size."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    for kind, most in (
        (resource.RLIMIT_DATA, SPARE_BYTES + COPIES * num_bytes),
        (resource.RLIMIT_FSIZE, COPIES * num_bytes + 2**20),
        (resource.RLIMIT_CPU, LONGEST_S),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def convert(file: Path, target: Path) -> None:
    """What the process of its own does; ValueError where the file is refused."""
    import pickle

    import torch
    from safetensors.torch import save_file
    from torch import Tensor

    torch.set_num_threads(1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickles that are not torch's; they are refused
            try:
                state = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
            except RuntimeError:  # files of before PyTorch 1.6 cannot be mapped
                state = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, TypeError,
            KeyError, AttributeError, IndexError) as error:  # fmt: skip
        raise ValueError("no PyTorch file of tensors that is complete") from error
    if not isinstance(state, Mapping) or not state:
        raise ValueError("the file holds no tensors by name")
    strange = [
        str(n) for n, v in state.items() if not isinstance(v, Tensor) or not isinstance(n, str)
    ]
    if strange:
        raise ValueError(f"not tensors but something else: {', '.join(sorted(strange)[:6])[:200]}")
    save_file(
        {name: tensor.detach().clone().contiguous() for name, tensor in state.items()}, target
    )


def main() -> int:
    """Run `convert` within limits; what is wrong goes to standard error."""
    file, target = map(Path, sys.argv[1:])
    limit(file.stat().st_size)
    try:
        convert(file, target)
    except ValueError as error:
        sys.stderr.write(str(error))
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())

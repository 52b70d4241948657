"""How fast a run is, and what share of the machine's speed it uses."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

SIDE, ROUNDS = 768, 5
"""Of the matrices whose product stands for the machine's peak."""


class FlopCounter(TorchDispatchMode):
    """A context that counts products and convolutions inside, backward passes included.

    torch's own FlopCounterMode also sorts them by module, which gradient penalties do not bear.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run an operation and add what it costs."""
        result = func(*args, **(kwargs or {}))
        if (cost := flop_registry.get(func._overloadpacket)) is not None:
            self.total += cost(*args, **(kwargs or {}), out_val=result)
        return result


class Speedometer:
    """Counts a step's arithmetic and times what follows.

    The peak is the best speed of a product of square matrices on the same device in the same
    precision, measured when the run begins; the share leaves out what is neither a matrix product
    nor a convolution.

    Args:
        device: where the run computes.
        dtype: of its products.
        processes: that share the work, each with such a device.
    """

    def __init__(self, device: torch.device, dtype: torch.dtype, processes: int) -> None:
        self._peak = processes * peak_flops(device, dtype)
        self._flops_per_clip = 0.0
        self._began, self._first = time.monotonic(), 0

    @contextmanager
    def counting(self, clips: int) -> Iterator[None]:
        """Count what so many samples of this process cost, inside."""
        counter = FlopCounter()
        with counter:
            yield
        self._flops_per_clip = counter.total / clips

    def start(self, clips: int) -> None:
        """Begin to time at so many samples seen."""
        self._began, self._first = time.monotonic(), clips

    def read(self, clips: int) -> dict[str, float]:
        """Samples a second and the share of the peak since the last reading, and begin anew."""
        now = time.monotonic()
        speed = (clips - self._first) / max(now - self._began, 1e-9)
        self.start(clips)
        share = speed * self._flops_per_clip / self._peak
        return {"clips_per_s": round(speed, 2), "share_of_peak": round(share, 3)}


def peak_flops(device: torch.device, dtype: torch.dtype) -> float:
    """Multiplications and additions a second of a square matrix product, the best of a few."""
    a = torch.ones(SIDE, SIDE, device=device, dtype=dtype)
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.perf_counter()
        float((a @ a)[0, 0])  # waits for the device
        best = min(best, time.perf_counter() - began)
    return 2 * SIDE**3 / best

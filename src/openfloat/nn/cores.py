"""Several cores without layers that wait for each other: whole frames side by side, work ahead.

Torch shares every layer among all cores and waits for the slowest, thousands of times a second.
Where another program runs, each wait may last until that program is set aside; one piece of work on
one core waits for nobody.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor

Item = TypeVar("Item")


@contextmanager
def one_core_each() -> Iterator[None]:
    """Layers within the block take one core; afterwards torch may use as many as before."""
    cores = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(cores)


def side_by_side(call: Callable[[int], Tensor], count: int, cores: int) -> list[Tensor]:
    """`call(0)` ... `call(count - 1)`, on several cores at once, each call on one of them.

    With one core, or one call, it runs here and as torch is set.
    """
    workers = min(cores, count)
    if workers < 2:
        return [call(number) for number in range(count)]
    with (
        one_core_each(),
        ThreadPoolExecutor(workers, "frames", torch.set_num_threads, (1,)) as pool,
    ):
        return list(pool.map(call, range(count)))


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, the next one being made, on one core, while the caller has the last one."""
    with ThreadPoolExecutor(1, "ahead", torch.set_num_threads, (1,)) as pool:
        following = pool.submit(list[Item], _first(items))
        while found := following.result():
            following = pool.submit(list[Item], _first(items))
            yield found[0]


def _first(items: Iterator[Item]) -> Iterator[Item]:
    """At most one item, taken when it is asked for."""
    for item in items:
        yield item
        return

"""Work side by side and ahead: the same results, the same errors, torch as it was."""

import threading
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from openfloat.nn.cores import ahead, one_core_each, side_by_side


def test_results_come_in_order_each_made_on_one_core() -> None:
    torch.set_num_threads(2)
    pairs = side_by_side(lambda n: torch.tensor([n, torch.get_num_threads()]), 7, 2)
    assert torch.stack(pairs).tolist() == [[n, 1] for n in range(7)]
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("cores", [1, 3])
def test_an_error_of_one_call_reaches_the_caller_and_torch_stays_as_it_was(cores: int) -> None:
    def call(number: int) -> Tensor:
        if number == 3:
            raise RuntimeError("frame 3")
        return torch.tensor(number)

    torch.set_num_threads(2)
    with pytest.raises(RuntimeError, match="frame 3"):
        side_by_side(call, 5, cores)
    assert torch.get_num_threads() == 2


def test_within_one_core_each_layers_take_one_core() -> None:
    torch.set_num_threads(2)
    with one_core_each():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def counting(made: list[int], last: int) -> Iterator[int]:
    for number in range(last):
        made.append(number)
        yield number


def test_the_next_item_is_made_while_the_caller_has_the_last_one() -> None:
    begun = threading.Event()

    def items() -> Iterator[str]:
        yield "first"
        begun.set()
        yield "second"

    stream = ahead(items())
    assert next(stream) == "first"
    assert begun.wait(timeout=10)
    assert list(stream) == ["second"]


def test_only_one_item_is_made_ahead_and_none_after_the_end() -> None:
    made: list[int] = []
    stream, threads = ahead(counting(made, 5)), threading.active_count()
    assert next(stream) == 0
    stream.close()
    assert made in ([0], [0, 1])
    assert threading.active_count() == threads
    assert list(ahead(iter([]))) == []
    assert list(ahead(counting([], 4))) == [0, 1, 2, 3]


def test_an_error_in_the_making_comes_where_its_item_would() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("window 2")

    stream = ahead(items())
    assert next(stream) == 1
    with pytest.raises(ValueError, match="window 2"):
        next(stream)

"""Live windows first, everything else one piece at a time."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from openfloat.serving import turns as module
from openfloat.serving.turns import Turns

SOON_S = 20


def test_a_piece_waits_for_a_pause() -> None:
    turns, begun = Turns(), Event()
    turns.pause.clear()

    def draw() -> None:
        with turns.piece():
            begun.set()

    with ThreadPoolExecutor() as pool:
        drawing = pool.submit(draw)
        assert not begun.wait(0.2)
        turns.pause.set()
        assert begun.wait(SOON_S)
        drawing.result(SOON_S)


def test_a_piece_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.05)
    turns = Turns()
    turns.pause.clear()
    with turns.piece():
        assert not turns.pause.is_set()


def test_one_piece_at_a_time_and_after_a_failed_one_too() -> None:
    turns, together, inside, most = Turns(), Barrier(4), [0], [0]

    def draw(number: int) -> None:
        together.wait(SOON_S)
        for _ in range(50):
            with turns.piece():
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                Event().wait(1e-4)
                inside[0] -= 1
        if number == 0:
            with turns.piece():
                raise OSError("broken")

    with ThreadPoolExecutor(4) as pool:
        drawings = [pool.submit(draw, number) for number in range(4)]
        with pytest.raises(OSError, match="broken"):
            drawings[0].result(SOON_S)
        for drawing in drawings[1:]:
            drawing.result(SOON_S)
    assert most == [1]
    with turns.piece():
        pass

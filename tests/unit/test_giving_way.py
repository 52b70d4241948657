import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from openfloat.serving import giving_way
from openfloat.serving.giving_way import Pauses, give_way


@pytest.mark.skipif(sys.platform != "linux", reason="threads are scheduled together elsewhere")
def test_a_thread_that_gives_way_and_what_it_starts_work_while_no_other_wants_to() -> None:
    def policy() -> int:
        return os.sched_getscheduler(0)

    def works() -> tuple[int, int]:
        give_way()
        with ThreadPoolExecutor(1) as helper:
            return policy(), helper.submit(policy).result()

    before = policy()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(works).result() == (os.SCHED_IDLE, os.SCHED_IDLE)
    assert policy() == before != os.SCHED_IDLE


def test_other_work_waits_for_a_pause_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = Pauses()
    pauses.wait()  # nothing is drawn yet
    pauses.end()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(pauses.wait)
        time.sleep(0.1)
        assert not waiting.done()
        pauses.begin()
        waiting.result(5)
    pauses.end()
    monkeypatch.setattr(giving_way, "PATIENCE_S", 0.01)
    pauses.wait()

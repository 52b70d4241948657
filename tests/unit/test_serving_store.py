"""What the store of jobs promises, whatever happens to the server."""

import itertools
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra 'serve' is not installed")

from openfloat.errors import Busy
from openfloat.serving.rows import Job
from openfloat.serving.store import MOST_ATTEMPTS, Reused, Store

numbers = (f"{number:032x}" for number in itertools.count())


@contextmanager
def opened(folder: Path, most_queued: int = 9) -> Iterator[Store]:
    with closing(Store(folder, most_queued=most_queued, most_portraits=1)) as store:
        yield store


def add(store: Store, owner: str = "me", key: str | None = None, digest: str = "a") -> Job:
    number = next(numbers)
    files = store.folder / "incoming" / number
    files.mkdir()
    for name in ("portrait", "speech"):
        (files / name).write_bytes(b"x")
    return store.add_job(number, files, owner=owner, options="{}", key=key, digest=digest)[0]


def test_jobs_run_in_the_order_of_their_coming(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        wanted = [add(store).id for _ in range(3)]
        claimed = [store.claim() for _ in range(4)]
        assert [job and job.id for job in claimed] == [*wanted, None]
        assert store.counts() == {"queued": 0, "running": 3, "done": 0, "failed": 0}


def test_a_key_makes_one_job_for_each_owner(tmp_path: Path) -> None:
    with opened(tmp_path, most_queued=2) as store:
        job = add(store, key="k")
        assert add(store, key="k").id == job.id
        assert add(store, owner="you", key="k").id != job.id
        with pytest.raises(Reused):
            add(store, key="k", digest="b")
        with pytest.raises(Busy, match="2 jobs"):
            add(store)
        assert add(store, key="k").id == job.id, "the queue being full does not matter to it"


def test_nobody_sees_or_drops_what_belongs_to_others(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        job = add(store)
        assert store.job(job.id, "you") is None
        assert not store.drop_job(job.id, "you")
        assert store.job(job.id, "me") == job
        (tmp_path / "incoming" / "face").write_bytes(b"x")
        store.add_portrait("face", tmp_path / "incoming" / "face", "me")
        (tmp_path / "incoming" / "face").write_bytes(b"x")
        assert store.portrait("face", "you", tmp_path) is None
        assert not store.drop_portrait("face", "you")
        with pytest.raises(Busy, match="portraits"):
            store.add_portrait("other", tmp_path / "incoming" / "face", "me")
        assert store.drop_portrait("face", "me")
        assert not list((tmp_path / "portraits").iterdir())


def test_a_job_that_stops_every_server_is_given_up(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        number = add(store).id
    for _ in range(MOST_ATTEMPTS):
        with opened(tmp_path) as store:
            job = store.claim()
            assert job is not None
            assert job.id == number
    with opened(tmp_path) as store:
        job = store.job(number, "me")
        assert job is not None
        assert (job.state, store.claim()) == ("failed", None)
        assert "stopped" in str(job.error)


def test_a_job_set_aside_by_a_server_that_stops_is_not_to_blame(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        number = add(store).id
        for _ in range(2 * MOST_ATTEMPTS):
            assert store.claim() is not None
            store.requeue(number)
    with opened(tmp_path) as store:
        assert store.counts()["queued"] == 1


def test_what_is_finished_keeps_its_result_until_it_is_too_old(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        old, new, waiting = (add(store) for _ in range(3))
        for job in (old, new):
            assert store.claim() is not None
            (tmp_path / "jobs" / job.id / "result.mp4").write_bytes(b"x")
            store.finish(job.id)
            assert {p.name for p in (tmp_path / "jobs" / job.id).iterdir()} == {"result.mp4"}
        assert store.expire(0, most_kept=2) == 0
        assert store.expire(0, most_kept=1) == 1
        assert store.job(old.id, "me") is None
        assert not (tmp_path / "jobs" / old.id).exists()
        assert store.expire(time.time() + 1, most_kept=9) == 1
        assert [path.name for path in (tmp_path / "jobs").iterdir()] == [waiting.id]


def test_a_job_dropped_while_it_runs_leaves_no_files(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        number = add(store).id
        assert store.claim() is not None
        assert store.advance(number, 1, 2)
        assert store.drop_job(number, "me")
        assert not store.advance(number, 2, 2)
        (tmp_path / "jobs" / number).mkdir()  # a writer that was not told yet
        store.requeue(number)
        assert not list((tmp_path / "jobs").iterdir())


def test_files_that_belong_to_nothing_go_when_a_server_starts(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        number = add(store).id
    (tmp_path / "jobs" / "stranger").mkdir()
    (tmp_path / "drawing" / number).mkdir()
    (tmp_path / "portraits" / "stranger").write_bytes(b"x")
    with opened(tmp_path):
        assert {p.name for p in (tmp_path / "jobs" / number).iterdir()} == {"portrait", "speech"}
        assert [path.name for path in (tmp_path / "jobs").iterdir()] == [number]
        assert not list((tmp_path / "portraits").iterdir())
        assert not list((tmp_path / "drawing").iterdir())

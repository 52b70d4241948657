"""Servers that share a Postgres and a bucket: no job is lost, and none is drawn twice."""

import io
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import av
import pytest

for needed in ("fastapi", "uvicorn", "python_multipart", "httpx"):
    pytest.importorskip(needed, reason="the extra 'serve' or what its tests need is not installed")

if True:  # imported once all is known to be there
    from clouds import make_bucket, postgres, s3
    from servers import Server, running

    from openfloat.errors import BadInput, Busy
    from openfloat.serving.database import Away
    from openfloat.serving.rows import Job
    from openfloat.serving.store import LEASE_S, Reused, Store

pytestmark = pytest.mark.slow
RESULTS = "s3://videos/talks"


@pytest.fixture(scope="module")
def shared() -> Iterator[str]:
    """The URL of a database, and an environment in which the bucket `videos` is there."""
    with postgres() as url, s3() as environment, pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        make_bucket("videos")
        yield url


@pytest.fixture
def stores(shared: str, tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    """Two servers' stores without any job."""
    with ExitStack() as stack:
        two = tuple(
            Store(tmp_path / name, most_queued=3, most_portraits=1, database=shared,
                  results=RESULTS)
            for name in "ab"
        )  # fmt: skip
        for store in two:
            stack.callback(store.close)
        two[0].expire(time.time() + 1, most_kept=0)
        two[0]._base.run("DELETE FROM jobs")
        yield two


def add(store: Store, number: int, key: str | None = None, digest: str = "a") -> Job:
    name = f"{number:032x}"
    files = store.folder / "incoming" / name
    files.mkdir()
    for kind in ("portrait", "speech"):
        (files / kind).write_bytes(f"{kind} {number}".encode())
    return store.add_job(name, files, owner="me", options="{}", key=key, digest=digest)[0]


def names(store: Store) -> set[str]:
    return {number for kind in ("jobs", "portraits") for number, _ in store.files.ids(kind)}


def test_one_draws_what_the_other_took(stores: tuple[Store, Store], tmp_path: Path) -> None:
    a, b = stores
    first, second = add(a, 1, key="k"), add(b, 2)
    assert add(b, 3, key="k").id == first.id, "a key means the same to all"
    assert names(b) == {first.id, second.id}, "nothing is left of what was sent twice"
    with pytest.raises(Reused):
        add(b, 4, key="k", digest="b")
    add(a, 5)
    with pytest.raises(Busy, match="3 jobs"):
        add(b, 6)
    claimed = [b.claim(), a.claim()]
    assert [job and job.id for job in claimed] == [first.id, second.id]
    near = b.files.near(f"jobs/{first.id}/speech", tmp_path)
    assert near.read_bytes() == b"speech 1"
    (tmp_path / "made").write_bytes(b"video")
    b.files.put(tmp_path / "made", f"jobs/{first.id}/result.mp4")
    b.finish(first.id)
    done = a.job(first.id, "me")
    assert done is not None
    assert done.state == "done"
    length, blocks = a.files.read(f"jobs/{first.id}/result.mp4")
    assert (length, b"".join(blocks)) == (5, b"video")
    with pytest.raises(FileNotFoundError):
        a.files.near(f"jobs/{first.id}/speech", tmp_path)
    (tmp_path / "face").write_bytes(b"face")
    a.add_portrait("f" * 32, tmp_path / "face", "me")
    face = b.portrait("f" * 32, "me", tmp_path)
    assert face is not None
    assert face.read_bytes() == b"face"
    assert b.drop_portrait("f" * 32, "me")
    assert a.drop_job(first.id, "me")
    assert not names(a) & {first.id, "f" * 32}


def test_a_dead_server_loses_its_job_to_another_after_a_while(
    stores: tuple[Store, Store], shared: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    a, b = stores
    number = add(a, 1).id
    assert a.claim() is not None
    b.beat()
    assert b.claim() is None, "it lives"
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + LEASE_S / 2)
    a.beat()
    monkeypatch.setattr("time.time", lambda: now + LEASE_S + 1)
    b.beat()
    assert b.claim() is None, "it has shown that it lives"
    monkeypatch.setattr("time.time", lambda: now + 2 * LEASE_S)
    b.beat()
    taken = b.claim()
    assert taken is not None
    assert taken.id == number
    assert not a.advance(number, 1, 2), "it is not the first one's any more"
    a.finish(number, "too late")
    assert (job := b.job(number, "me")) is not None
    assert (job.state, job.attempts) == ("running", 2)
    b.close()
    again = Store(tmp_path / "b", most_queued=3, most_portraits=1, database=shared, results=RESULTS)
    assert (job := again.job(number, "me")) is not None
    assert job.state == "queued", "who starts again on its folder waits for nobody"
    again.close()


def test_a_lost_connection_is_made_again(stores: tuple[Store, Store]) -> None:
    a, b = stores
    add(a, 1)
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    b._base.run(cut + " AND application_name = 'openfloat'")
    assert a.counts()["queued"] == 1
    b._base.run(cut + " AND application_name = 'openfloat'")
    assert add(a, 2).state == "queued"
    with pytest.raises(Away), a._base.alone():  # noqa: PT012
        a._base.run("DELETE FROM jobs")
        b._base.run(cut + " AND application_name = 'openfloat'")
        a._base.run("SELECT 1")
    assert b.counts()["queued"] == 2, "half of a block counts for nothing"
    assert a.claim() is not None


def test_what_cannot_be_used_is_said(shared: str, tmp_path: Path) -> None:
    for database, results, words in (
        (shared, "", "--results"),
        ("mysql://x", RESULTS, "postgresql://"),
        ("postgresql://127.0.0.1:1/x", RESULTS, "database"),
        ("", "s3://nowhere/x", "nowhere"),
        ("", "gopher://x", "gopher"),
    ):
        with pytest.raises(BadInput, match=words):
            Store(tmp_path, most_queued=1, most_portraits=1, database=database, results=results)
    Store(tmp_path, most_queued=1, most_portraits=1).close()


def test_two_servers_share_jobs_and_one_may_be_killed(
    shared: str, tiny: Path, small_face: Path, speech: Path, tmp_path: Path
) -> None:
    options = ("--store", shared, "--results", RESULTS, "--model", str(tiny))
    sent = {
        "files": {"portrait": small_face.read_bytes(), "speech": speech.read_bytes()},
        "data": {"options": '{"sample": {"nfe": 1}, "crop": {"crop": false}}'},
    }

    def ask(server: Server) -> str:
        answer = server.http.post("/v1/videos", **sent)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    with running(tmp_path / "a", *options) as a, running(tmp_path / "b", *options) as b:
        numbers = [ask(a) for _ in range(5)]
        b.wait_for_state(numbers[1], "running", "done")
        a.stop(signal.SIGKILL)
        numbers.append(ask(b))
        Store(
            tmp_path / "a", most_queued=3, most_portraits=1, database=shared, results=RESULTS
        ).close()  # what it was drawing when it died waits again
        for number in numbers:
            b.wait_for_state(number, "done")
            video = b.http.get(f"/v1/videos/{number}/result")
            assert int(video.headers["Content-Length"]) == len(video.content)
            with av.open(io.BytesIO(video.content)) as container:
                assert sum(1 for packet in container.demux(video=0) if packet.size) > 25
    drawn = [e["job"] for server in (a, b) for e in server.log if e.get("state") == "done"]
    assert len(drawn) == len(set(drawn)), "none is drawn twice"
    assert {e["job"] for e in b.log if e.get("state") == "done"}

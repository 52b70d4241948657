"""Processes killed with SIGKILL at random moments: nothing half-written, everything goes on."""

import fcntl
import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import pytest
import torch
from nursery import Nursery

from openfloat.batch.ledger import LOCK
from openfloat.motion.file import load_motion
from openfloat.training.checkpoint import load_checkpoint, same_bits
from openfloat.training.log import read_lines

pytestmark = [pytest.mark.crash, pytest.mark.timeout(3600)]
FRAMES = 25
RECIPE = """
from dataclasses import replace
from openfloat.training.config import Stage
from openfloat.training.recipes import tiny_reader

def recipe():
    return replace(tiny_reader(), stages=(Stage(clips=40, batch=2),), log_clips=2,
                   checkpoint_s=0.0, warmup_clips=4)
"""


def frames_of(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def killed_after(nursery: Nursery, number: int, seconds: float) -> int:
    """Let a child live for some time, kill it, and say how it ended."""
    time.sleep(seconds)
    os.kill(number, signal.SIGKILL)
    return nursery.wait(number)


def wait_until_free(lock: Path) -> None:
    """What a killed batch had started goes with it, soon."""
    late = time.monotonic() + 60
    while lock.exists():
        with lock.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                assert time.monotonic() < late, "something of a killed batch lives on"
                time.sleep(0.02)
                continue
        return


def timed(nursery: Nursery, job: str, *arguments: object) -> float:
    """Seconds that a job takes when nobody kills it."""
    started = time.monotonic()
    assert nursery.wait(nursery.fork(job, *arguments)) == 0, nursery.log.read_text()[-2000:]
    return time.monotonic() - started


@pytest.mark.parametrize("kind", ["animate", "motion draw"])
def test_a_killed_command_leaves_a_whole_file_or_none(
    kind: str,
    nursery: Nursery,
    rounds: int,
    tiny: Path,
    small_face: Path,
    voice: Path,
    tmp_path: Path,
) -> None:
    target = tmp_path / ("talk.mp4" if kind == "animate" else "talk.safetensors")
    whole: Callable[[Path], int] = (
        frames_of if kind == "animate" else lambda path: len(load_motion(path))
    )
    arguments = (*kind.split(), small_face, voice, "-o", target, "--model", tiny, "--nfe", "1",
                 "--no-crop", "--emotion", "neutral")  # fmt: skip
    lasts = timed(nursery, "command", *arguments)
    chance, ends = random.Random(7), []
    for number in range(rounds):
        if number % 2:
            target.unlink(missing_ok=True)
        child = nursery.fork("command", *arguments)
        ends.append(killed_after(nursery, child, chance.uniform(0, 1.05 * lasts)))
        assert set(visible(tmp_path)) <= {target.name}
        if target.exists():
            assert whole(target) == FRAMES
    assert set(ends) <= {0, -signal.SIGKILL}
    assert ends.count(-signal.SIGKILL) > rounds // 2, "too few were alive when they were killed"
    assert nursery.wait(nursery.fork("command", *arguments)) == 0
    assert [path.name for path in tmp_path.iterdir()] == [target.name], (
        "drafts of the dead are gone"
    )
    assert whole(target) == FRAMES


def test_a_killed_training_goes_on_as_if_nothing_had_happened(
    nursery: Nursery, rounds: int, tmp_path: Path
) -> None:
    sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))
    from drawn_pictures import write_drawn_pictures

    write_drawn_pictures(tmp_path / "cache" / "pictures")
    recipe, run = tmp_path / "short.py", tmp_path / "run"
    recipe.write_text(RECIPE)
    lasts = timed(nursery, "train", recipe, tmp_path / "whole", tmp_path / "cache")
    expected, finished = load_checkpoint(tmp_path / "whole"), 0
    assert expected is not None
    chance, clips = random.Random(8), 0
    for _ in range(rounds):
        child = nursery.fork("train", recipe, run, tmp_path / "cache")
        end = killed_after(nursery, child, chance.uniform(0, 0.6 * lasts))
        assert end in (0, -signal.SIGKILL), nursery.log.read_text()[-2000:]
        found = load_checkpoint(run)
        assert found is not None or not clips
        if found is None:
            continue
        assert found[0]["clips"] >= clips
        clips = found[0]["clips"]
        if clips == 40:
            finished += 1
            assert_same(found, expected)
            assert trace(run) == trace(tmp_path / "whole")
            shutil.rmtree(run)
            clips = 0
    timed(nursery, "train", recipe, run, tmp_path / "cache")
    found = load_checkpoint(run)
    assert found is not None
    assert_same(found, expected)
    assert trace(run) == trace(tmp_path / "whole")


def test_a_killed_batch_makes_every_video_once(
    nursery: Nursery, rounds: int, tiny: Path, small_face: Path, voice: Path, tmp_path: Path
) -> None:
    options = {"sample": {"nfe": 1, "emotion": "neutral"}, "crop": {"crop": False}}
    row = {"portrait": str(small_face), "speech": str(voice), "options": options}
    listed, out, names = tmp_path / "list.jsonl", tmp_path / "out", ["a", "b", "c", "d"]
    listed.write_text("".join(json.dumps({**row, "name": name}) + "\n" for name in names))
    arguments = (listed, out, "--model", tiny, "--workers", "2")
    lasts = timed(nursery, "batch", *arguments)
    shutil.rmtree(out)
    chance, ends = random.Random(10), []
    noted: dict[str, int] = {}
    for _ in range(rounds):
        child = nursery.fork("batch", *arguments)
        ends.append(killed_after(nursery, child, chance.uniform(0, 0.8 * lasts)))
        wait_until_free(out / LOCK)
        made = {video.stem: video.stat().st_mtime_ns for video in out.glob("*.mp4")}
        assert all(frames_of(out / f"{name}.mp4") == FRAMES for name in made)
        assert all(made[name] == when for name, when in noted.items()), "none is made twice"
        notes = sorted((out / ".rows").glob("*.json"))
        assert all(json.loads(note.read_text())["status"] == "done" for note in notes)
        noted = {note.stem: made[note.stem] for note in notes}
        if len(noted) == len(names):
            shutil.rmtree(out)
            noted = {}
    assert set(ends) <= {0, -signal.SIGKILL}, nursery.log.read_text()[-2000:]
    assert ends.count(-signal.SIGKILL) > rounds // 2, "too few were alive when they were killed"
    timed(nursery, "batch", *arguments)
    lines = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    assert [(line["name"], line["status"]) for line in lines] == [(n, "done") for n in names]
    assert visible(out) == [*(f"{name}.mp4" for name in names), "results.jsonl"]
    assert not list(out.glob(".*.partial")), "drafts of the dead are gone"
    assert all(frames_of(out / f"{name}.mp4") == FRAMES for name in names)


Checkpoint = tuple[dict[str, object], dict[str, torch.Tensor]]


def assert_same(found: Checkpoint, expected: Checkpoint) -> None:
    """Two runs are the same bit for bit."""
    assert found[0] == expected[0]
    assert found[1].keys() == expected[1].keys()
    assert all(same_bits(found[1][name], tensor) for name, tensor in expected[1].items())


def trace(run: Path) -> list[dict[str, float]]:
    """What a run has logged, but for its speed."""
    speeds = ("clips_per_s", "share_of_peak")
    return [{k: v for k, v in line.items() if k not in speeds} for line in read_lines(run)]


class Host:
    """A forked server."""

    def __init__(self, nursery: Nursery, tiny: Path, data: Path) -> None:
        import httpx

        self._nursery = nursery
        before = nursery.log.stat().st_size
        self.number = nursery.fork("command", "serve", "--port", "0", "--data", data, "--model",
                                   tiny, "--most-queued", "500")  # fmt: skip
        port = None
        deadline = time.monotonic() + 120
        while port is None:
            assert time.monotonic() < deadline, nursery.log.read_text()[-2000:]
            time.sleep(0.01)
            for line in nursery.log.read_bytes()[before:].splitlines():
                if line.startswith(b"{") and b'"listening"' in line and line.endswith(b"}"):
                    port = json.loads(line)["port"]
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)

    def kill(self) -> None:
        os.kill(self.number, signal.SIGKILL)
        assert self._nursery.wait(self.number) == -signal.SIGKILL
        self.http.close()


def test_a_killed_server_keeps_every_job_that_it_took(
    nursery: Nursery, rounds: int, tiny: Path, small_face: Path, voice: Path, tmp_path: Path
) -> None:
    httpx = pytest.importorskip("httpx")
    pytest.importorskip("uvicorn")
    pytest.importorskip("python_multipart")
    options = json.dumps({"sample": {"nfe": 1, "emotion": "neutral"}, "crop": {"crop": False}})
    form = {
        "files": {"portrait": small_face.read_bytes(), "speech": voice.read_bytes()},
        "data": {"options": options},
    }
    chance, data = random.Random(9), tmp_path / "data"
    kills = done = 0
    while kills < rounds:
        taken: list[str] = []
        # a job that is there when the server dies three times is given up, so two of three do
        for last in (False, False, True):
            host = Host(nursery, tiny, data)
            try:
                if not last:
                    for _ in range(2):
                        answer = host.http.post("/v1/videos", **form)
                        assert answer.status_code == 202, answer.text
                        taken.append(answer.json()["id"])
                    time.sleep(chance.uniform(0, 0.6))
                    assert_whole(host, taken, "queued", "running", "done")
                else:
                    deadline = time.monotonic() + 300
                    while not all(state(host, job) == "done" for job in taken):
                        assert time.monotonic() < deadline
                        time.sleep(0.05)
                    assert_whole(host, taken, "done")
                    done += len(taken)
            except httpx.TransportError:
                pytest.fail(nursery.log.read_text()[-2000:])
            finally:
                host.kill()
                kills += 1
    host = Host(nursery, tiny, data)
    host.kill()
    assert done
    assert not list((data / "incoming").iterdir())
    assert not list((data / "drawing").iterdir()), "drafts of the dead are gone"


def state(host: Host, job: str) -> str:
    return str(host.http.get(f"/v1/videos/{job}").raise_for_status().json()["status"])


def assert_whole(host: Host, jobs: list[str], *states: str) -> None:
    """Each job is in one of the states, and what is done can be seen from start to end."""
    for job in jobs:
        now = state(host, job)
        assert now in states
        if now == "done":
            content = host.http.get(f"/v1/videos/{job}/result").raise_for_status().content
            assert len(content) > 1000
            assert content[4:8] == b"ftyp"
            assert b"moov" in content

"""Many videos from a list: by processes and by Ray, resumed after kills, errors row by row."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest

from openfloat.audio.io import load_audio
from openfloat.cli.main import run

SECOND = 16_000


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of speech."""
    from scipy.io import wavfile

    demo = Path(__file__).parents[2] / "src" / "openfloat" / "assets" / "demo" / "speech.wav"
    path = tmp_path_factory.mktemp("sound") / "short.wav"
    wavfile.write(path, SECOND, load_audio(demo)[:SECOND])
    return path


def write_list(path: Path, portrait: Path, short: Path, rows: list[dict[str, object]]) -> Path:
    lines = [{"portrait": str(portrait), "speech": str(short), "nfe": 1, **row} for row in rows]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def results(folder: Path) -> dict[str, dict[str, object]]:
    lines = (folder / "results.jsonl").read_text().splitlines()
    return {row["name"]: row for row in map(json.loads, lines)}


def frames_of(video: Path) -> int:
    with av.open(str(video)) as container:
        return sum(1 for _ in container.decode(video=0))


def children(number: int) -> list[int]:
    """Processes that a process has started."""
    stats = {int(p.parent.name): p.read_text() for p in Path("/proc").glob("[0-9]*/stat")}
    return [n for n, stat in stats.items() if int(stat.rpartition(")")[2].split()[1]) == number]


def test_a_list_becomes_videos_and_bad_rows_only_fail_themselves(
    portrait: Path, short: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows: list[dict[str, object]] = [
        {"name": "a"},
        {"name": "b", "seed": 3},
        {"name": "c", "portrait": "missing.jpg"},
        {"name": "d", "emotion": "joyful"},
    ]
    listed, out = write_list(tmp_path / "list.jsonl", portrait, short, rows), tmp_path / "out"
    with pytest.raises(SystemExit) as stop:
        run(["batch", str(listed), str(out)])
    assert stop.value.code == 1
    assert "2 of 4 videos" in capsys.readouterr().out
    found = results(out)
    assert [found[n]["status"] for n in "abcd"] == ["done", "done", "failed", "failed"]
    assert "missing.jpg" in str(found["c"]["error"])
    assert "joyful" in str(found["d"]["error"])
    assert {p.name for p in out.glob("*.mp4")} == {"a.mp4", "b.mp4"}
    assert frames_of(out / "a.mp4") == 25

    before = {p.name: p.stat().st_mtime_ns for p in out.glob("*.mp4")}
    rows = [{"name": "a"}, {"name": "b", "seed": 4}]
    assert run(["batch", str(write_list(listed, portrait, short, rows)), str(out)]) == 0
    after = {p.name: p.stat().st_mtime_ns for p in out.glob("*.mp4")}
    assert after["a.mp4"] == before["a.mp4"], "what is done is not made again"
    assert after["b.mp4"] > before["b.mp4"], "another request is"


def test_a_killed_batch_goes_on_and_leaves_no_half_video(
    portrait: Path, short: Path, tmp_path: Path
) -> None:
    listed = write_list(
        tmp_path / "list.jsonl", portrait, short, [{"name": f"v{k}"} for k in range(4)]
    )
    out = tmp_path / "out"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "openfloat", "batch", listed, out], env=environment
    )
    deadline = time.monotonic() + 200
    while not (out / ".rows" / "v0.json").exists():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    pool = children(process.pid)
    process.kill()
    process.wait()
    while any(Path(f"/proc/{number}/stat").exists() for number in pool):
        assert time.monotonic() < deadline, "a killed batch leaves no process behind"
        time.sleep(0.02)
    made = {video.name: video.stat().st_mtime_ns for video in out.glob("*.mp4")}
    assert 1 <= len(made) < 4
    assert all(frames_of(out / name) == 25 for name in made), "a video in place is whole"
    noted = [p.stem for p in (out / ".rows").glob("*.json")]
    (out / ".v3.mp4.left.partial").mkdir()  # as a killed writer leaves one
    assert run(["batch", str(listed), str(out)]) == 0
    assert {p.name for p in out.glob("*.mp4")} == {f"v{k}.mp4" for k in range(4)}
    assert all((out / f"{n}.mp4").stat().st_mtime_ns == made[f"{n}.mp4"] for n in noted)
    assert not list(out.glob(".*.partial"))

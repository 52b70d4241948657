"""Names of every kind, folders that cannot be written, disks that are full."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from watching import Outcome, assert_refused, everything_in

from openfloat.codec import to_json, write_json
from openfloat.config import ModelConfig
from openfloat.drafts import Draft, drafted
from openfloat.errors import NotWritten, OpenFloatError
from openfloat.motion.file import save_motion
from openfloat.motion.value import Motion
from openfloat.training.checkpoint import load_checkpoint, save_checkpoint
from openfloat.vision.video_writer import VideoWriter
from openfloat.weights.store import save_model

pytestmark = pytest.mark.hostile

NAMES = (
    "a talk.mp4", "it's.mp4", 'say "hi".mp4', "$(touch x).mp4", "`id`.mp4", "a;b&c|d.mp4",
    "-rf.mp4", "--help.mp4", "ünïcödé ☃ 說.mp4", "a\nb.mp4", "a\tb.mp4", "%s%n.mp4", "*?.mp4",
    "\\back\\slash.mp4", "http:x.mp4", "pipe:1.mp4", "file:x.mp4", "concat:a|b.mp4",
    "x" * 251 + ".mp4", "é" * 120 + ".mp4", ".hidden.mp4", "a.mp4.mp4", "UPPER.MP4", "%d.mp4",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:24])
def test_a_video_gets_any_name(
    name: str, told: Callable[..., Outcome], tiny: Path, small_face: Path, short: Path, out: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(out)
    outcome = told(
        "animate", small_face, short, f"--output={name}", "--model", tiny, "--nfe", "1",
        "--no-crop", "--emotion", "neutral",
    )  # fmt: skip
    assert outcome.status == 0, outcome.said
    assert list(everything_in(out)) == [name]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:24])
def test_files_are_read_whatever_their_name(name: str, portrait: Path, tmp_path: Path) -> None:
    from openfloat.vision.image import load_image

    path = tmp_path / name
    path.write_bytes(portrait.read_bytes())
    assert load_image(path).shape[2] == 3


REFUSED_OUTPUTS: dict[str, Callable[[Path], Path | str]] = {
    "no mp4": lambda folder: folder / "a.avi",
    "no suffix": lambda folder: folder / "a",
    "nothing": lambda _: "",
    "a missing folder": lambda folder: folder / "gone" / "a.mp4",
    "a folder": lambda folder: made(folder / "a.mp4"),
    "a file as folder": lambda folder: touched(folder / "file") / "a.mp4",
    "a name that is too long": lambda folder: folder / ("x" * 300 + ".mp4"),
    "a null byte": lambda folder: f"{folder}/a\0.mp4",
    "the kernel's folder": lambda _: "/proc/a.mp4",
    "the kernel's other folder": lambda _: "/sys/a.mp4",
}


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def touched(file: Path) -> Path:
    file.touch()
    return file


@pytest.mark.parametrize("name", REFUSED_OUTPUTS)
def test_a_name_that_no_video_can_have_is_refused(
    name: str, told: Callable[..., Outcome], tiny: Path, small_face: Path, short: Path, out: Path
) -> None:
    output = REFUSED_OUTPUTS[name](out)
    before = everything_in(out)
    outcome = told(
        "animate", small_face, short, f"--output={output}", "--model", tiny, "--nfe", "1",
        "--no-crop", "--emotion", "neutral",
    )  # fmt: skip
    assert_refused(outcome)
    assert everything_in(out) == before


def test_a_link_is_replaced_and_not_followed(
    told: Callable[..., Outcome], tiny: Path, small_face: Path, short: Path, out: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (out / "a.mp4").symlink_to(precious)
    outcome = told("animate", small_face, short, "-o", out / "a.mp4", "--model", tiny, "--nfe", "1",
                   "--no-crop", "--emotion", "neutral")  # fmt: skip
    assert outcome.status == 0
    assert precious.read_text() == "mine"
    assert not (out / "a.mp4").is_symlink()


@pytest.mark.parametrize("role", ["portrait", "speech", "model"])
@pytest.mark.parametrize("kind", ["a folder", "missing", "a loop of links", "a broken link",
                                  "/dev/full", "/dev/null", "a pipe"])  # fmt: skip
def test_what_is_no_file_is_refused(
    role: str, kind: str, told: Callable[..., Outcome], tiny: Path, small_face: Path, short: Path,
    tmp_path: Path, out: Path,
) -> None:  # fmt: skip
    path = tmp_path / "it"
    if kind == "a folder":
        path.mkdir()
    elif kind == "a loop of links":
        path.symlink_to(path)
    elif kind == "a broken link":
        path.symlink_to(tmp_path / "nowhere")
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind.startswith("/"):
        path = Path(kind)
    given = {"portrait": small_face, "speech": short, "model": tiny, role: path}
    assert_refused(told("animate", given["portrait"], given["speech"], "--model", given["model"],
                        "-o", out / "a.mp4", "--nfe", "1", "--no-crop"))  # fmt: skip
    assert not everything_in(out)


def writers(folder: Path) -> dict[str, Callable[[], object]]:
    """Everything that writes for users."""
    big = torch.zeros(300_000)

    def video() -> None:
        frames = np.random.default_rng(0).integers(0, 255, (8, 128, 128, 3), np.uint8)
        with VideoWriter(folder / "a.mp4", 128, 128, crf=0) as file:
            file.write(frames)

    return {
        "video": video,
        "motion": lambda: save_motion(
            folder / "m.safetensors", Motion(coefficients=big.reshape(-1, 20))
        ),
        "model": lambda: save_model(folder, to_json(ModelConfig.tiny()), {"a": big}),
        "json": lambda: write_json(["x" * 200_000], folder / "a.json"),
        "checkpoint": lambda: save_checkpoint(folder, {"clips": 1}, {"a": big}),
    }


WRITERS = ("video", "motion", "model", "json", "checkpoint")


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """No file of this process grows beyond a size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 100, 8192, 60_000])
@pytest.mark.parametrize("writer", WRITERS)
def test_a_file_that_may_not_grow_is_not_left_in_half(writer: str, size: int, out: Path) -> None:
    write = writers(out)[writer]
    with files_up_to(size), pytest.raises(NotWritten) as caught:
        write()
    assert "\n" not in str(caught.value)
    assert not everything_in(out)
    write()
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with files_up_to(size), pytest.raises(NotWritten):
        write()
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


FULL = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_hostile_paths_and_disks import everything_in, writers
from openfloat.errors import NotWritten
folder = Path({folder!r})
for name, write in writers(folder).items():
    try:
        write()
    except NotWritten as error:
        assert not everything_in(folder), (name, everything_in(folder))
        print(name, error)
    else:
        print(name, "was written")
"""


def test_a_full_disk_is_not_left_with_halves(out: Path) -> None:
    mount = ["unshare", "-rm", "sh", "-c",
             f'mount -t tmpfs -o size=96k none "{out}" && exec "$0" "$@"']  # fmt: skip
    if subprocess.run([*mount, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a full disk needs a small file system, which this user may not mount")
    code = FULL.format(tests=str(Path(__file__).parent), folder=str(out))
    done = subprocess.run(
        [*mount, sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(WRITERS)
    assert all("No space left" in line or "I/O error" in line for line in lines), done.stdout


@pytest.mark.parametrize("writer", WRITERS)
def test_a_folder_that_cannot_be_written_is_named(writer: str) -> None:
    with pytest.raises(NotWritten, match="/proc/self"):
        writers(Path("/proc/self"))[writer]()


def test_drafts_of_killed_writers_go_and_those_of_living_ones_stay(out: Path) -> None:
    living = Draft(out / "a.json")
    abandoned = out / ".a.json.abc.partial"
    abandoned.mkdir()
    (abandoned / "a.json").write_text("{")
    write_json([1], out / "a.json")
    assert not abandoned.exists()
    living.path.write_text("[2]")
    living.keep()
    assert (out / "a.json").read_text() == "[2]"
    assert list(everything_in(out)) == ["a.json"]


def test_an_error_while_writing_leaves_what_was_there(out: Path) -> None:
    write_json([1], out / "a.json")
    before = (out / "a.json").read_text()

    def fail(error: BaseException) -> None:
        with drafted(out / "a.json") as path:
            path.write_text("half")
            raise error

    for error in (RuntimeError("x"), KeyboardInterrupt(), OSError("x")):
        with pytest.raises((type(error), OpenFloatError)):
            fail(error)
    assert (out / "a.json").read_text() == before
    assert list(everything_in(out)) == ["a.json"]


def test_a_checkpoint_that_reads_back_wrongly_does_not_replace_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from openfloat.training import checkpoint

    save_checkpoint(tmp_path, {"clips": 1}, {"a": torch.ones(3)})
    real = checkpoint.load_file
    monkeypatch.setattr(checkpoint, "load_file", lambda path: {"a": real(path)["a"] + 1})
    with pytest.raises(NotWritten, match="something else"):
        save_checkpoint(tmp_path, {"clips": 2}, {"a": torch.full((3,), 2.0)})
    monkeypatch.undo()
    found = load_checkpoint(tmp_path)
    assert found is not None
    assert found[0] == {"clips": 1}

"""What the command line promises, seen from outside."""

import dataclasses
import re
import subprocess
import sys
import time
import typing
from pathlib import Path

import pytest

from openfloat.cli.main import Command, run
from openfloat.cli.released_names import translate

OPENFLOAT = Path(sys.executable).parent / "openfloat"
ROOT = Path(__file__).parents[2]


def test_every_command_is_told_of() -> None:
    readme = (ROOT / "README.md").read_text()
    told = (ROOT / "docs" / "reference" / "command-line.md").read_text()
    for command in typing.get_args(Command):
        kind, said = typing.get_args(command)
        assert re.search(rf"openfloat {said.name}\b", readme), f"{said.name} is not in the README"
        nested = typing.get_type_hints(kind, include_extras=True).get("command")
        leaves = classes_in(nested) if kind.__name__ in ("Motion", "Data") else [kind]
        assert leaves
        for leaf in leaves:
            assert f"::: {leaf.__module__}.{leaf.__qualname__}\n" in told


def classes_in(annotation: object) -> list[type]:
    """The dataclasses somewhere inside a type."""
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        return [annotation]
    return [found for part in typing.get_args(annotation) for found in classes_in(part)]


def test_every_picture_of_the_documents_is_shown_and_made_by_a_script() -> None:
    pages = "".join(p.read_text() for p in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
    scripts = "".join(p.read_text() for p in (ROOT / "benchmarks").glob("*.py"))
    for picture in (ROOT / "docs" / "pictures").iterdir():
        assert picture.name in pages, f"{picture.name} is shown nowhere"
        assert re.search(rf"\b{picture.stem}\b", scripts), f"no script makes {picture.name}"


def test_help_is_quick_and_loads_no_torch() -> None:
    probe = (
        "import sys; from openfloat.cli.main import run\n"
        "try: run(['--help'])\n"
        "except SystemExit: pass\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    command = [sys.executable, "-c", probe]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert result.returncode == 0, result.stderr
    for name in ("animate", "demo", "train", "convert", "info"):
        assert name in result.stdout
    best = min(_seconds_of_help() for _ in range(3))
    assert best < 2  # half a second on a quiet machine; importing torch would take three


def _seconds_of_help() -> float:
    started = time.perf_counter()
    subprocess.run([OPENFLOAT, "--help"], check=True, capture_output=True, timeout=30)
    return time.perf_counter() - started


def test_the_released_programs_flags_mean_the_same_here() -> None:
    theirs = (
        "animate --ref_path a.png --aud_path b.wav --emo happy --a_cfg_scale 3 --e_cfg_scale=0 "
        "--nfe 5 --seed 9 --no_crop --res_video_path c.mp4"
    )
    ours = (
        "animate a.png b.wav --emotion happy --audio-scale 3 --emotion-scale=0 "
        "--nfe 5 --seed 9 --no-crop --output c.mp4"
    )
    assert translate(theirs.split()) == ours.split()


def test_one_position_and_one_flag_go_together() -> None:
    assert translate(["animate", "me.png", "-a", "b.wav"]) == ["animate", "me.png", "b.wav"]
    assert translate(["animate", "-s", "me.png", "b.wav"]) == ["animate", "me.png", "b.wav"]
    assert translate(["info"]) == ["info"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.jpg", "SPEECH"], "missing.jpg"),
        (["PORTRAIT", "missing.wav"], "missing.wav"),
        (["PORTRAIT", "SPEECH", "--nfe", "0"], "nfe"),
        (["PORTRAIT", "SPEECH", "--seed", "-1"], "seed"),
        (["PORTRAIT", "SPEECH", "--audio-scale", "999"], "audio_scale"),
        (["PORTRAIT", "SPEECH", "--margin", "0"], "margin"),
        (["PORTRAIT", "SPEECH", "--model", "no-such-model"], "no-such-model"),
        (["PORTRAIT", "SPEECH", "--device", "abacus"], "abacus"),
        (["PORTRAIT", "PORTRAIT"], "portrait.jpg"),
        (["SPEECH", "SPEECH"], "speech.wav"),
        (["PORTRAIT", "SPEECH", "--face", "7"], "face"),
        (["PORTRAIT", "SPEECH", "-o", "no/such/folder/x.mp4"], "no/such/folder"),
    ],
)
def test_bad_input_ends_in_one_sentence_and_status_2(
    arguments: list[str],
    words: str,
    portrait: Path,
    speech: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    names = {"PORTRAIT": str(portrait), "SPEECH": str(speech)}
    assert run(["animate", *(names.get(word, word) for word in arguments)]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("openfloat: ")
    assert words in said
    assert "\n" not in said
    assert not list(tmp_path.iterdir())


def test_an_unknown_flag_ends_with_status_2() -> None:
    result = subprocess.run(
        [OPENFLOAT, "animate", "a", "b", "--no-such-flag"], capture_output=True, timeout=30
    )
    assert result.returncode == 2

"""Options out of range, of the wrong type, or that contradict each other."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from watching import Outcome, assert_refused, everything_in, refused

from openfloat.codec import from_json
from openfloat.mood import Mood
from openfloat.options import CropOptions, MarkOptions, MotionEdit, SampleOptions
from openfloat.serving.settings import ServeSettings

pytestmark = pytest.mark.hostile
NAN, INF = float("nan"), float("inf")

NUMBERS: dict[type, dict[str, tuple[object, ...]]] = {
    MotionEdit: {
        "head": (-0.1, 3.1, NAN, INF, -INF, 1e300),
        "mouth": (-1, 4, NAN),
        "yaw": (-31, 31, NAN),
        "pitch": (-26, 26, INF),
        "roll": (-30.5, 1e9),
        "smile": (-1.1, 1.1, NAN),
        "brows": (2, -2, NAN),
        "gaze_x": (1.5, NAN),
        "gaze_y": (-1.5, INF),
        "region": ("feet", "", "LIPS", "lips; rm -rf /"),
        "edit": (("",), ("1",), ("1:",), (":1",), ("99:1",), ("1:100",), ("1:nan",), ("-1:1",),
                 ("1:1e3",), ("1:1\n",), ("١:1",), ("9" * 5000 + ":1",), ("1:" + "9" * 400,)),
    },
    SampleOptions: {
        "seed": (-1, 2**63, 10**40),
        "nfe": (0, -1, -(10**9)),
        "solver": ("rk5", "", "Euler"),
        "audio_scale": (-1, 21, NAN, INF),
        "emotion_scale": (-0.01, 1e9, NAN),
        "emotion_window": (-1, 0.5, 31, NAN, INF),
        "steady": (-1, 25, NAN),
        "hush": (-1, 2, NAN),
        "guidance_interval": ((1.0, 0.0), (0.5, 0.5), (-1.0, 1.0), (0.0, 2.0), (NAN, 1.0),
                              (0.0, NAN)),
        "blink": ("", "sometimes", "-1", "61", "nan", "1e9", "1_0", "٣", "9" * 400),
        "emotion": ("", "bored", "happy:2", "happy:-1", "happy:0", "happy:0.7,sad:0.7", ":", ",",
                    "happy,,sad", "0-0:happy", "2-1:happy", "0-2:happy,1-3:sad", "happy:nan",
                    "0-:", "HAPPY", "photo:2", "photograph", "0-1e9:happy", "-1-2:happy",
                    "happy:" + "9" * 400, "happy," * 3000),
    },
    CropOptions: {
        "margin": (0, 0.4, 5.1, NAN, INF, -INF),
        "face": (-1, -(10**9)),
    },
    MarkOptions: {"c2pa_cert": (Path("a.pem"),), "c2pa_key": (Path("a.pem"),)},
    ServeSettings: {
        "port": (-1, 65_536, 10**9),
        "most_queued": (0, -5),
        "most_streams": (0,),
        "most_sessions": (-1,),
        "most_portraits": (0,),
        "most_kept": (0,),
        "portrait_mb": (0.0, -1.0, NAN),
        "speech_mb": (0.0, NAN),
        "longest_s": (0.0, NAN, -1.0),
        "most_nfe": (0,),
        "keep_hours": (0.0, NAN),
        "silent_s": (0.0, NAN),
        "stop_s": (-1.0, NAN),
        "api_key": (("short",), ("",), ("with spaces in the key",), ("ünïcödé-ünïcödé-x",),
                    ("a-good-key-of-letters\n",)),
    },
}  # fmt: skip
CASES = [
    (kind, name, value)
    for kind, entries in NUMBERS.items()
    for name, values in entries.items()
    for value in values
]


def ids(value: object) -> str:
    return value.__name__ if isinstance(value, type) else ascii(value)[:30]


@pytest.mark.parametrize(("kind", "name", "value"), CASES, ids=ids)
def test_a_value_out_of_range_is_named_in_a_sentence(kind: type, name: str, value: object) -> None:
    words = {"api_key": "API key"}.get(name, name)
    with pytest.raises(ValueError, match=words) as caught:
        kind(**{name: value})
    assert "\n" not in str(caught.value).replace(str(value), "")
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize("text", ["happy" + "," * 100_000, "0-1:" * 50_000, "(" * 100_000,
                                  "1-" * 100_000, "a" * 10**6])  # fmt: skip
def test_a_mood_of_a_million_letters_takes_no_time(text: str) -> None:
    from watching import watched

    with watched() as watch, pytest.raises(ValueError, match="emotion"):
        Mood.parse(text)
    assert watch.seconds < 5


def flat(name: str) -> str:
    return "--" + name.replace("_", "-")


COMMAND_LINES: dict[str, tuple[str, ...]] = {
    **{
        f"{flat(name)} {ascii(value)[:20]}": (flat(name), str(value))
        for kind in (MotionEdit, SampleOptions, CropOptions)
        for name, values in NUMBERS[kind].items()
        for value in values[:2]
        if isinstance(value, int | float) or (isinstance(value, str) and value)
    },
    "an unknown model": ("--model", "openfloat-9000"),
    "a model that is a file": ("--model", "/etc/passwd"),
    "a model that climbs": ("--model", "../../../etc"),
    "an empty model": ("--model", ""),
    "an unknown device": ("--device", "abacus"),
    "a device that is code": ("--device", "cpu; touch /tmp/x"),
    "a device with a number": ("--device", "cpu:99x"),
    "a certificate without a key": ("--c2pa-cert", "/etc/passwd"),
    "a certificate that is none": ("--c2pa-cert", "/etc/passwd", "--c2pa-key", "/etc/hostname"),
    "a certificate that is missing": ("--c2pa-cert", "/gone.pem", "--c2pa-key", "/gone.key"),
    "signed but not marked": ("--no-mark", "--c2pa-cert", "/gone.pem", "--c2pa-key", "/gone.key"),
    "a face that is not there": ("--face", "7"),
    "a named control of no model": ("--edit", "21:1"),
}


@pytest.mark.parametrize("name", COMMAND_LINES)
def test_the_command_line_refuses_in_a_sentence(
    name: str, told: Callable[..., Outcome], tiny: Path, small_face: Path, short: Path, out: Path
) -> None:
    chosen = COMMAND_LINES[name]
    model = () if "--model" in chosen else ("--model", tiny)
    more = ("-o", out / "a.mp4", *model, "--nfe", "1") if "--nfe" not in chosen else ("-o", out)
    assert_refused(told("animate", small_face, short, *more, *chosen))
    assert not everything_in(out)


PARSER: dict[str, tuple[str, ...]] = {
    "nothing after the command": ("animate",),
    "one file of two": ("animate", "a"),
    "three files": ("animate", "a", "b", "c"),
    "an unknown command": ("animat", "a", "b"),
    "an unknown flag": ("animate", "a", "b", "--sharpen"),
    "a word for a number": ("animate", "a", "b", "--nfe", "many"),
    "a broken number": ("animate", "a", "b", "--seed", "1.5"),
    "a flag without its value": ("animate", "a", "b", "--seed"),
    "an unknown precision": ("animate", "a", "b", "--precision", "int4"),
    "an unknown part": ("train", "eyes", "tiny"),
    "a part without recipe": ("train", "motion"),
    "convert without files": ("convert",),
    "motion without a word": ("motion",),
    "serve on a word": ("serve", "--port", "http"),
    "a null byte": ("animate", "a\0b", "b"),
}


@pytest.mark.parametrize("name", PARSER)
def test_what_is_no_command_is_refused_in_a_sentence(
    name: str, told: Callable[..., Outcome]
) -> None:
    assert_refused(told(*PARSER[name]))


RECIPES = {
    "missing": None, "nothing": "", "a word": "recipe = 3\n", "none": "def recipe(): pass\n",
    "another part": "from openfloat.training.recipes import tiny_reader as recipe\n",
    "an error": "def recipe(): raise RuntimeError('no')\n", "no Python": "def (:\n",
    "a null byte": "x = 1\0\n", "an import that is missing": "import nothing_of_that_name\n",
    "an impossible value": "from dataclasses import replace\n"
    "from openfloat.training.recipes import tiny_motion as r\n"
    "def recipe(): return replace(r(), stages=())\n",
}  # fmt: skip


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_that_is_none_is_refused(
    name: str, told: Callable[..., Outcome], tmp_path: Path, out: Path
) -> None:
    path = tmp_path / "mine.py"
    if (text := RECIPES[name]) is not None:
        path.write_text(text)
    arguments = ("train", "motion", path, "-o", out / "run", "--data", tmp_path)
    assert_refused(told(*arguments, "--cache", tmp_path / "cache"), "mine.py")
    assert not everything_in(out)


def test_json_that_is_no_options_is_refused() -> None:
    for text in ("[]", "null", '{"seed": 1e400}', '{"seed": 1, "seed": "x"}', '{"nfe": NaN}',
                 "[" * 100_000, '{"edit": ' * 5000 + "1" + "}" * 5000):  # fmt: skip
        with pytest.raises(ValueError, match=r"SampleOptions|JSON|Expecting"):
            from_json(SampleOptions, text)
    assert from_json(SampleOptions, json.dumps({"seed": 3})).seed == 3


def test_a_door_of_the_library_refuses_as_the_command_line_does(tmp_path: Path) -> None:
    from openfloat.weights.hub import resolve_model

    for name in ("", "nope", str(tmp_path), "a\0b", "x" * 5000, "../nope"):
        refused(lambda name=name: resolve_model(name))

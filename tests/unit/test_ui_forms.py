"""The page's forms are the command line's options, and its commands and code ask for the same."""

import dataclasses
import shlex
import typing
from pathlib import Path

import pytest

import openfloat
from openfloat.cli.animate import Animate
from openfloat.cli.main import parse
from openfloat.errors import BadInput
from openfloat.options import CropOptions, MarkOptions, MotionEdit, SampleOptions
from openfloat.ui.drawing import Report, report
from openfloat.ui.fields import NOT_OFFERED, Field, build, fields_of
from openfloat.ui.notes import duration, mistake, progress
from openfloat.ui.wish import Names, Wish, command_line, python_code

FIELDS = {field.name: field for field in fields_of(Wish)}
ELSEWHERE = (
    "portrait",
    "speech",
    "output",
    "model",
    "device",
    "precision",
    "compile",
    "curves",
    "pose",
    "background",
)
"""Options of the command line that are no part of the form: files (`curve` says what one of curves
would; pose files and backgrounds for editing programs are not on the page), and how it was
started."""


def another_value(field: Field) -> object:
    """A value that is allowed and not the default."""
    special = {
        "emotion": "0-2.5:neutral,2.5-:happy", "blink": "25", "edit": ("6:+1.5", "7:-2"),
        "guidance_interval": (0.2, 0.8), "curve": ("yaw=0:-10,2:10", "smile=0:0.5"),
    }  # fmt: skip
    if field.name in special:
        return special[field.name]
    if field.kind is bool:
        return not field.default
    if field.choices:
        return next(choice for choice in field.choices if choice != field.default)
    if field.kind is Path:
        return Path("a file")
    if field.range is not None:
        low, high = field.range
        return round(low + 0.25 * (high - low), 3)
    assert field.kind in (int, float), f"{field.name}: say here which value to try"
    return (field.default or 0) + 2


def wish_with(*fields: Field) -> Wish:
    return build(Wish, {field.path: another_value(field) for field in fields})


def test_no_option_of_animate_is_missing_from_the_page() -> None:
    def names(kind: type) -> set[str]:
        hints = typing.get_type_hints(kind)
        found: set[str] = set()
        for field in dataclasses.fields(kind):
            inner = hints[field.name]
            found |= names(inner) if dataclasses.is_dataclass(inner) else {field.name}
        return found

    assert names(Animate) - set(ELSEWHERE) - set(NOT_OFFERED) == set(FIELDS)


def test_every_option_has_help_and_none_is_asked_for_twice() -> None:
    fields = list(fields_of(Wish))
    assert len({field.name for field in fields}) == len(fields)
    for field in fields:
        assert field.help.endswith("."), field.name


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_an_option_comes_back_from_the_browser_as_it_was_shown(name: str) -> None:
    field, value = FIELDS[name], another_value(FIELDS[name])
    sent = {"path": str(value)} if field.kind is Path else field.shown(value)
    assert field.parse(sent) == value
    if field.kind is not Path:
        assert field.parse(field.shown(field.default)) == field.default


@pytest.mark.parametrize(
    "names", [(), ("yaw",), ("edit", "crop", "mark"), tuple(set(FIELDS) - {"mark"})]
)
def test_the_command_line_asks_for_the_same(names: tuple[str, ...]) -> None:
    wish = wish_with(*(FIELDS[name] for name in names))
    files = Names(portrait="-my photo's.jpg", speech="a b.wav", model="a model/")
    program, *words = shlex.split(command_line(wish, files))
    assert program == "openfloat"
    asked = parse(words)
    assert isinstance(asked, Animate)
    given = {"portrait": Path("./-my photo's.jpg"), "speech": Path("a b.wav"), "model": "a model/"}
    parts = {field.name: getattr(wish, field.name) for field in dataclasses.fields(Wish)}
    assert asked == Animate(output=Path("talk.mp4"), **given, **parts)


def test_the_python_code_asks_for_the_same() -> None:
    asked: list[tuple[object, ...]] = []

    class Recorder:
        @classmethod
        def from_pretrained(cls, name: str) -> "Recorder":
            asked.append((name,))
            return cls()

        def render(self, *args: object, **named: object) -> None:
            asked.append((*args, named))

    wish = wish_with(*(field for field in FIELDS.values() if field.kind is not Path))
    lines = python_code(wish, Names()).splitlines()
    assert lines[0].startswith("from openfloat import ")
    names = lines[0].removeprefix("from openfloat import ").split(", ")
    assert set(names) <= set(openfloat.__all__)
    known = {name: getattr(openfloat, name) for name in names} | {"FloatPipeline": Recorder}
    exec("\n".join(lines[1:]), known)
    sample, crop, marks = wish.sample, wish.framing, wish.marking
    files = ("portrait.jpg", "speech.wav", "talk.mp4")
    assert asked[0] == ("openfloat-256",)
    assert asked[1][:4] == (*files, sample)
    assert asked[1][4] == {"crop": crop, "marks": marks, "paste_back": True}
    assert "MotionEdit" in names
    assert (CropOptions(), MarkOptions(), SampleOptions().edit) != (crop, marks, MotionEdit(yaw=1))


@pytest.mark.parametrize(
    ("name", "sent"),
    [("seed", ""), ("seed", "1.5"), ("nfe", None), ("solver", "guess"), ("fill", "pink"),
     ("head", "much"), ("paste_back", "yes"), ("guidance_interval", "0 x"), ("yaw", {}),
     ("seed", float("inf"))],
)  # fmt: skip
def test_what_no_form_can_send_is_refused_by_name(name: str, sent: object) -> None:
    with pytest.raises(BadInput, match=name):
        FIELDS[name].parse(sent)


def test_what_a_dataclass_refuses_is_a_mistake_of_the_visitor() -> None:
    with pytest.raises(BadInput, match="yaw=90 is not between -30 and 30"):
        build(Wish, {FIELDS["yaw"].path: 90.0})


def test_the_time_left_is_that_of_the_frames_left() -> None:
    assert report(50, 200, 10.0) == Report(50, 200, 30.0)
    assert report(1, 200, 0.5).left_s is None, "too early to say"
    assert "50 of 200 frames" in progress(report(50, 200, 10.0))
    assert "30 s left" in progress(report(50, 200, 10.0))
    assert [duration(s) for s in (0.2, 59.4, 61)] == ["1 s", "59 s", "1 min 1 s"]


def test_what_went_wrong_is_told_without_markup_or_paths() -> None:
    told = mistake("/tmp/x/1.jpg: <b>no</b>\npicture", {"/tmp/x/1.jpg": "me & you.jpg"})
    assert "me &amp; you.jpg: &lt;b&gt;no&lt;/b&gt; picture" in told
    assert "/tmp" not in told

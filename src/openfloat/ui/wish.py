"""All that a visitor asks for, and the command line and the code that ask for the same."""

import shlex
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from openfloat.options import CropOptions, MarkOptions, SampleOptions


@dataclass(frozen=True, kw_only=True)
class Wish:
    """How a video is drawn: the options of `openfloat animate`."""

    paste_back: bool = False
    """Show the whole photo at its own size, up to 4096 pixels a side, instead of the crop."""
    sample: SampleOptions = SampleOptions()
    framing: CropOptions = CropOptions()
    marking: MarkOptions = MarkOptions()


@dataclass(frozen=True, kw_only=True)
class Names:
    """What files and model are called in commands and code."""

    portrait: str = "portrait.jpg"
    speech: str = "speech.wav"
    output: str = "talk.mp4"
    model: str = "openfloat-256"


def command_line(wish: Wish, names: Names) -> str:
    """The `openfloat animate` that draws the same video."""
    files = [f"./{name}" if name.startswith("-") else name
             for name in (names.portrait, names.speech)]  # fmt: skip
    words = ["openfloat", "animate", *files, "-o", names.output]
    if names.model != Names.model:
        words += ["--model", names.model]
    return shlex.join(words + _flags(wish))


def python_code(wish: Wish, names: Names) -> str:
    """Python code that draws the same video."""
    given = {
        "": _call(wish.sample), "crop": _call(wish.framing), "marks": _call(wish.marking),
        "paste_back": "True" if wish.paste_back else "",
    }  # fmt: skip
    arguments = [repr(name) for name in (names.portrait, names.speech, names.output)]
    arguments += [f"{name}={code}" if name else code for name, code in given.items() if code]
    used = [kind.__name__ for kind in (CropOptions, MarkOptions, SampleOptions)]
    used = [name for name in [*used, "MotionEdit"] if any(f"{name}(" in a for a in arguments)]
    lines = "".join(f"    {argument},\n" for argument in arguments)
    return (
        f"from openfloat import {', '.join(sorted(['FloatPipeline', *used]))}\n\n"
        f"pipe = FloatPipeline.from_pretrained({names.model!r})\n"
        f"pipe.render(\n{lines})\n"
    )


def changed(options: Any) -> dict[str, Any]:
    """Fields that are not as the class has them by default."""
    plain = type(options)()
    found = {field.name: getattr(options, field.name) for field in fields(options)}
    return {name: value for name, value in found.items() if value != getattr(plain, name)}


def _flags(options: Any) -> list[str]:
    """Flags of a dataclass, and of those within it; all have names of their own."""
    words: list[str] = []
    for name, value in changed(options).items():
        flag = name.replace("_", "-")
        if is_dataclass(value):
            words += _flags(value)
        elif isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        elif isinstance(value, tuple):
            words += [f"--{flag}", *map(str, value)]
        else:
            words += [f"--{flag}", str(value)]
    return words


def _call(options: Any) -> str:
    """Code that makes a dataclass; nothing where it is as by default."""
    parts = []
    for name, value in changed(options).items():
        path = str(value) if isinstance(value, Path) else value
        parts.append(f"{name}={_call(value) if is_dataclass(value) else repr(path)}")
    return f"{type(options).__name__}({', '.join(parts)})" if parts else ""

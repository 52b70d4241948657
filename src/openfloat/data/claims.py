"""Folders whose content is made once with some settings and goes on with the same."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openfloat.codec import write_json
from openfloat.drafts import SUFFIX, remove_abandoned
from openfloat.errors import BadInput


def claim(settings_file: Path, settings: Mapping[str, Any], content: str) -> None:
    """Take a folder for one purpose, or check that it was taken for the same.

    Args:
        settings_file: what in the folder remembers the settings; written where it is missing.
        settings: what everything in the folder is made with.
        content: what that is, in words, for example "clips made".

    Raises:
        BadInput: the folder is none, holds other things, or was made with other settings.
    """
    folder = settings_file.parent
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is no folder")
    if not settings_file.is_file():
        if folder.is_dir() and any(found.suffix != SUFFIX for found in folder.iterdir()):
            raise BadInput(f"{folder} is in use for something else than {content}")
        folder.mkdir(parents=True, exist_ok=True)
        write_json(dict(settings), settings_file)
        return
    before = read_object(settings_file)
    for name, value in settings.items():
        if before.get(name) != value:
            raise BadInput(
                f"{folder} holds {content} with {name}={before.get(name)}, not {value}; "
                "take another folder or empty this one"
            )
    remove_abandoned(folder)  # a writer may be killed after its file was complete


def read_object(path: Path) -> dict[str, Any]:
    """A JSON file that holds one object; BadInput otherwise."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise BadInput(f"{path} is damaged: {problem}") from problem
    if not isinstance(content, dict):
        raise BadInput(f"{path} is damaged: it holds no object")
    return content

"""Configs to JSON and back, checked field by field against their type annotations; JSON files."""

import dataclasses
import json
import types
import typing
from pathlib import Path
from typing import Any, Literal, TypeVar

from openfloat.drafts import write_text

T = TypeVar("T")


def to_json(config: Any) -> str:
    """Any config, a frozen dataclass, as JSON text."""
    return json.dumps(dataclasses.asdict(config), indent=2) + "\n"


def from_json(cls: type[T], text: str) -> T:
    """The config that `to_json` wrote; a ValueError names an unknown field or a wrong type."""
    try:
        return typing.cast(T, _decode(cls, json.loads(text), cls.__name__))
    except RecursionError:
        raise ValueError(f"{cls.__name__} is nested too deeply") from None


def write_json(value: Any, path: Path) -> None:
    """Write a value that JSON can hold; the file appears when it is complete.

    Raises:
        NotWritten: it cannot be written there.
    """
    write_text(path, json.dumps(value, indent=1) + "\n")


def _decode(kind: Any, value: Any, where: str) -> Any:
    """Check one JSON value against one type annotation and build it."""
    origin = typing.get_origin(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _decode_config(kind, value, where)
    if origin is Literal:
        if value not in typing.get_args(kind):
            raise ValueError(f"{where}={value!r} is none of {typing.get_args(kind)}")
        return value
    if origin in (typing.Union, types.UnionType):
        return _decode_union(typing.get_args(kind), value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{where}={value!r} is not a list")
        members = typing.get_args(kind)
        if Ellipsis not in members and len(value) != len(members):
            raise ValueError(f"{where}={value!r} does not have {len(members)} entries")
        return tuple(_decode(members[0], item, where) for item in value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ValueError(f"{where}={value!r} is not of type {kind.__name__}")
    return value


def _decode_union(members: tuple[Any, ...], value: Any, where: str) -> Any:
    """A union is either `X | None` or configs told apart by their `kind` field."""
    if value is None and types.NoneType in members:
        return None
    for member in members:
        if not dataclasses.is_dataclass(member):
            if member is not types.NoneType:
                return _decode(member, value, where)
        elif isinstance(value, dict) and value.get("kind") == typing.cast(Any, member)().kind:
            return _decode(member, value, where)
    raise ValueError(f"{where}={value!r} fits none of the allowed kinds")


def _decode_config(cls: type, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{where}={value!r} is not an object")
    hints = typing.get_type_hints(cls)
    if unknown := sorted(set(value) - set(hints)):
        raise ValueError(f"{where} has no field named {', '.join(unknown)}")
    return cls(
        **{name: _decode(hints[name], item, f"{where}.{name}") for name, item in value.items()}
    )

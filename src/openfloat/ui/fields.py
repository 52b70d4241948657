"""Options as fields of a form, derived from the dataclasses that the command line uses."""

import ast
import dataclasses
import functools
import inspect
import textwrap
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, TypeVar

from openfloat.errors import BadInput

Kind = TypeVar("Kind")
NOT_OFFERED = ("c2pa_cert", "c2pa_key", "pose_scale")
"""Names of files on the server, and what goes with one: not a visitor's to choose."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One option.

    Attributes:
        path: names of fields from the outermost dataclass on.
        kind: type of the value, without None.
        default: as the class has it.
        help: the docstring under the field.
        group: the dataclass that it is a field of.
        optional: whether None is allowed.
        range: lowest and highest number, where the class says so.
    """

    path: tuple[str, ...]
    kind: Any
    default: Any
    help: str
    group: type
    optional: bool = False
    range: tuple[float, float] | None = None

    @property
    def name(self) -> str:
        """The last name of the path."""
        return self.path[-1]

    @property
    def choices(self) -> tuple[str, ...]:
        """What a Literal allows; empty for other kinds."""
        return typing.get_args(self.kind) if typing.get_origin(self.kind) is Literal else ()

    def parse(self, value: Any) -> Any:
        """A value as a browser sends it as one of the field's kind.

        Raises:
            BadInput: it is none.
        """
        if value is None or (value == "" and self.kind is not str):
            if not self.optional and typing.get_origin(self.kind) is not tuple:
                raise BadInput(f"{self.name} is empty")
            return None if self.optional else ()
        try:
            if self.choices and value not in self.choices:
                raise ValueError
            return _parsed(self.kind, value)
        except (ValueError, TypeError, KeyError, OverflowError):
            raise BadInput(f"{self.name}={value!r} is not allowed") from None

    def shown(self, value: Any) -> Any:
        """A value of the field's kind as a browser shows it: tuples as words."""
        return " ".join(map(str, value)) if isinstance(value, tuple) else value


def fields_of(kind: type, path: tuple[str, ...] = ()) -> Iterator[Field]:
    """All options of a dataclass, those of dataclasses within it in their place."""
    hints, helps = typing.get_type_hints(kind), field_docs(kind)
    ranges = getattr(kind, "ranges", {})
    for field in dataclasses.fields(kind):
        here, wanted = (*path, field.name), hints[field.name]
        if dataclasses.is_dataclass(wanted):
            yield from fields_of(typing.cast(type, wanted), here)
        elif field.name not in NOT_OFFERED:
            plain, optional = _without_none(wanted)
            yield Field(
                path=here, kind=plain, default=field.default, help=helps.get(field.name, ""),
                group=kind, optional=optional, range=ranges.get(field.name),
            )  # fmt: skip


def build(kind: type[Kind], values: Mapping[tuple[str, ...], Any]) -> Kind:
    """A dataclass with the given fields, by path; the others are as by default.

    Raises:
        BadInput: the class refuses a value.
    """
    here: dict[str, Any] = {}
    within: dict[str, dict[tuple[str, ...], Any]] = {}
    for (first, *rest), value in values.items():
        if rest:
            within.setdefault(first, {})[tuple(rest)] = value
        else:
            here[first] = value
    hints = typing.get_type_hints(kind)
    here |= {name: build(hints[name], inner) for name, inner in within.items()}
    try:
        return kind(**here)
    except (ValueError, TypeError) as error:
        raise BadInput(str(error)) from error


@functools.cache
def field_docs(kind: type) -> Mapping[str, str]:
    """Docstrings under the fields of a dataclass, on one line each."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for node, after in pairwise(tree.body):
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        ):
            found[node.target.id] = " ".join(str(after.value.value).split())
    return found


def _without_none(kind: Any) -> tuple[Any, bool]:
    """A type without None, and whether None was allowed."""
    if typing.get_origin(kind) not in (typing.Union, types.UnionType):
        return kind, False
    (plain,) = [member for member in typing.get_args(kind) if member is not types.NoneType]
    return plain, True


def _parsed(kind: Any, value: Any) -> Any:
    if typing.get_origin(kind) is tuple:
        inner = typing.get_args(kind)[0]
        return tuple(_parsed(inner, word) for word in str(value).split())
    if kind is Path:
        return Path(value["path"])
    if kind is int:
        if float(value) != int(float(value)):
            raise ValueError
        return int(value) if isinstance(value, int | str) else int(float(value))
    if kind is float:
        return float(value)
    if kind is bool and not isinstance(value, bool):
        raise ValueError
    return value if kind is bool else str(value)

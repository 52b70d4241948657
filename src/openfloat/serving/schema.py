"""What clients may ask for, as dataclasses; their JSON schema and their reading are derived."""

import json
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter

from openfloat.codec import from_json
from openfloat.errors import BadInput
from openfloat.options import DrawOptions, VideoOptions
from openfloat.streaming.session import Timing

LONGEST_OPTIONS = 16_384
"""Bytes of JSON."""

T = TypeVar("T", bound="DrawOptions")


@dataclass(frozen=True, kw_only=True)
class LiveOptions(DrawOptions):
    """How a live session is drawn: all is optional."""

    timing: Timing = Timing()
    """When frames are drawn."""


def read_options(kind: type[T], text: str, most_nfe: int) -> T:
    """Options from a client's JSON.

    Raises:
        BadInput: no JSON object of known fields with allowed values, or more evaluations of the
            vector field than are allowed.
    """
    if len(text.encode()) > LONGEST_OPTIONS:
        raise BadInput(f"the options are longer than {LONGEST_OPTIONS} bytes")
    try:
        options = from_json(kind, text)
    except json.JSONDecodeError as error:
        raise BadInput(f"the options are not JSON: {error}") from error
    except RecursionError:
        raise BadInput("the options are nested too deeply") from None
    except (ValueError, OverflowError, TypeError) as error:
        raise BadInput(str(error).replace(kind.__name__, "options")) from error
    if options.sample.nfe > most_nfe:
        raise BadInput(f"nfe={options.sample.nfe} is more than {most_nfe}, the most allowed here")
    return options


def json_schemas() -> dict[str, Any]:
    """Schemas of all options by name, for the `components` of an OpenAPI document."""
    found: dict[str, Any] = {}
    for kind in (VideoOptions, LiveOptions):
        # the docstrings under the fields become descriptions, here and in nested dataclasses
        described = type(kind.__name__, (kind,), {
            "__doc__": kind.__doc__, "__module__": kind.__module__,
            "__pydantic_config__": ConfigDict(use_attribute_docstrings=True, extra="forbid"),
        })  # fmt: skip
        schema = TypeAdapter(described).json_schema(ref_template="#/components/schemas/{model}")
        found |= schema.pop("$defs", {})
        found[kind.__name__] = schema
    return found

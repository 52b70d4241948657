"""ComfyUI's interfaces as its documentation has them, to run nodes without ComfyUI.

Names, parameters and types of `comfy_api.latest` (V3 schema), `folder_paths` and `comfy.utils`;
anything else is refused, so that a node that asks for more fails here as it would there.
"""

import sys
import types
from pathlib import Path
from typing import Any

COMMON = ("display_name", "optional", "tooltip", "lazy", "extra_dict", "raw_link", "advanced")
WIDGET = (*COMMON, "default", "socketless", "widget_type", "force_input")
PARAMETERS: dict[str, tuple[str, ...]] = {
    "BOOLEAN": (*WIDGET, "label_on", "label_off"),
    "INT": (*WIDGET, "min", "max", "step", "control_after_generate", "display_mode"),
    "FLOAT": (*WIDGET, "min", "max", "step", "round", "display_mode"),
    "STRING": (*WIDGET, "multiline", "placeholder", "dynamic_prompts"),
    "COMBO": (*WIDGET, "options", "control_after_generate", "upload", "image_folder", "remote"),
}


class Socket:
    """An input or output of some type."""

    def __init__(self, kind: str, name: str | None, given: dict[str, Any]) -> None:
        self.kind, self.name, self.given = kind, name, given


def comfy_type(kind: str) -> type:
    """A type of sockets."""

    def input_(name: str, **given: Any) -> Socket:
        unknown = set(given) - set(PARAMETERS.get(kind, COMMON))
        assert not unknown, f"{kind} has no {unknown}"
        if kind == "COMBO":
            assert given["default"] in given["options"]
        if kind in ("INT", "FLOAT"):
            assert given["min"] <= given["default"] <= given["max"]
        return Socket(kind, name, given)

    def output(name: str | None = None, *, display_name: str | None = None) -> Socket:
        return Socket(kind, display_name or name, {})

    return type(kind, (), {"Input": staticmethod(input_), "Output": staticmethod(output)})


class Schema:
    """What a node says of itself."""

    def __init__(self, *, node_id: str, display_name: str, category: str, description: str,
                 inputs: list[Socket], outputs: list[Socket]) -> None:  # fmt: skip
        names = [one.name for one in inputs]
        assert len(set(names)) == len(names)
        self.node_id, self.display_name, self.category = node_id, display_name, category
        self.description, self.inputs, self.outputs = description, inputs, outputs


class NodeOutput:
    """What a node gives."""

    def __init__(self, *values: Any) -> None:
        self.result = values


class Bar:
    """Progress, as ComfyUI counts it."""

    made: "list[Bar]" = []  # noqa: RUF012

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0
        Bar.made.append(self)

    def update(self, steps: int) -> None:
        self.done += steps


def modules(models: Path) -> dict[str, types.ModuleType]:
    """The modules that nodes import, by name."""
    kinds = {"Boolean": "BOOLEAN", "Int": "INT", "Float": "FLOAT", "String": "STRING",
             "Combo": "COMBO", "Image": "IMAGE", "Audio": "AUDIO"}  # fmt: skip
    io = types.SimpleNamespace(
        Schema=Schema, NodeOutput=NodeOutput, ComfyNode=type("ComfyNode", (), {}),
        Custom=comfy_type, **{name: comfy_type(kind) for name, kind in kinds.items()},
    )  # fmt: skip
    made = {name: types.ModuleType(name) for name in
            ("comfy_api", "comfy_api.latest", "comfy", "comfy.utils", "folder_paths")}  # fmt: skip
    made["comfy_api.latest"].io = io  # type: ignore[attr-defined]
    made["comfy_api.latest"].ComfyExtension = type("ComfyExtension", (), {})  # type: ignore[attr-defined]
    made["comfy.utils"].ProgressBar = Bar  # type: ignore[attr-defined]
    made["folder_paths"].models_dir = str(models)  # type: ignore[attr-defined]
    return made


def load_folder(folder: Path, name: str) -> types.ModuleType:
    """A folder of custom nodes, imported as ComfyUI imports it."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module

"""OpenFLOAT for ComfyUI: drop this folder into custom_nodes, and install `openfloat`."""

from .nodes import comfy_entrypoint

__all__ = ["comfy_entrypoint"]

"""OpenFLOAT: one portrait and one voice in, a talking video out."""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "Clip", "CropOptions", "Engine", "FloatPipeline", "MarkOptions", "ModelConfig", "Motion",
    "MotionEdit", "Portrait", "SampleOptions", "StreamingSession",
]  # fmt: skip

_HOME = {
    "FloatPipeline": "openfloat.pipeline",
    "Clip": "openfloat.clip",
    "Portrait": "openfloat.clip",
    "SampleOptions": "openfloat.options",
    "MotionEdit": "openfloat.options",
    "CropOptions": "openfloat.options",
    "MarkOptions": "openfloat.options",
    "ModelConfig": "openfloat.config",
    "Motion": "openfloat.motion.value",
    "StreamingSession": "openfloat.streaming.session",
    "Engine": "openfloat.streaming.engine",
}

if TYPE_CHECKING:  # the same, for type checkers and editors
    from openfloat.clip import Clip, Portrait
    from openfloat.config import ModelConfig
    from openfloat.motion.value import Motion
    from openfloat.options import CropOptions, MarkOptions, MotionEdit, SampleOptions
    from openfloat.pipeline import FloatPipeline
    from openfloat.streaming.engine import Engine
    from openfloat.streaming.session import StreamingSession
else:

    def __getattr__(name: str) -> object:
        # Imported on first use, so that `import openfloat` and `--help` never load torch.
        if name not in _HOME:
            raise AttributeError(f"module 'openfloat' has no attribute {name!r}")
        return getattr(import_module(_HOME[name]), name)

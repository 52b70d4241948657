"""OpenFLOAT: one portrait and one voice in, a talking video out."""

from importlib import import_module

__version__ = "0.1.0"

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

__all__ = [
    "Clip", "CropOptions", "Engine", "FloatPipeline", "MarkOptions", "ModelConfig", "Motion",
    "MotionEdit", "Portrait", "SampleOptions", "StreamingSession",
]  # fmt: skip


def __getattr__(name: str) -> object:
    # Imported on first use, so that `import openfloat` and `--help` never load torch.
    if name not in _HOME:
        raise AttributeError(f"module 'openfloat' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)

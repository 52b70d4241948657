"""`openfloat convert`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg


@dataclass(frozen=True, kw_only=True)
class Convert:
    """Turn the released FLOAT weights into a model folder.

    Reads tensors only, never code. Every name must be known and used exactly once.
    """

    float_weights: Annotated[Path, arg(name="float")]
    """float.pth, or a safetensors copy of it."""
    wav2vec2: Path
    """Folder of wav2vec2-base-960h."""
    emotion: Path
    """Folder of wav2vec-english-speech-emotion-recognition."""
    output: Annotated[Path, arg(aliases=["-o"])] = Path("float-512")
    """Model folder to write."""

    def run(self) -> None:
        """Write the folder and say what is in it."""
        from openfloat.weights.official import convert_release

        count = convert_release(self.float_weights, self.wav2vec2, self.emotion, self.output)
        print(f"{self.output}: {count / 1e6:.1f} M parameters")

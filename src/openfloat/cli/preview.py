"""Videos of what phase 2 has learnt so far, for its previews."""

import tempfile
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

from torch import nn

from openfloat.audio.frames import num_samples
from openfloat.audio.io import load_audio, write_wave
from openfloat.config import FPS
from openfloat.errors import BadCheckpoint
from openfloat.options import SampleOptions
from openfloat.pipeline import FloatPipeline

SECONDS = 2


def motion_preview(model: str) -> Callable[[nn.Module, Path], int]:
    """What draws a run's averaged networks: the demo portrait speaks for two seconds.

    Args:
        model: name or folder of the model that lends its auto-encoder.

    Raises:
        ModelNotFound: neither a folder nor an embedded model.
    """
    pipeline = FloatPipeline.from_pretrained(model)
    demo = files("openfloat") / "assets" / "demo"

    def draw(average: nn.Module, video: Path) -> int:
        """Write the video.

        Raises:
            BadCheckpoint: the run is of another model.
        """
        try:
            for part in (pipeline.model.motion, pipeline.model.speech):
                name = "motion" if part is pipeline.model.motion else "speech"
                learnt = average.get_submodule(name).state_dict()
                part.load_state_dict(part.state_dict() | learnt, strict=True)
        except RuntimeError as error:
            raise BadCheckpoint(f"{model} cannot draw previews of this run: {error}") from error
        with (
            as_file(demo / "portrait.jpg") as portrait,
            as_file(demo / "speech.wav") as speech,
            tempfile.TemporaryDirectory(prefix="openfloat-") as folder,
        ):
            sound = Path(folder) / "speech.wav"
            write_wave(sound, load_audio(speech)[: num_samples(SECONDS * FPS)])
            return pipeline.render(portrait, sound, video, SampleOptions(seed=1))

    return draw

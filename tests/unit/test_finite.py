"""A number that is none is noticed where it arises, and named."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from openfloat.config import ModelConfig
from openfloat.errors import NotFinite
from openfloat.models.model import FloatModel
from openfloat.options import CropOptions, SampleOptions
from openfloat.pipeline import FloatPipeline

QUICK = SampleOptions(nfe=1)
WHOLE = CropOptions(crop=False)


def spoil(module: nn.Module, value: float = float("nan")) -> None:
    """Every weight of a network at once."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(value)


@pytest.mark.parametrize(
    ("stage", "spoiled"),
    [
        ("encoding the portrait", lambda model: model.autoencoder.encoder),
        ("encoding the portrait", lambda model: model.autoencoder.reader),
        ("hearing the speech", lambda model: model.speech),
        ("hearing the emotion", lambda model: model.emotion),
        ("drawing the motion", lambda model: model.motion),
        ("decoding", lambda model: model.autoencoder.decoder),
    ],
)
def test_the_stage_that_gave_no_number_is_named(
    stage: str, spoiled: Callable[[FloatModel], nn.Module], portrait: Path, tmp_path: Path
) -> None:
    model = FloatModel(ModelConfig.tiny())
    spoil(spoiled(model))
    pipeline = FloatPipeline(model, ModelConfig.tiny(), torch.device("cpu"))
    sound = np.sin(np.arange(3200) / 10).astype(np.float32)
    with pytest.raises(NotFinite, match=stage):
        pipeline(portrait, sound, QUICK, WHOLE)
    assert not list(tmp_path.iterdir())


def test_one_thread_and_two_draw_the_same_clip(portrait: Path, speech: Path) -> None:
    pipeline = FloatPipeline.from_pretrained("openfloat-256")
    frames = {}
    for threads in (1, 2):
        torch.set_num_threads(threads)
        ready = pipeline.encode(portrait)
        motion = next(iter(pipeline.motion(ready, speech, SampleOptions(nfe=2))))
        frames[threads] = motion, pipeline.decode(ready, motion[:4])
    torch.testing.assert_close(frames[1][0], frames[2][0], rtol=0, atol=2e-4)
    assert np.abs(frames[1][1].astype(int) - frames[2][1]).max() <= 1

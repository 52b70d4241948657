"""What trained networks make of a clip's voice: emotion scores and speech features."""

import functools
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from openfloat.models.model import FloatModel
from openfloat.weights.hub import resolve_model
from openfloat.weights.store import Hollow, load_config, load_into, load_state


@torch.inference_mode()
def voice_numbers(
    waveform: NDArray[np.float32], num_frames: int, emotion: str, speech: str
) -> dict[str, NDArray[Any]]:
    """Scores `emotion` (7,) that sum to 1, and features `speech` (t, a) in float16.

    Args:
        waveform: (s,) at 16 kHz.
        num_frames: t.
        emotion: name or folder of the model that scores; empty: no scores.
        speech: of the model whose encoder hears; empty: no features.
    """
    sound = torch.from_numpy(waveform)[None]
    numbers: dict[str, NDArray[Any]] = {}
    if emotion:
        numbers["emotion"] = _model(emotion).emotion(sound)[0].softmax(dim=0).numpy()
    if speech:
        features = _model(speech).speech(sound, num_frames)[0]
        numbers["speech"] = features.numpy().astype(np.float16)
    return numbers


@functools.cache
def _model(name: str) -> FloatModel:
    folder = resolve_model(name)
    with Hollow():
        model = FloatModel(load_config(folder))
    load_into(model, load_state(folder))
    return model.eval()

"""How a voice sounds and how a photo looks, as weights of the seven emotions."""

import numpy as np
import torch
from jaxtyping import Float32
from numpy import ndarray
from torch import Tensor

from openfloat.audio.recording import Recording
from openfloat.config import EMOTIONS, FPS
from openfloat.data.controls import INDEX, SCALES
from openfloat.data.manner import EXPRESSIONS
from openfloat.editing.mood_curves import mood_weights
from openfloat.finite import finite
from openfloat.models.emotion import LONGEST_SAMPLES, EmotionClassifier
from openfloat.mood import Mood

JUDGED_EVERY = FPS
"""Frames after which a voice is judged anew, where it is judged by windows."""
SHOWN_BY = {"happy": "smile", "surprise": "brows_up"}
"""Emotions that a photo is seen to show, and the control that shows each: the others are in
controls that the reader hardly sees."""


@torch.inference_mode()
def heard_emotion(
    classifier: EmotionClassifier, recording: Recording, window_s: float, device: torch.device
) -> Float32[ndarray, "t 7"]:
    """Weights of the emotions in a voice: one row for all of it, or one for every frame.

    Args:
        classifier: what hears them.
        recording: the voice.
        window_s: seconds of voice around each moment by which it is judged; 0 judges once, by the
            first half minute.
        device: where the classifier computes.

    Raises:
        NotFinite: the classifier gave no numbers.
    """

    def heard(samples: Tensor) -> Float32[ndarray, " 7"]:
        weights = classifier(samples.to(device)).softmax(-1).cpu()
        finite("hearing the emotion", weights)
        return np.asarray(weights[0].numpy())

    if not window_s:
        return heard(recording.head(LONGEST_SAMPLES))[None]
    margin = max(round((window_s * FPS - JUDGED_EVERY) / 2), 0)
    stretches = recording.stretches(JUDGED_EVERY, margin)
    judged = np.stack([heard(stretch.samples) for stretch in stretches])
    middles = (np.arange(len(judged)) + 0.5) * JUDGED_EVERY - 0.5
    frames = np.arange(recording.num_frames)
    rows = [np.interp(frames, middles, column) for column in judged.T]
    return np.stack(rows, axis=1).astype(np.float32)


def clip_emotion(
    classifier: EmotionClassifier,
    mood: Mood,
    recording: Recording,
    photo: Float32[ndarray, " 7"] | None,
    window_s: float,
    device: torch.device,
) -> Tensor:
    """Weights of the emotions of a clip, (1, 7) where they stay as they are, else (1, t, 7).

    Args:
        classifier: hears the voice, where the mood asks for that.
        mood: what is asked for.
        recording: the voice.
        photo: what the portrait shows, where the mood asks for that.
        window_s: as for `heard_emotion`.
        device: where they are used.
    """
    voice = np.zeros((1, len(EMOTIONS)), np.float32)
    if mood.listens:
        voice = heard_emotion(classifier, recording, window_s, device)
    constant = mood.constant and len(voice) == 1
    frames = 1 if constant else recording.num_frames
    weights = torch.from_numpy(mood_weights(mood, 0, frames, voice, photo)).to(device)
    return weights if constant else weights[None]


def shown_emotion(coefficients: Float32[ndarray, " 20"]) -> Float32[ndarray, " 7"]:
    """Weights of the emotions in a photo: a smile is happy, raised brows are surprise.

    Args:
        coefficients: of named controls, as the model reads them off the photo.
    """
    weights = np.zeros(len(EMOTIONS), np.float32)
    for emotion, control in SHOWN_BY.items():
        in_full = EXPRESSIONS[emotion].offsets[control]
        value = float(coefficients[INDEX[control]] * SCALES[INDEX[control]])
        weights[EMOTIONS.index(emotion)] = np.clip(value / in_full, 0, 1)
    weights /= max(float(weights.sum()), 1.0)
    weights[EMOTIONS.index("neutral")] = 1 - weights.sum()
    return weights

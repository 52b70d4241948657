"""A voice and its phones to the twenty control curves of one clip."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from openfloat.audio.frames import num_frames
from openfloat.config import CONTROLS, FPS
from openfloat.data.controls import INDEX, TABLE, to_coefficients
from openfloat.data.manner import (
    EXPRESSIONS,
    Curve,
    Expression,
    blinks,
    brow_raises,
    draw_base,
    fixation,
    gaze,
    graded,
    head_motion,
)  # fmt: skip
from openfloat.data.speaking import spoken
from openfloat.data.visemes import (
    FINE_HZ,
    JAW,
    MOUTH,
    PRESSED,
    ROUND,
    at_frames,
    fine_points,
    mouth_curves,
    with_contacts,
)  # fmt: skip
from openfloat.data.voices import Utterance
from openfloat.data.voices_acoustics import loudness

_POSE = ("yaw", "pitch", "roll", "x", "y", "scale")
_LOW = np.array([control.low for control in TABLE])
_HIGH = np.array([control.high for control in TABLE])


def motion_for(
    utterance: Utterance, emotion: str, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Control curves for a clean voice, as motion coefficients.

    Args:
        utterance: the voice before rooms and noise, with its phones.
        emotion: one of openfloat.config.EMOTIONS; it colours the face.
        generator: decides the speaker's style, pose and manner.

    Returns:
        (t, 20) coefficients, t = ceil(samples / 640); frame i is the moment in the middle of
        samples 640 i to 640 (i + 1). Physical values lie within the table of controls.
    """
    frames = num_frames(len(utterance.waveform))
    values = np.zeros((frames, len(CONTROLS)))
    base = draw_base(generator)
    for name, amount in base.items():
        values[:, INDEX[name]] += amount
    expression = EXPRESSIONS[emotion]
    intensity = graded(generator, frames)
    for name, amount in expression.offsets.items():
        values[:, INDEX[name]] += amount * intensity
    _move_head(values, utterance, expression, intensity, generator)
    _speak(values, utterance, expression, float(intensity.mean()), generator)
    values[:, : len(_POSE)] = _softly_within(values[:, : len(_POSE)])
    return to_coefficients(np.clip(values, _LOW, _HIGH).astype(np.float32))


def _move_head(
    values: Curve,
    utterance: Utterance,
    expression: Expression,
    intensity: Curve,
    generator: np.random.Generator,
) -> None:
    """Add head, brows, lids and gaze to the values in place."""
    frames = len(values)
    loud = loudness(utterance.waveform, frames, FPS)
    head = head_motion(generator, loud, expression)
    head["pitch"] = head["pitch"] + expression.pitch * intensity
    for name in _POSE:
        values[:, INDEX[name]] += head[name]
    values[:, INDEX["brows_up"]] += brow_raises(generator, loud)
    lids, starts = blinks(generator, spoken(utterance.phones, frames), expression)
    values[:, INDEX["blink"]] = np.maximum(values[:, INDEX["blink"]], lids)
    glance_x, glance_y = gaze(generator, frames, starts)
    steady = {name: values[:, INDEX[name]] for name in ("yaw", "pitch")}
    held_x, held_y = fixation(steady)
    values[:, INDEX["gaze_x"]] += glance_x + held_x
    values[:, INDEX["gaze_y"]] += glance_y + held_y


def _speak(
    values: Curve,
    utterance: Utterance,
    expression: Expression,
    intensity: float,
    generator: np.random.Generator,
) -> None:
    """Merge the mouth into the resting face and the expression, in place."""
    frames = len(values)
    duration_s = frames / FPS
    mouth = mouth_curves(utterance.phones, duration_s)
    loud = loudness(utterance.waveform, fine_points(duration_s), FINE_HZ)
    effort = 0.7 + 0.45 * ndimage.gaussian_filter1d(loud, 0.08 * FINE_HZ)
    style = np.exp(generator.normal(0, 0.07, len(MOUTH))) * generator.uniform(0.8, 1.3)
    style[JAW] *= 1 + (expression.jaw - 1) * intensity
    style[PRESSED] = 1
    opening = mouth.opening * style * effort[:, None]
    opening[:, PRESSED] = mouth.opening[:, PRESSED]
    columns = [INDEX[name] for name in MOUTH]
    overlay = np.repeat(values[:, columns], FINE_HZ // FPS, axis=0)
    overlay = ndimage.uniform_filter1d(overlay, FINE_HZ // FPS, axis=0, mode="nearest")
    # Pressing belongs to rest: an opened mouth takes it away.
    overlay[:, PRESSED] *= np.clip(1 - 4 * opening[:, JAW], 0, 1)
    spoken = with_contacts(mouth._replace(opening=np.clip(opening + overlay, 0, 1)))
    values[:, columns] = at_frames(spoken, frames)
    # Pursed lips leave no room for a smile.
    values[:, INDEX["smile"]] *= 1 - 0.5 * values[:, columns[ROUND]]


def _softly_within(pose: Curve) -> Curve:
    """Bend large poses smoothly back into the table's range instead of cutting them."""
    limit = _HIGH[: pose.shape[1]]
    return limit * np.tanh(pose / limit)

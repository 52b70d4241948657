"""What a face does while it speaks: head, blinks, gaze, brows, and the expression of an emotion.

Everything is a function of a generator; values are physical (openfloat.data.controls), one per
frame at 25 frames per second. Rates and sizes are those of people talking to a camera: 8 to 25
blinks a minute of 100 to 300 ms, head sway of a few degrees at 0.1 to 0.5 Hz, nods on stress.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from openfloat.config import EMOTIONS, FPS
from openfloat.data.controls import INDEX, SCALES

Curve = NDArray[np.float64]

NEUTRAL_SHARE = 0.25
BLINKS_A_MINUTE = (8.0, 25.0)
BLINK_S = (0.1, 0.3)
PAUSE_BLINKS = 2.2
"""A blink is so many times as likely in a pause as in speech."""
_APART_S = 0.5
"""Two blinks are never closer."""

_SWAY_DEVIATION = {"yaw": 3.4, "pitch": 2.4, "roll": 1.5, "x": 0.009, "y": 0.007, "scale": 0.01}
_BASE_DEVIATION = {"yaw": 8.0, "pitch": 5.0, "roll": 4.0, "x": 0.02, "y": 0.02, "scale": 0.03}
_BASE_EXPRESSION = {
    "smile": 0.1, "mouth_down": 0.05, "brows_up": 0.06, "brows_down": 0.05, "squint": 0.06,
    "lips_pressed": 0.05,
}  # fmt: skip
_GAZE_PER_DEGREE = 0.022
"""Turn of the eyes, in units of gaze, that makes up for one degree of the head."""


class Expression(NamedTuple):
    """How one emotion looks at full intensity."""

    offsets: Mapping[str, float]
    """Added to controls."""
    jaw: float = 1.0
    """Factor on how far the jaw opens."""
    tempo: float = 1.0
    """Factor on the frequency of head sway."""
    sway: float = 1.0
    """Factor on the size of head sway."""
    blinks: float = 1.0
    """Factor on the rate of blinks, within the natural range."""
    pitch: float = 0.0
    """Head pitch in degrees, positive looks up."""


EXPRESSIONS: Mapping[str, Expression] = {
    "angry": Expression(
        {"brows_down": 1.0, "squint": 0.6, "upper_lip_up": 0.1, "mouth_down": 0.35,
         "lips_pressed": 0.15},
        jaw=1.1, tempo=1.3, sway=1.2, pitch=-1.5,
    ),
    "disgust": Expression(
        {"upper_lip_up": 0.55, "brows_down": 0.65, "squint": 0.7, "mouth_down": 0.4},
        jaw=0.9, sway=0.9, pitch=1.5,
    ),
    "fear": Expression(
        {"brows_up": 0.7, "lips_wide": 0.22, "mouth_down": 0.2, "brows_down": 0.1},
        jaw=1.0, tempo=1.4, sway=0.8, blinks=0.6,
    ),
    "happy": Expression(
        {"smile": 0.75, "squint": 0.3, "brows_up": 0.12}, jaw=1.1, tempo=1.15, sway=1.15
    ),
    "neutral": Expression({}),
    "sad": Expression(
        {"mouth_down": 0.9, "brows_up": 0.45, "brows_down": 0.2, "squint": 0.15, "gaze_y": 0.15},
        jaw=0.8, tempo=0.6, sway=0.8, blinks=1.2, pitch=-3.5,
    ),
    "surprise": Expression(
        {"brows_up": 0.9, "jaw_open": 0.08}, jaw=1.2, tempo=1.1, blinks=0.6, pitch=1.0
    ),
}  # fmt: skip
"""Wide eyes have no control of their own (a blink cannot go below 0): fear and surprise show in the
brows and in rarer blinks."""


def overlays() -> NDArray[np.float32]:
    """(7, 20) by how much each emotion raises each motion coefficient, in full."""
    table = np.zeros((len(EMOTIONS), len(SCALES)), np.float32)
    for row, name in enumerate(EMOTIONS):
        for control, amount in EXPRESSIONS[name].offsets.items():
            table[row, INDEX[control]] = amount / SCALES[INDEX[control]]
    return table


def draw_emotion(generator: np.random.Generator) -> str:
    """Neutral in a quarter of clips, else one of the other six with equal odds."""
    if generator.random() < NEUTRAL_SHARE:
        return "neutral"
    return str(generator.choice([name for name in EMOTIONS if name != "neutral"]))


def draw_base(generator: np.random.Generator) -> dict[str, float]:
    """Pose and resting expression of one clip, by control: how this portrait happens to look."""
    pose = {
        name: deviation * float(np.clip(generator.normal(), -2.2, 2.2))
        for name, deviation in _BASE_DEVIATION.items()
    }
    face = {
        name: deviation * min(3.0, abs(float(generator.normal())))
        for name, deviation in _BASE_EXPRESSION.items()
    }
    return pose | face


def head_motion(
    generator: np.random.Generator, loudness: Curve, expression: Expression
) -> dict[str, Curve]:
    """Sway, breathing and nods on loud syllables, about 0: yaw, pitch, roll, x, y, scale.

    Args:
        generator: decides everything.
        loudness: (t,) 0 to 1 per frame; its peaks attract nods.
        expression: gives tempo and size.
    """
    frames = len(loudness)
    size = expression.sway * float(generator.uniform(0.5, 1.4))
    motion = {
        name: size * deviation * _sway(generator, frames, expression.tempo)
        for name, deviation in _SWAY_DEVIATION.items()
    }
    # A turned head also leans and shifts a little: one body carries both.
    motion["roll"] -= 0.12 * motion["yaw"]
    motion["x"] += 0.0012 * motion["yaw"]
    time = np.arange(frames) / FPS
    breath = np.sin(2 * np.pi * (generator.uniform(0.2, 0.33) * time + generator.random()))
    motion["pitch"] += 0.35 * breath
    motion["y"] -= 0.002 * breath
    for peak in stressed_frames(loudness):
        if generator.random() < 0.45:
            depth = size * float(generator.uniform(1.2, 4.0))
            width_s = float(generator.uniform(0.14, 0.24)) / expression.tempo**0.5
            motion["pitch"] -= depth * _bump(time, peak / FPS, width_s)
            motion["pitch"] += 0.35 * depth * _bump(time, peak / FPS + 2.2 * width_s, width_s)
    return motion


def brow_raises(generator: np.random.Generator, loudness: Curve) -> Curve:
    """Raises of the brows on some loud syllables, (t,), 0 to about 0.6."""
    time = np.arange(len(loudness)) / FPS
    brows = np.zeros(len(loudness))
    eagerness = float(generator.uniform(0.05, 0.45))
    for peak in stressed_frames(loudness):
        if generator.random() < eagerness:
            amount, width_s = generator.uniform(0.15, 0.6), generator.uniform(0.12, 0.3)
            brows = np.maximum(brows, amount * _bump(time, peak / FPS, float(width_s)))
    return brows


def stressed_frames(loudness: Curve) -> NDArray[np.int64]:
    """Frames at which a syllable stands out from its surroundings."""
    smooth = scipy.ndimage.gaussian_filter1d(loudness, 2.0)
    peaks, _ = scipy.signal.find_peaks(smooth, height=0.45, prominence=0.08, distance=8)
    return peaks


def blinks(
    generator: np.random.Generator,
    speaking: Curve,
    expression: Expression,
    rate: float | None = None,
) -> tuple[Curve, NDArray[np.float64]]:
    """Lids over time, (t,) 0 open to 1 closed, and the times in seconds at which blinks start.

    Pauses draw the blinks to them.

    Args:
        generator: decides everything.
        speaking: (t,) 1 where there is speech, 0 in pauses.
        expression: gives a factor on the rate.
        rate: blinks a minute, below 60 / the shortest distance of two; none: drawn for the clip
            from the natural range.
    """
    low, high = BLINKS_A_MINUTE
    drawn = float(np.clip(generator.uniform(low, high) * expression.blinks, low, high))
    rate_hz = (drawn if rate is None else rate) / 60
    # Dead time after each blink lowers the rate of what is left; this is the renewal correction.
    hazard = np.where(speaking > 0.5, 1.0, PAUSE_BLINKS)
    hazard *= rate_hz / (1 - rate_hz * _APART_S) / hazard.mean() / FPS
    starts: list[float] = []
    lids = np.zeros(len(speaking))
    centres = (np.arange(len(speaking)) + 0.5) / FPS
    for frame in np.flatnonzero(generator.random(len(speaking)) < hazard):
        start = (int(frame) + float(generator.random())) / FPS
        if starts and start - starts[-1] < _APART_S:
            continue
        starts.append(start)
        length_s, depth = generator.uniform(*BLINK_S), generator.uniform(0.88, 1.0)
        lids = np.maximum(lids, depth * blink_shape((centres - start) / float(length_s)))
    return lids, np.array(starts)


def blink_shape(phase: Curve) -> Curve:
    """Lids of one blink, 0 to 1: closing takes 0.35 of it, opening 0.55, shut in between.

    Args:
        phase: time since its start as a share of its length; outside 0 to 1 the eye is open.
    """
    closing = np.clip(phase / 0.35, 0, 1)
    opening = np.clip((phase - 0.45) / 0.55, 0, 1)
    return _ease(closing) - _ease(opening)


def gaze(
    generator: np.random.Generator, frames: int, blink_starts: NDArray[np.float64]
) -> tuple[Curve, Curve]:
    """Saccades in the head's frame, x and y, (t,) each, -1 to 1: mostly at the camera.

    Some saccades hide in blinks, as they do in people.
    """
    moments = [0.0]
    while moments[-1] < frames / FPS:
        moments.append(moments[-1] + 0.25 + float(generator.exponential(0.9)))
    starts = np.unique([*moments, *blink_starts[generator.random(len(blink_starts)) < 0.4]])
    index = np.minimum((starts * FPS).astype(np.int64), frames)
    x, y = np.zeros(frames), np.zeros(frames)
    for begin, end in zip(index, [*index[1:], frames], strict=True):
        wide = 1.0 if generator.random() < 0.18 else 0.15
        x[begin:end] = wide * np.clip(generator.normal(0, 0.22), -0.6, 0.6)
        y[begin:end] = wide * np.clip(generator.normal(0, 0.15), -0.4, 0.4)
    # A saccade takes 30 to 60 ms: one or two frames.
    return scipy.ndimage.gaussian_filter1d(x, 0.5), scipy.ndimage.gaussian_filter1d(y, 0.5)


def fixation(head: Mapping[str, Curve]) -> tuple[Curve, Curve]:
    """Gaze x and y that stays on the camera while the head moves by so many degrees."""
    return -_GAZE_PER_DEGREE * head["yaw"], _GAZE_PER_DEGREE * head["pitch"]


def graded(generator: np.random.Generator, frames: int) -> Curve:
    """Intensity of an emotion over a clip, (t,): 0.6 to 1, drifting about a level of its own."""
    level = float(generator.uniform(0.7, 1.0))
    return np.clip(level * (1 + 0.12 * _sway(generator, frames, 1.0)), 0.6, 1.0)


def _sway(generator: np.random.Generator, frames: int, tempo: float) -> Curve:
    """Smooth random movement of about unit deviation: sines of 0.1 to 0.5 Hz."""
    time = np.arange(frames) / FPS
    frequency = generator.uniform(0.1, 0.5, 6) * tempo
    amplitude = generator.rayleigh(1.0, 6) / (frequency / 0.3) ** 0.5
    amplitude *= np.sqrt(2 / np.sum(amplitude**2))
    phase = generator.uniform(0, 2 * np.pi, 6)
    return np.sin(2 * np.pi * frequency * time[:, None] + phase) @ amplitude


def _bump(time: Curve, centre_s: float, width_s: float) -> Curve:
    """Raised cosine of height 1 and half height at a width from its centre."""
    distance = np.minimum(np.abs(time - centre_s) / (2 * width_s), 1)
    return 0.5 + 0.5 * np.cos(np.pi * distance)


def _ease(share: Curve) -> Curve:
    return share * share * (3 - 2 * share)

"""Which controls the engine's pictures get: heads that move a little and mouths that speak."""

import numpy as np
from numpy.typing import NDArray

from openfloat.data.controls import INDEX, TABLE

LOW = np.array([control.low for control in TABLE], dtype=np.float32)
HIGH = np.array([control.high for control in TABLE], dtype=np.float32)
MOST_TURN = {"yaw": 14.0, "pitch": 10.0, "roll": 12.0}
"""Degrees that a photo may be turned away from the pose it was taken in: beyond, its silhouette
would have to show what it does not."""
STILL_SHARE, STILL_AMOUNT = 0.65, 0.2
POSE_SPREAD = {"yaw": 8.0, "pitch": 5.5, "roll": 4.5}
VISEMES: tuple[tuple[float, dict[str, tuple[float, float]]], ...] = (
    (0.20, {}),
    (0.22, {"jaw_open": (0.15, 0.85), "upper_lip_up": (0, 0.4), "lower_lip_down": (0, 0.4)}),
    (0.15, {
        "jaw_open": (0, 0.3), "lips_wide": (0.2, 1),
        "upper_lip_up": (0.1, 0.6), "lower_lip_down": (0, 0.6),
    }),
    (0.13, {"jaw_open": (0, 0.35), "lips_round": (0.3, 1), "lower_lip_down": (0, 0.2)}),
    (0.11, {"jaw_open": (0, 0.15), "lips_pressed": (0.4, 1), "lips_wide": (0, 0.3)}),
    (0.06, {"jaw_open": (0, 0.15), "lips_pressed": (0.1, 0.5), "upper_lip_up": (0.1, 0.5)}),
    (0.13, {
        "jaw_open": (0, 0.7), "lips_round": (0, 0.5), "lips_wide": (0, 0.5),
        "upper_lip_up": (0, 0.7), "lower_lip_down": (0, 0.8), "lips_pressed": (0, 0.3),
    }),
)  # fmt: skip
"""Share of pictures and ranges of controls: closed, aa, ee, oo, m b p, f v, anything."""
SPEECH = (
    "jaw_open", "lips_round", "lips_wide", "upper_lip_up", "lower_lip_down", "lips_pressed",
)  # fmt: skip


def draw_controls(base: NDArray[np.float32], generator: np.random.Generator) -> NDArray[np.float32]:
    """Absolute controls (20,) in physical units for one new picture of a portrait.

    Args:
        base: (20,) what the portrait itself shows; a photo's smile and narrow eyes are kept in
            part, its pose is a place to start from.
        generator: draws everything.
    """
    values = dict(zip(INDEX, base.tolist(), strict=True))
    values |= _pose(values, generator) | _speech(generator)
    values |= _expression(values, generator) | _eyes(values, generator)
    controls = np.array([values[name] for name in INDEX], dtype=np.float32)
    return controls.clip(np.minimum(LOW, base), np.maximum(HIGH, base))


def most_turn(name: str, own: float) -> float:
    """Degrees that a photo may be turned away from its own yaw, pitch or roll."""
    return MOST_TURN[name] * (1 - 0.4 * min(1.0, abs(own) / 20))


def _pose(base: dict[str, float], generator: np.random.Generator) -> dict[str, float]:
    """Near the photo's pose, a little towards the front; the more a photo is turned, the less.

    Most pictures hardly turn: pairs of them differ as frames of one sentence do.
    """
    pose = {}
    amount = STILL_AMOUNT if generator.random() < STILL_SHARE else 1.0
    for name, spread in POSE_SPREAD.items():
        most = most_turn(name, base[name])
        change = generator.normal(-0.3 * base[name], spread)
        pose[name] = base[name] + amount * float(np.clip(change, -most, most))
    for name, spread in (("x", 0.028), ("y", 0.028), ("scale", 0.045)):
        pose[name] = (1 - amount) * base[name] + amount * float(generator.normal(0, spread))
    return pose


def _speech(generator: np.random.Generator) -> dict[str, float]:
    """One viseme of random strength."""
    mouth = dict.fromkeys(SPEECH, 0.0)
    chosen = generator.choice(len(VISEMES), p=[share for share, _ in VISEMES])
    for name, (low, high) in VISEMES[chosen][1].items():
        mouth[name] = float(generator.uniform(low, high))
    return mouth


def _expression(base: dict[str, float], generator: np.random.Generator) -> dict[str, float]:
    """Smiles of smiling portraits fade or stay; now and then a new smile, frown or raised brow."""
    smile = base["smile"] * generator.uniform(0.1, 1.0)
    if base["smile"] < 0.4:
        smile = generator.uniform(0, 0.9) if generator.random() < 0.25 else smile
    down = generator.uniform(0, 0.7) if generator.random() < 0.12 and smile < 0.3 else 0.0
    brows_up = generator.uniform(0, 1) if generator.random() < 0.35 else 0.0
    brows_down = generator.uniform(0, 1) if generator.random() < 0.25 else 0.0
    return {"smile": smile, "mouth_down": down, "brows_up": brows_up, "brows_down": brows_down}


def _eyes(base: dict[str, float], generator: np.random.Generator) -> dict[str, float]:
    """Lids closed in part or fully in 35 %, narrowed in one tenth; eyes wander in most."""
    eyes = {"blink": base["blink"], "squint": 0.0}
    if generator.random() < 0.35:
        closed = 1.0 if generator.random() < 0.5 else generator.uniform(0.2, 1.0)
        eyes["blink"] = max(base["blink"], closed)
    elif generator.random() < 0.15:
        eyes["squint"] = generator.uniform(0.1, 0.9)
    if generator.random() < 0.7:
        eyes["gaze_x"] = float(generator.normal(0, 0.5))
        eyes["gaze_y"] = float(generator.normal(0, 0.5))
    return eyes

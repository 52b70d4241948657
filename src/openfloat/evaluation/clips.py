"""Measures against real talking clips: redrawing, lips, closures, head, identity, jitter."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from openfloat.audio.io import load_audio
from openfloat.clip import Portrait
from openfloat.data.manifest import ClipRow, Manifest
from openfloat.data.speech_grid import TimedWord, spread
from openfloat.evaluation.appearance import appearance_distance, picture_scores, shape_distance
from openfloat.evaluation.signals import acceleration, best_match, closure_rate, spread_ratio
from openfloat.evaluation.tracking import (
    AS_IT_IS,
    Frames,
    bridge,
    face_crops,
    follow,
    lip_opening,
    read_coefficients,
    read_controls,
)
from openfloat.pipeline import FloatPipeline
from openfloat.vision.video_reader import read_frames

LONGEST_FRAMES = 250
"""Ten seconds of a long clip are enough."""
CLOSERS = ("p", "b", "m")
TURNS = ("yaw", "pitch", "roll")
NEAREST = 5
"""Frames nearest to the portrait's own pose that stand for its neutral pose."""


class Pair(NamedTuple):
    """A real clip and what the model makes of its first frame and voice."""

    portrait: Portrait
    real: Frames
    made: Frames
    real_points: NDArray[np.float64]
    made_points: NDArray[np.float64]


def choose(manifest: Manifest, count: int) -> list[ClipRow]:
    """Held-out clips, first those of people of whom no clip was trained on, then the others."""
    held_out = [row for row in manifest.clips if row.split == "heldout"]
    trained = {row.person for row in manifest.clips if row.split == "train"}
    return sorted(held_out, key=lambda row: row.person in trained)[:count]


def measure_clip(
    pipeline: FloatPipeline, path: Path, words: Sequence[TimedWord] | None
) -> dict[str, float]:
    """All figures of one clip, by name; those that need word times are left out without them.

    Args:
        pipeline: the model.
        path: a talking clip with sound.
        words: when each word is said, where that is known.

    Raises:
        NoFaceFound: its first frame shows no face.
        BadMedia: it cannot be read.
    """
    pair = make_pair(pipeline, path)
    row = redrawing(pipeline, pair.portrait, pair.real) | lips(pair)
    row |= identity(pair) | head(pipeline, pair)
    row["jitter_ratio"] = acceleration(bridge(pair.made_points)) / max(
        acceleration(bridge(pair.real_points)), 1e-9
    )
    if words:
        moments = closing_moments(words)
        row["closure_rate"] = closure_rate(lip_opening(pair.made_points), moments)
        row["closure_rate_real"] = closure_rate(lip_opening(pair.real_points), moments)
    return row


def make_pair(pipeline: FloatPipeline, path: Path) -> Pair:
    """Read the clip, and let its first frame speak with its voice."""
    frames = [frame for frame, _ in zip(read_frames(path), range(LONGEST_FRAMES), strict=False)]
    real = face_crops(frames, pipeline.config.autoencoder.size)
    portrait = pipeline.encode(real[0], AS_IT_IS)
    voice = load_audio(path)[: len(real) * 640]
    made = pipeline(portrait, voice).frames
    length = min(len(made), len(real))
    real, made = real[:length], made[:length]
    return Pair(portrait, real, made, follow(real), follow(made))


def redrawing(pipeline: FloatPipeline, portrait: Portrait, real: Frames) -> dict[str, float]:
    """PSNR (dB), SSIM and feature distance of the frames redrawn from the first one's looks."""
    coefficients = torch.from_numpy(read_coefficients(pipeline, real)).to(pipeline.device)
    if pipeline.config.motion_space == "latent":
        coefficients = pipeline.model.autoencoder.basis.motion(coefficients)
    made = np.concatenate([pipeline.decode(portrait, part) for part in coefficients.split(8)])
    both = [picture_scores(a, b) for a, b in zip(real[1:], made[1:], strict=True)]
    return {
        "psnr": float(np.mean([score.psnr for score in both])),
        "ssim": float(np.mean([score.ssim for score in both])),
        "feature_distance": appearance_distance(real[1:], made[1:]),
    }


def lips(pair: Pair) -> dict[str, float]:
    """How the opening of the generated lips follows that of the real ones."""
    r, lag = best_match(lip_opening(pair.real_points), lip_opening(pair.made_points))
    return {"lip_r": r, "lip_lag_frames": float(lag)}


def head(pipeline: FloatPipeline, pair: Pair) -> dict[str, float]:
    """Spread of yaw, pitch and roll over that of the real clip; with named directions alone."""
    if not pipeline.config.controls:
        return {}
    real, made = read_controls(pipeline, pair.real), read_controls(pipeline, pair.made)
    return {f"{name}_spread_ratio": spread_ratio(made[name], real[name]) for name in TURNS}


def identity(pair: Pair) -> dict[str, float]:
    """Distance of generated frames to the portrait over that of real frames of the same person.

    Shape: face points without lips and lids, after the best similarity. Appearance: features of
    the picture. Both at the frames whose points lie nearest to the portrait's; the ratio is the
    mean of both ratios.
    """
    first, looks = pair.real_points[0], pair.real[:1]
    shapes, pictures = [], []
    for frames, points in ((pair.made, pair.made_points), (pair.real, pair.real_points)):
        shape = np.array([shape_distance(p, first) for p in points[1:]])
        near = 1 + np.argsort(shape)[:NEAREST]
        shapes.append(float(np.median(shape)))
        pictures.append(appearance_distance(np.repeat(looks, len(near), 0), frames[near]))
    ratios = [made / max(real, 1e-9) for made, real in (shapes, pictures)]
    return {"identity_ratio": float(np.mean(ratios))}


def closing_moments(words: Sequence[TimedWord]) -> NDArray[np.float64]:
    """(n,) seconds at which the lips should be closed: the middles of p, b and m."""
    phones = spread(words, max(end for _, end, _ in words))
    return np.array([(p.start_s + p.end_s) / 2 for p in phones if p.name in CLOSERS])

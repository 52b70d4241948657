"""Yardsticks for videos: what is measured on one video, on a pair, or on two sets of them.

Those here need no published network. What stands in for one is named after what it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from openfloat.config import FPS
from openfloat.data.controls import INDEX, to_values
from openfloat.evaluation.appearance import appearance_distance
from openfloat.evaluation.beats import beat_alignment, motion_beats, voice_beats
from openfloat.evaluation.signals import Match, acceleration, best_match, count_blinks
from openfloat.evaluation.tracking import BATCH, bridge, lip_opening
from openfloat.evaluation.watched import Watched
from openfloat.pipeline import FloatPipeline

Better = Literal["lower", "higher", "near 0", "near 1", "near the reference's"]
Features = NDArray[np.float64]
POSE, EXPRESSION = slice(0, 6), slice(6, 20)
CLIP_FRAMES = 16
"""Length of the pieces whose motion is compared as a whole."""
MOST_LAG = 5
SAMPLED = 5
"""Every so many frames one is taken for distributions of pictures."""
CLOSED_SHARE = 0.1
WITHIN = 2
MOST_PSNR = 100.0
"""dB that equal pictures count as."""


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What a figure is."""

    what: str
    better: Better


@dataclass(frozen=True, kw_only=True, slots=True)
class Yardsticks:
    """Figures by name, by what they are measured on."""

    about: Mapping[str, About] = field(default_factory=dict)
    distributions: Mapping[str, Callable[[Watched], Features]] = field(default_factory=dict)
    """Features (n, c) of one video; the figure is the Fréchet distance between the two sets."""
    pairs: Mapping[str, Callable[[Watched, Watched], float]] = field(default_factory=dict)
    """Of a reference and a made video; the figure is the mean."""
    singles: Mapping[str, Callable[[Watched], float]] = field(default_factory=dict)
    """Of one video, told for the made ones and for the reference."""

    def __or__(self, other: "Yardsticks") -> "Yardsticks":
        return Yardsticks(
            about={**self.about, **other.about},
            distributions={**self.distributions, **other.distributions},
            pairs={**self.pairs, **other.pairs},
            singles={**self.singles, **other.singles},
        )


def own_yardsticks(pipeline: FloatPipeline) -> Yardsticks:
    """Those that need nothing but this package."""
    return Yardsticks(
        about=ABOUT,
        distributions={
            "look_frechet": lambda clip: looks(pipeline, clip),
            "clip_motion_frechet": clip_motion,
            "expression_frechet": lambda clip: _coefficients(clip)[:, EXPRESSION],
            "pose_frechet": lambda clip: _coefficients(clip)[:, POSE],
        },
        pairs={
            "PSNR": _psnr,
            "SSIM": _ssim,
            "feature_distance": lambda real, made: appearance_distance(*_same(real, made)),
            "look_cosine": lambda real, made: cosine(looks(pipeline, real), looks(pipeline, made)),
            "lip_r": lambda real, made: _lips(real, made).r,
            "lip_lag_frames": lambda real, made: float(_lips(real, made).lag),
            "closure_rate": closure_agreement,
            "jitter_ratio": lambda real, made: (
                acceleration(bridge(made.points)) / max(acceleration(bridge(real.points)), 1e-9)
            ),
        },
        singles={
            "mouth_loudness_r": mouth_loudness,
            "blinks_per_minute": blink_rate,
            "diversity_degrees": lambda clip: float(head_pose(clip).std(axis=0).mean()),
            "beat_alignment": lambda clip: beat_alignment(
                motion_beats(head_pose(clip)), voice_beats(clip.sound)
            ),
        },
    )


ABOUT = {
    "PSNR": About(what="of frames at the same time, dB", better="higher"),
    "SSIM": About(what="the same, structural similarity", better="higher"),
    "feature_distance": About(
        what="built like LPIPS, in a random network: compares with its like alone", better="lower"
    ),
    "look_frechet": About(
        what="Fréchet distance of our encoder's latents of face crops; not FID", better="lower"
    ),
    "clip_motion_frechet": About(
        what="Fréchet distance of how our reader's coefficients move in 16 frames; not FVD",
        better="lower",
    ),
    "look_cosine": About(
        what="cosine of our encoder's mean latents; not CSIM: no identity network", better="higher"
    ),
    "expression_frechet": About(
        what="Fréchet distance of our reader's 14 face coefficients; not E-FID", better="lower"
    ),
    "pose_frechet": About(
        what="Fréchet distance of our reader's 6 pose coefficients; not P-FID", better="lower"
    ),
    "lip_r": About(what="lip aperture against the reference's, Pearson r", better="higher"),
    "lip_lag_frames": About(what="frames that the lips come late", better="near 0"),
    "closure_rate": About(
        what="share of the reference's lip closures at which the lips close", better="higher"
    ),
    "jitter_ratio": About(
        what="acceleration of the nose bridge over the reference's", better="near 1"
    ),
    "mouth_loudness_r": About(
        what="lip aperture against the voice's loudness at the best lag; not LSE",
        better="near the reference's",
    ),
    "blinks_per_minute": About(what="by our reader", better="near the reference's"),
    "diversity_degrees": About(
        what="deviation of yaw, pitch and roll within a clip", better="near the reference's"
    ),
    "beat_alignment": About(
        what="heads come to rest where the voice sets in", better="near the reference's"
    ),
}


def _coefficients(clip: Watched) -> Features:
    return np.asarray(clip.coefficients, np.float64)


def clip_motion(clip: Watched) -> Features:
    """(n, 60) mean, deviation and mean change per frame of the coefficients in 16 frames."""
    motion = _coefficients(clip)
    rows = []
    for start in range(0, len(motion) - CLIP_FRAMES + 1, CLIP_FRAMES // 2):
        piece = motion[start : start + CLIP_FRAMES]
        change = np.abs(np.diff(piece, axis=0)).mean(axis=0)
        rows.append(np.concatenate([piece.mean(axis=0), piece.std(axis=0), change]))
    return np.stack(rows)


@torch.inference_mode()
def looks(pipeline: FloatPipeline, clip: Watched) -> Features:
    """(n, d) identity latents of some frames, before the portrait's motion is taken off."""
    found = []
    for piece in torch.from_numpy(clip.crops[::SAMPLED].copy()).split(BATCH):
        images = piece.to(pipeline.device).permute(0, 3, 1, 2).float() / 127.5 - 1
        found.append(pipeline.model.autoencoder.encode(images).identity.cpu())
    return torch.cat(found).numpy().astype(np.float64)


def cosine(features: Features, others: Features) -> float:
    """Cosine of the angle between the means of two sets of features."""
    a, b = features.mean(axis=0), others.mean(axis=0)
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-12))


def _same(real: Watched, made: Watched) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    length = min(len(real.frames), len(made.frames))
    return real.frames[:length:SAMPLED], made.frames[:length:SAMPLED]


def _psnr(real: Watched, made: Watched) -> float:
    """Mean over frames; equal frames count as `MOST_PSNR`."""
    errors = [
        np.square(a.astype(np.float64) - b).mean() for a, b in zip(*_same(real, made), strict=True)
    ]
    return float(np.mean([min(MOST_PSNR, 10 * np.log10(255**2 / max(e, 1e-9))) for e in errors]))


def _ssim(real: Watched, made: Watched) -> float:
    both = zip(*_same(real, made), strict=True)
    scores = [structural_similarity(a, b, channel_axis=2) for a, b in both]  # type: ignore[no-untyped-call]
    return float(np.mean(scores))


def _lips(real: Watched, made: Watched) -> Match:
    length = min(len(real.points), len(made.points))
    return best_match(
        lip_opening(real.points[:length]), lip_opening(made.points[:length]), MOST_LAG
    )


def closures(opening: NDArray[np.float64]) -> NDArray[np.int64]:
    """Frames in the middle of stretches in which the lips are shut.

    Shut: within a tenth of the clip's range (5th to 95th percentile) above its low end.
    """
    low, high = np.percentile(opening, (5, 95))
    shut = opening <= low + CLOSED_SHARE * (high - low)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], shut.astype(int), [0]])))
    return np.asarray((edges[::2] + edges[1::2] - 1) // 2)


def closure_agreement(real: Watched, made: Watched) -> float:
    """Share of the reference's closures at which the made lips are shut within two frames."""
    length = min(len(real.points), len(made.points))
    wanted = closures(lip_opening(real.points[:length]))
    opening = lip_opening(made.points[:length])
    low, high = np.percentile(opening, (5, 95))
    shut = opening <= low + CLOSED_SHARE * (high - low)
    hits = [shut[max(0, frame - WITHIN) : frame + WITHIN + 1].any() for frame in wanted]
    return float(np.mean(hits)) if hits else float("nan")


def mouth_loudness(clip: Watched) -> float:
    """Correlation of lip aperture with the voice's loudness; NaN without sound."""
    count = min(len(clip.points), len(clip.sound) // 640)
    if count < 2 * MOST_LAG:
        return float("nan")
    power = np.square(clip.sound[: count * 640].reshape(count, 640), dtype=np.float64).mean(axis=1)
    return best_match(np.log10(power + 1e-7), lip_opening(clip.points[:count]), MOST_LAG).r


def blink_rate(clip: Watched) -> float:
    """Blinks a minute by the reader's lids."""
    lids = to_values(clip.coefficients)[:, INDEX["blink"]].astype(np.float64)
    return 60 * FPS * count_blinks(lids) / len(lids)


def head_pose(clip: Watched) -> Features:
    """(t, 3) yaw, pitch, roll in degrees by the reader."""
    return to_values(clip.coefficients)[:, :3].astype(np.float64)

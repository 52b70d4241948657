"""Measures on held-out portraits that speak: silence, blinks, emotions."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openfloat.audio.io import load_audio
from openfloat.clip import Portrait
from openfloat.config import CONTROLS, EMOTIONS, FPS, SAMPLE_RATE
from openfloat.data.controls import SCALES
from openfloat.data.manifest import Manifest
from openfloat.data.manner import EXPRESSIONS
from openfloat.evaluation.signals import count_blinks, opening_share
from openfloat.evaluation.tracking import follow, lip_opening, read_coefficients, read_controls
from openfloat.options import SampleOptions
from openfloat.pipeline import FloatPipeline

QUIET_S = 3.0
HISS = 1e-4
"""Standard deviation of the hiss that stands for silence: -80 dBFS."""
SCALES_TRIED = (0.0, 1.0, 2.0)


def held_out_portraits(manifest: Manifest, count: int) -> list[str]:
    """Files of held-out portraits of different people, spread over the sources."""
    people = {row.person: row.file for row in reversed(manifest.portraits_of("heldout"))}
    files = sorted(people.values())
    return [files[k] for k in np.linspace(0, len(files) - 1, min(count, len(files))).astype(int)]


def held_out_voices(manifest: Manifest, count: int) -> list[str]:
    """Files of held-out English recordings of different speakers."""
    voices = {
        row.speaker: row.file
        for row in manifest.speech
        if row.split == "heldout" and row.emotion is None
    }
    files = list(voices.values())
    return [files[k] for k in np.linspace(0, len(files) - 1, min(count, len(files))).astype(int)]


def speaking_row(
    pipeline: FloatPipeline, picture: Path, voice: Path, longest_s: float
) -> dict[str, float]:
    """Silence ratio and blinks of one portrait that speaks so many seconds of a recording.

    Raises:
        NoFaceFound: the picture shows no face.
        BadMedia: a file cannot be read.
    """
    portrait = pipeline.encode(picture)
    speech = load_audio(voice)[: int(longest_s * SAMPLE_RATE)]
    hiss = np.random.default_rng(0).normal(0, HISS, int(QUIET_S * SAMPLE_RATE)).astype(np.float32)
    quiet, spoken = pipeline(portrait, hiss).frames, pipeline(portrait, speech).frames
    row = {
        "silence_ratio": opening_share(lip_opening(follow(quiet)), lip_opening(follow(spoken))),
        "seconds": len(spoken) / FPS,
    }
    if pipeline.config.controls:
        row["blinks"] = float(count_blinks(read_controls(pipeline, spoken)["blink"]))
    return row


def emotion_rows(
    pipeline: FloatPipeline, pictures: Sequence[Path], voice: Path
) -> dict[str, list[float]]:
    """How far each emotion moves the generated face in the engine's direction, by guidance scale.

    The expression is read off generated frames, as its change against emotion scale 0, along the
    offsets by which the data engine shows that emotion. Neutral, which has none, counts by how far
    it stays behind the other six, each along its own way. Averaged over frames and portraits.

    Returns:
        for each emotion, one number for each of `SCALES_TRIED`; coefficient units.
    """
    speech = load_audio(voice)[: 3 * SAMPLE_RATE]
    faces = [_mean_faces(pipeline, pipeline.encode(picture), speech) for picture in pictures]
    moved = np.mean(faces, axis=0)  # (emotions, scales, m)
    found = {
        name: moved[index] @ way(name) for index, name in enumerate(EMOTIONS) if name != "neutral"
    }
    still = moved[EMOTIONS.index("neutral")]
    behind = np.mean([own - still @ way(name) for name, own in found.items()], axis=0)
    return {name: np.asarray(found.get(name, behind)).tolist() for name in EMOTIONS}


def way(emotion: str) -> NDArray[np.float64]:
    """(m,) unit vector of an emotion's expression in coefficient units."""
    offsets = EXPRESSIONS[emotion].offsets
    direction = np.array([offsets.get(name, 0.0) for name in CONTROLS]) / SCALES
    return np.asarray(direction / np.linalg.norm(direction))


def _mean_faces(
    pipeline: FloatPipeline, portrait: Portrait, speech: NDArray[np.float32]
) -> NDArray[np.float64]:
    """(emotions, scales, m) mean coefficients read off generated frames, less those at scale 0."""

    def face(emotion: str, scale: float) -> NDArray[np.float64]:
        options = SampleOptions(seed=1, emotion=emotion, emotion_scale=scale)
        frames = pipeline(portrait, speech, options).frames
        return read_coefficients(pipeline, frames).mean(axis=0).astype(np.float64)

    ignored = face("neutral", 0.0)
    return np.array(
        [
            [face(emotion, scale) - ignored if scale else 0 * ignored for scale in SCALES_TRIED]
            for emotion in EMOTIONS
        ]
    )


def in_direction(found: dict[str, list[float]]) -> int:
    """How many emotions move the face their way, further the larger the scale."""
    return sum(values[-1] > 0 and bool((np.diff(values) > 0).all()) for values in found.values())

"""How a portrait follows a held-out driving video of somebody else.

Both videos, the driving one and the one that was made of it, are looked at in the same way: by the
landmark detector for yaw, of a standard face laid over the points, and for the gap between lips; by
the motion reader, where directions have names, for pitch, of which the detector sees next to
nothing. What is told is how well the curves of the two agree over time.
"""

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from openfloat.data.manifest import read_manifest
from openfloat.errors import BadInput, NoFaceFound
from openfloat.evaluation.clips import LONGEST_FRAMES
from openfloat.evaluation.goals import Goal
from openfloat.evaluation.model import hardware
from openfloat.evaluation.tracking import Frames, face_crops, follow, read_controls
from openfloat.evaluation.voices import held_out_portraits
from openfloat.options import MarkOptions
from openfloat.pipeline import FloatPipeline
from openfloat.reenactment.show import reenact
from openfloat.vision.head_pose import fit_head, standard_face
from openfloat.vision.measure import mouth_aperture
from openfloat.vision.video_reader import probe, read_frames
from openfloat.vision.video_writer import VideoWriter

FOLLOWED = ("yaw", "pitch", "aperture")
FOLLOWS = Goal("agreement with the driving video, Pearson r", low=0.8)
MOVES = {"yaw": 1.0, "pitch": 1.0, "aperture": 0.02}
"""Spread (standard deviation; degrees, eye distances) below which a driving video does not move a
head or lips enough to say whether they were followed: the detector's own trembling."""


def evaluate_reenactment(
    pipeline: FloatPipeline,
    data_dir: Path,
    *,
    clips: int = 6,
    longest: int = LONGEST_FRAMES,
    said: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Reenact held-out clips with held-out portraits, and measure.

    Args:
        pipeline: the model.
        data_dir: a data pack.
        clips: how many, those first that are long.
        longest: frames of a clip.
        said: told of every clip.

    Returns:
        for JSON: `figures` with for each of `FOLLOWED` the median `r`, the `clips` it is over (of
        those whose driving video moves) and its goal; `rows`; model and hardware.

    Raises:
        BadInput: the data pack holds no clips that show a face.
    """
    manifest = read_manifest(data_dir)
    files = [row.file for row in manifest.clips if row.split == "heldout"]
    files.sort(key=lambda file: -probe(data_dir / file).num_frames)
    portraits = held_out_portraits(manifest, clips)
    rows: list[dict[str, Any]] = []
    for number, file in enumerate(files[:clips]):
        said(file)
        portrait = data_dir / portraits[number % len(portraits)]
        try:
            rows.append({"clip": file, "portrait": portrait.name})
            rows[-1] |= _row(pipeline, data_dir / file, portrait, longest)
        except NoFaceFound:
            rows.pop()
    if not rows:
        raise BadInput(f"no held-out clip of {data_dir} could be reenacted")
    return {
        "figures": {name: _figure(rows, name) for name in FOLLOWED},
        "rows": rows,
        "model": pipeline.config.name,
        "hardware": hardware(pipeline.device.type),
    }


def _row(
    pipeline: FloatPipeline, clip: Path, portrait: Path, longest: int
) -> dict[str, dict[str, float]]:
    """Agreement and spreads of one clip, for each of `FOLLOWED`."""
    frames = np.stack([frame for frame, _ in zip(read_frames(clip), range(longest), strict=False)])
    with tempfile.TemporaryDirectory() as folder:
        driving, made = Path(folder) / "driving.mp4", Path(folder) / "made.mp4"
        with VideoWriter(driving, frames.shape[2], frames.shape[1], crf=12) as writer:
            writer.write(frames)
        reenact(pipeline, portrait, driving, made, marks=MarkOptions(mark=False))
        shown = np.stack(list(read_frames(made)))
    return agreements(curves(pipeline, frames), curves(pipeline, shown))


def curves(pipeline: FloatPipeline, frames: Frames) -> dict[str, Float64[ndarray, " t"]]:
    """What a face does over time, degrees and eye distances, by the names of `FOLLOWED`."""
    points = follow(frames)
    poses = [fit_head(face, standard_face()).pose for face in points]
    pitch = np.array([pose.pitch for pose in poses])
    if pipeline.config.controls:
        crops = face_crops(list(frames), pipeline.config.autoencoder.size)
        pitch = read_controls(pipeline, crops)["pitch"].astype(np.float64)
    return {
        "yaw": np.array([pose.yaw for pose in poses]),
        "pitch": pitch,
        "aperture": np.asarray(mouth_aperture(points), np.float64),
    }


def agreements(
    driving: dict[str, Float64[ndarray, " t"]], made: dict[str, Float64[ndarray, " t"]]
) -> dict[str, dict[str, float]]:
    """Pearson's r of each curve with the driving one, and how far either spreads."""
    found = {}
    for name, wanted in driving.items():
        length = min(len(wanted), len(made[name]))
        a, b = wanted[:length], made[name][:length]
        still = a.std() == 0 or b.std() == 0
        found[name] = {
            "r": 0.0 if still else float(np.corrcoef(a, b)[0, 1]),
            "driving": float(a.std()),
            "made": float(b.std()),
        }
    return found


def _figure(rows: list[dict[str, Any]], name: str) -> dict[str, Any]:
    moving = [row[name]["r"] for row in rows if row[name]["driving"] >= MOVES[name]]
    r = statistics.median(moving) if moving else None
    return {"r": r, "clips": len(moving), "of": len(rows), "goal": FOLLOWS.judge(r)}


def reenactment_table(report: dict[str, Any]) -> str:
    """A line for each clip, and one for each figure."""
    lines = [f"{'clip':38s} " + " ".join(f"{name:>22s}" for name in FOLLOWED)]
    for row in report["rows"]:
        cells = [
            f"{row[name]['r']:6.2f} ({row[name]['driving']:5.2f} ->{row[name]['made']:6.2f})"
            for name in FOLLOWED
        ]
        lines.append(f"{row['clip'][-38:]:38s} " + " ".join(f"{cell:>22s}" for cell in cells))
    for name, figure in report["figures"].items():
        told = "no clip moves enough" if figure["r"] is None else f"r {figure['r']:.2f}"
        holds = {True: "yes", False: "NO", None: "-"}[figure["goal"]["holds"]]
        lines.append(
            f"{name}: {told}, median of {figure['clips']} of {figure['of']} clips that move, "
            f"wanted {figure['goal']['wanted']}: {holds}"
        )
    return "\n".join(lines)

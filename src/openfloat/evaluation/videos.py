"""Made videos against reference videos of the same names: every figure, with the rows behind it."""

import logging
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from openfloat.errors import BadInput, NoFaceFound
from openfloat.evaluation.frechet import Gaussian, frechet_distance
from openfloat.evaluation.model import hardware
from openfloat.evaluation.published import published_yardsticks
from openfloat.evaluation.tracking import AS_IT_IS, face_crops
from openfloat.evaluation.video_options import PublishedWeights
from openfloat.evaluation.watched import (
    LONGEST_FRAMES,
    Watched,
    paired_files,
    videos_by_name,
    watch_video,
)
from openfloat.evaluation.yardsticks import Yardsticks, own_yardsticks
from openfloat.options import MarkOptions
from openfloat.pipeline import FloatPipeline
from openfloat.vision.video_reader import read_frames
from openfloat.vision.video_writer import VideoWriter

logger = logging.getLogger(__name__)

Pair = tuple[Watched, Watched]
"""Made and reference."""
KEPT_FRAMES = 5
"""Frames of each video that a page may show."""


def evaluate_videos(
    folder: Path,
    reference: Path,
    weights: PublishedWeights = PublishedWeights(),
    *,
    reader: str = "openfloat-256",
    said: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Measure a folder of videos against another; pairs go by name.

    Args:
        folder: made videos, 25 fps.
        reference: real ones.
        weights: files of published networks.
        reader: model whose reader measures pose, expression and lids.
        said: told of every pair.

    Returns:
        for JSON: `figures` by name (value, smallest and largest of the pairs where there are such,
        the reference's own value, what it is, which way is better), `rows`, `pairs`, `skipped`,
        hardware.

    Raises:
        BadInput: a folder is missing or nothing fits together.
        BadCheckpoint: a file is not the network that it should be.
    """
    pipeline = FloatPipeline.from_pretrained(reader)
    yardsticks = own_yardsticks(pipeline) | published_yardsticks(weights)
    rows: list[dict[str, Any]] = []
    features: dict[str, tuple[list[Any], list[Any]]] = {
        name: ([], []) for name in yardsticks.distributions
    }
    skipped = []
    for made_file, real_file in paired_files(folder, reference):
        said(made_file.name)
        try:
            real = watch_video(pipeline, real_file)
            made = watch_video(pipeline, made_file, real.frames.shape[1:3])
        except NoFaceFound as problem:
            logger.warning("%s is left out: %s", made_file.name, problem)
            skipped.append(made_file.name)
            continue
        rows.append({"file": made_file.name, **pair_row(yardsticks, real, made)})
        for name, extract in yardsticks.distributions.items():
            for side, clip in zip(features[name], (made, real), strict=True):
                side.append(extract(clip))
    if not rows:
        raise BadInput(f"no pair of {folder} and {reference} shows a face")
    return {
        "figures": summarise(yardsticks, rows, features),
        "rows": rows,
        "pairs": len(rows),
        "skipped": skipped,
        "reference": reference.name,
        "videos": folder.name,
        "hardware": hardware("cpu"),
    }


def pair_row(yardsticks: Yardsticks, real: Watched, made: Watched) -> dict[str, float]:
    """Every figure of one pair; the reference's own under `<name> (reference)`."""
    row = {name: measure(real, made) for name, measure in yardsticks.pairs.items()}
    for name, look in yardsticks.singles.items():
        row[name], row[f"{name} (reference)"] = look(made), look(real)
    return row


def summarise(
    yardsticks: Yardsticks,
    rows: Sequence[dict[str, Any]],
    features: dict[str, tuple[list[Any], list[Any]]],
) -> dict[str, dict[str, Any]]:
    """One entry for every figure: means over pairs, Fréchet distances over all of them."""
    found: dict[str, dict[str, Any]] = {}
    for name, sides in features.items():
        made, real = (Gaussian.of(np.concatenate(side)) for side in sides)
        found[name] = {"value": frechet_distance(made, real)}
    for name in (*yardsticks.pairs, *yardsticks.singles):
        numbers = [row[name] for row in rows if row[name] == row[name]]
        if not numbers:
            continue
        found[name] = {
            "value": statistics.fmean(numbers), "low": min(numbers), "high": max(numbers),
        }  # fmt: skip
        truths = [row[key] for row in rows if (key := f"{name} (reference)") in row]
        if truths := [value for value in truths if value == value]:
            found[name]["reference"] = statistics.fmean(truths)
    for name, entry in found.items():
        about = yardsticks.about[name]
        entry |= {"what": about.what, "better": about.better}
    return found


def draw_videos(model: str, reference: Path, out: Path, said: Callable[[str], None]) -> Path:
    """Let a model speak each reference video's voice with its first frame; a folder of pairs.

    Args:
        model: name or folder of the model.
        reference: videos with sound.
        out: gets `made` and `reference`, both cut to the first frame's face.
        said: told of every video.

    Returns:
        `out`.
    """
    pipeline = FloatPipeline.from_pretrained(model)
    size = pipeline.config.autoencoder.size
    for kind in ("made", "reference"):
        (out / kind).mkdir(parents=True, exist_ok=True)
    for name, file in videos_by_name(reference).items():
        made, real = (out / kind / f"{name}.mp4" for kind in ("made", "reference"))
        if made.is_file():
            continue
        said(f"drawing {name}")
        frames = [f for f, _ in zip(read_frames(file), range(LONGEST_FRAMES), strict=False)]
        try:
            crops = face_crops(frames, size)
        except NoFaceFound as problem:
            logger.warning("%s is left out: %s", file.name, problem)
            continue
        with VideoWriter(real, size, size, 25, file) as writer:
            writer.write(crops)
        portrait = pipeline.encode(crops[0], AS_IT_IS)
        pipeline.render(portrait, file, made, marks=MarkOptions(mark=False))
    return out


def videos_table(report: dict[str, Any]) -> str:
    """A line for every figure."""
    lines = [f"{'figure':22s} {'value':>10s} {'range':>20s} {'reference':>10s}  better"]
    for name, entry in report["figures"].items():
        low, high, truth = (entry.get(key) for key in ("low", "high", "reference"))
        between = "-" if low is None else f"{low:.3f} .. {high:.3f}"
        shown = "-" if truth is None else f"{truth:.3f}"
        lines.append(
            f"{name:22s} {entry['value']:10.3f} {between:>20s} {shown:>10s}  {entry['better']}"
            f"   {entry['what']}"
        )
    lines.append(f"{report['pairs']} pairs, {len(report['skipped'])} left out")
    return "\n".join(lines)


def strip(file: Path, count: int = KEPT_FRAMES, height: int = 128) -> Image.Image:
    """Some frames of a video beside each other."""
    frames = [f for f, _ in zip(read_frames(file), range(LONGEST_FRAMES), strict=False)]
    chosen = [frames[k] for k in np.linspace(0, len(frames) - 1, count).astype(int)]
    width = round(height * chosen[0].shape[1] / chosen[0].shape[0])
    picture = Image.new("RGB", (width * count, height))
    for place, frame in enumerate(chosen):
        picture.paste(Image.fromarray(frame).resize((width, height)), (place * width, 0))
    return picture

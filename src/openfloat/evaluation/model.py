"""One command's worth of figures: a model on the held-out part of a data pack."""

import logging
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import torch

from openfloat.audio.io import load_audio
from openfloat.config import SAMPLE_RATE
from openfloat.data.manifest import read_manifest
from openfloat.data.speech_grid import read_words
from openfloat.errors import NoFaceFound
from openfloat.evaluation.clips import choose, measure_clip
from openfloat.evaluation.goals import GOALS
from openfloat.evaluation.voices import (
    emotion_rows,
    held_out_portraits,
    held_out_voices,
    in_direction,
    speaking_row,
)
from openfloat.pipeline import FloatPipeline
from openfloat.weights.hub import resolve_model

logger = logging.getLogger(__name__)

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluateOptions:
    """How much is measured."""

    clips: int = 12
    """Held-out clips, people who were not trained on first."""
    portraits: int = 6
    """Held-out portraits that speak one held-out recording each."""
    emotion_portraits: int = 2
    """Held-out portraits on which the emotions are measured; 0: they are not."""
    rounds: int = 3
    """Runs of the whole command whose median is the speed; 0 leaves it out."""
    voice_s: float = 60.0
    """Seconds of a voice that a portrait says, at most."""


def evaluate_model(
    name: str | Path,
    data_dir: Path,
    options: EvaluateOptions = EvaluateOptions(),
    *,
    device: str = "cpu",
    said: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Measure a model on what it was never trained on.

    Args:
        name: embedded model or model folder.
        data_dir: a data pack with held-out clips, portraits and speech.
        options: how much.
        device: where the model runs.
        said: told of every step.

    Returns:
        for JSON: one median per figure of `GOALS` by name, `spread` (smallest and largest),
        `goals` (what is asked, and whether it holds), the rows behind them, and the hardware.

    Raises:
        BadInput: the folder is no data pack.
        ModelNotFound: there is no such model.
    """
    manifest = read_manifest(data_dir)
    pipeline = FloatPipeline.from_pretrained(name, device=device)
    words = read_words(data_dir)
    faces = held_out_portraits(manifest, options.portraits)
    voices = held_out_voices(manifest, options.portraits)

    def clip_row(file: str) -> Row:
        return measure_clip(pipeline, data_dir / file, words.get(Path(file).stem))

    def portrait_row(face: str, voice: str) -> Row:
        return speaking_row(pipeline, data_dir / face, data_dir / voice, options.voice_s)

    clips = _rows(clip_row, [(row.file,) for row in choose(manifest, options.clips)], said)
    portraits = _rows(portrait_row, list(zip(faces, voices, strict=False)), said)
    emotions: dict[str, list[float]] = {}
    if pipeline.config.controls and options.emotion_portraits:
        said("emotions")
        pictures = [data_dir / face for face in faces[: options.emotion_portraits]]
        emotions = emotion_rows(pipeline, pictures, data_dir / voices[0])
    report = summarise([*clips, *portraits])
    report |= _totals(portraits, emotions, resolve_model(name))
    if options.rounds:
        said("speed of the whole command")
        longest = max((data_dir / voice for voice in voices), key=_seconds)
        speeds = [whole_command(name, device, longest) for _ in range(options.rounds)]
        report["fps"], report["fps_rounds"] = statistics.median(speeds), speeds
        report["fps_seconds"] = _seconds(longest)
    report["goals"] = {key: goal.judge(report.get(key)) for key, goal in GOALS.items()}
    report["clips"], report["portraits"], report["emotions"] = clips, portraits, emotions
    report["model"], report["hardware"] = str(name), hardware(device)
    return report


def _rows(
    measure: Callable[..., Row], jobs: Sequence[tuple[str, ...]], said: Callable[[str], None]
) -> list[Row]:
    """One row for each job's files; those without a face are left out, with a warning."""
    rows = []
    for files_of_job in jobs:
        name = " ".join(files_of_job)
        said(name)
        try:
            rows.append({"file": name, **measure(*files_of_job)})
        except NoFaceFound as problem:
            logger.warning("%s is left out: %s", name, problem)
    return rows


def summarise(rows: list[Row]) -> dict[str, Any]:
    """Medians over the rows that have a figure, and under `spread` smallest and largest."""
    names = dict.fromkeys(name for row in rows for name in row if name != "file")
    values = {
        name: [row[name] for row in rows if name in row and row[name] == row[name]]
        for name in names
    }
    medians: dict[str, Any] = {name: statistics.median(v) for name, v in values.items() if v}
    medians["spread"] = {name: [min(v), max(v)] for name, v in values.items() if v}
    return medians


def _seconds(voice: Path) -> float:
    return len(load_audio(voice)) / SAMPLE_RATE


def _totals(portraits: list[Row], emotions: dict[str, list[float]], folder: Path) -> dict[str, Any]:
    """Figures that are no medians of rows."""
    seconds = sum(row["seconds"] for row in portraits)
    totals: dict[str, Any] = {
        "megabytes": sum(file.stat().st_size for file in folder.iterdir()) / 1e6,
    }
    if portraits and "blinks" in portraits[0]:
        blinks = sum(row["blinks"] for row in portraits)
        totals["blinks_per_minute"] = 60 * blinks / max(seconds, 1e-9)
    if emotions:
        totals["emotions_in_direction"] = in_direction(emotions)
    return totals


def whole_command(name: str | Path, device: str, voice: Path) -> float:
    """Frames per second of `openfloat animate`, start of process to file.

    Args:
        name: embedded model or model folder.
        device: where it runs.
        voice: what the bundled portrait says.
    """
    with (
        as_file(files("openfloat") / "assets" / "demo") as demo,
        tempfile.TemporaryDirectory() as t,
    ):
        output = Path(t) / "out.mp4"
        command = [
            sys.executable, "-m", "openfloat", "animate",
            str(demo / "portrait.jpg"), str(voice),
            "-o", str(output), "--model", str(name), "--device", device,
        ]  # fmt: skip
        started = time.perf_counter()
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        seconds = time.perf_counter() - started
    frames = int(said.rsplit(" frames of ", 1)[0].rsplit(maxsplit=1)[-1])
    return frames / seconds


def hardware(device: str) -> str:
    """What the figures of speed were measured on."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, {torch.backends.cpu.get_cpu_capability()}"
    )

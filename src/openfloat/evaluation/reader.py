"""How well a model reads motion off pictures, against what the data engine knows of them."""

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from numpy import ndarray

from openfloat.data.controls import TABLE, to_coefficients
from openfloat.data.dataset import to_image
from openfloat.data.engine import PortraitEngine
from openfloat.data.engine_controls import draw_controls
from openfloat.data.manifest import read_manifest
from openfloat.data.picture_cache import load_model
from openfloat.data.portraits import load_portrait, read_landmarks
from openfloat.errors import BadInput
from openfloat.pipeline import FloatPipeline

PHOTO_SIZE = 512
"""Pixels of the portrait that the engine moves."""
FEWEST = 3
"""Pictures of a portrait that a correlation within it needs."""


def evaluate_reader(
    pipeline: FloatPipeline,
    data_dir: Path,
    *,
    portraits: int = 40,
    pictures: int = 8,
    seed: int = 0,
    said: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Let the model read the engine's pictures of held-out portraits.

    Args:
        pipeline: a model whose motion directions have names.
        data_dir: a data pack with held-out portraits and the canonical face.
        portraits: how many people, spread over the sources.
        pictures: made of each; their controls are drawn as those of training pictures are.
        seed: of the draw.
        said: told of every portrait.

    Returns:
        for JSON: under `controls`, by name, `r` over all pictures, `within`: the median over the
        portraits of r among a portrait's own pictures, and `slope` of what is read over what is
        shown; the number of `portraits` and `pictures`; the model.

    Raises:
        BadInput: the model's directions have no names, or the folder is no data pack.
    """
    if not pipeline.config.controls:
        raise BadInput(f"the motion directions of {pipeline.config.name} have no names to read")
    people = {row.person: row for row in read_manifest(data_dir).portraits_of("heldout")}
    rows = sorted(people.values(), key=lambda row: row.file)
    model, landmarks = load_model(data_dir), read_landmarks(data_dir)
    shown, read = [], []
    for index in np.linspace(0, len(rows) - 1, min(portraits, len(rows))).astype(int):
        said(rows[index].file)
        photo = load_portrait(data_dir, rows[index], landmarks, size=PHOTO_SIZE)
        engine = PortraitEngine(model, photo, pipeline.config.autoencoder.size)
        generator = np.random.default_rng((seed, index))
        controls = np.stack([draw_controls(engine.rig.base, generator) for _ in range(pictures)])
        images = np.stack([picture.image for picture in engine.pictures(controls)])
        shown.append(to_coefficients(controls))
        read.append(_read(pipeline, images))
    return {
        "controls": agreement(np.stack(shown), np.stack(read)),
        "portraits": len(shown),
        "pictures": len(shown) * pictures,
        "model": pipeline.config.name,
    }


@torch.inference_mode()
def _read(pipeline: FloatPipeline, images: np.ndarray) -> Float32[ndarray, "n 20"]:
    """Coefficients that the model reads off pictures (n, s, s, 3)."""
    pictures = to_image(images, images.shape[1]).to(pipeline.device)
    found: Float32[ndarray, "n 20"] = pipeline.model.autoencoder.motion_of(pictures).cpu().numpy()
    return found


def agreement(
    shown: Float32[ndarray, "p n c"], read: Float32[ndarray, "p n c"]
) -> dict[str, dict[str, float]]:
    """By control: correlations and slope of what was read of p portraits' n pictures.

    Args:
        shown: coefficients that the pictures were made with.
        read: coefficients read off them.
    """
    report = {}
    for number, control in enumerate(TABLE):
        x, y = shown[..., number], read[..., number]
        own = [correlation(a, b) for a, b in zip(x, y, strict=True) if len(a) >= FEWEST]
        spread = float(x.var())
        report[control.name] = {
            "r": correlation(x.ravel(), y.ravel()),
            "within": statistics.median(own) if own else 0.0,
            "slope": float(((x - x.mean()) * (y - y.mean())).mean() / spread) if spread else 0.0,
        }
    return report


def correlation(x: Float32[ndarray, " n"], y: Float32[ndarray, " n"]) -> float:
    """Pearson's r; 0 where either stands still."""
    x, y = x - x.mean(), y - y.mean()
    length = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / length if length else 0.0


def reader_table(report: dict[str, Any]) -> str:
    """A line for each control."""
    lines = [f"{'control':15s} {'r':>6s} {'within':>7s} {'slope':>6s}"]
    lines += [
        f"{name:15s} {row['r']:6.2f} {row['within']:7.2f} {row['slope']:6.2f}"
        for name, row in report["controls"].items()
    ]
    counts = f"{report['pictures']} pictures of {report['portraits']} held-out portraits"
    return "\n".join([*lines, counts])

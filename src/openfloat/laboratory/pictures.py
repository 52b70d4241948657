"""Small auto-encoders learn from real clips and redraw held-out ones: ablations of phase 1."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openfloat.data.clips import MARKER, RealFrames, build_real_frames
from openfloat.data.dataset import PairSampler, to_image, to_mask
from openfloat.data.manifest import read_manifest
from openfloat.errors import BadInput
from openfloat.evaluation.appearance import appearance_distance
from openfloat.evaluation.frechet import Gaussian, frechet_distance
from openfloat.laboratory.phase1 import PictureVariant
from openfloat.models.autoencoder import FloatAutoencoder
from openfloat.shapes import Image, Mask
from openfloat.training.loop import run_loop
from openfloat.training.perceptual import RandomPyramid
from openfloat.training.stage1 import AutoencoderTask

SIZE, BATCH = 64, 32


class HeldOut(NamedTuple):
    """Frames of clips that were not trained on, each with the first frame of its clip."""

    source: Image
    driving: Image
    region: Mask
    """1 on mouth and eyes of the driving picture."""


class PictureBench:
    """Real frames at 64², cut out of the data pack when they are first needed.

    Args:
        cache_dir: gets `frames-train` and `frames-heldout`.
        data_dir: the data pack.
        train: frames to learn from instead of the data pack's.
        heldout: sets to measure on instead of the data pack's.

    Raises:
        BadInput: there is no data pack.
    """

    def __init__(
        self,
        cache_dir: Path,
        data_dir: Path | None,
        *,
        train: RealFrames | None = None,
        heldout: dict[str, HeldOut] | None = None,
    ) -> None:
        if train is None or heldout is None:
            if data_dir is None or not (data_dir / "manifest.json").is_file():
                raise BadInput("ablations of phase 1 need real clips: name the data pack (--data)")
            train = build_real_frames(data_dir, cache_dir / "frames-train", size=SIZE)
            heldout = _heldout(data_dir, cache_dir / "frames-heldout")
        self.sampler = PairSampler(None, train, real_share=1.0)
        self.tests = heldout


def _heldout(data_dir: Path, folder: Path) -> dict[str, HeldOut]:
    """Held-out clips of people who were trained on, and of strangers."""
    frames = build_real_frames(data_dir, folder, split="heldout", size=SIZE)
    names = json.loads((folder / MARKER).read_text())["people"]
    seen = {row.person for row in read_manifest(data_dir).clips if row.split == "train"}
    familiar = np.array([name in seen for name in names])[frames.person]
    sets = {"familiar": familiar, "strangers": ~familiar}
    return {name: against_first(frames, chosen) for name, chosen in sets.items() if chosen.any()}


def against_first(frames: RealFrames, chosen: NDArray[np.bool_]) -> HeldOut:
    """Every chosen frame but its clip's first, with that first one as its source."""
    first = np.searchsorted(frames.clip, frames.clip)
    rows = np.flatnonzero(chosen & (first < np.arange(len(first))))
    return HeldOut(
        to_image(frames.images[first[rows]], SIZE),
        to_image(frames.images[rows], SIZE),
        to_mask(frames.region[rows], SIZE),
    )


def trained_autoencoder(
    variant: PictureVariant, seed: int, bench: PictureBench, out: Path
) -> FloatAutoencoder:
    """The averaged auto-encoder of a variant; a run folder of the same recipe is gone on with."""
    config = variant.recipe(seed)
    task = AutoencoderTask(config, bench.sampler)
    run_loop(task, config, out / "runs" / f"phase1-{variant.trained_as or variant.name}-{seed}")
    average = task.average
    assert isinstance(average, FloatAutoencoder)
    return average.eval()


@torch.inference_mode()
def measure_pictures(autoencoder: FloatAutoencoder, pairs: HeldOut) -> dict[str, float]:
    """All figures of `openfloat.laboratory.measuring.PICTURE_FIGURES`.

    Args:
        autoencoder: redraws each source with the motion of its driving picture.
        pairs: n of them.
    """
    made = torch.cat(
        [
            autoencoder(source, driving).image.clamp(-1, 1)
            for source, driving in zip(
                pairs.source.split(BATCH), pairs.driving.split(BATCH), strict=True
            )
        ]
    )
    return compare_pictures(made, pairs)


@torch.inference_mode()
def compare_pictures(made: Image, pairs: HeldOut) -> dict[str, float]:
    """Figures of redrawn pictures (n, 3, 64, 64) against the driving ones."""
    everywhere = torch.ones_like(pairs.region)
    return {
        name: _error(made, pairs.driving, where) / _error(pairs.source, pairs.driving, where)
        for name, where in (("error_left", everywhere), ("mouth_eyes_error_left", pairs.region))
    } | {
        "feature_distance": appearance_distance(_bytes(made), _bytes(pairs.driving)),
        "picture_frechet": frechet_distance(_looks(made), _looks(pairs.driving)),
    }


def _error(made: Image, real: Image, where: Mask) -> float:
    """Mean absolute difference where the mask is 1."""
    return float((where * (made - real).abs()).sum() / (3 * where.sum()))


def _bytes(pictures: Image) -> NDArray[np.uint8]:
    levels = ((pictures + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(levels.permute(0, 2, 3, 1).numpy())


def _looks(pictures: Image) -> Gaussian:
    """Of the random pyramid's rectified features, averaged over each picture."""
    pyramid = RandomPyramid()
    rows: list[Tensor] = []
    for some in pictures.split(BATCH):
        levels = pyramid(some)
        rows.append(torch.cat([level.relu().mean(dim=(2, 3)) for level in levels], dim=1))
    return Gaussian.of(torch.cat(rows).numpy())

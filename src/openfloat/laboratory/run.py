"""Run ablations: train what must be trained, draw, measure, and keep every figure as JSON."""

import functools
import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from openfloat.codec import write_json
from openfloat.data.manifest import read_manifest
from openfloat.data.observed import as_controls, encode_clip
from openfloat.data.speech_shards import read_shard, write_shard
from openfloat.evaluation.clips import choose
from openfloat.evaluation.model import hardware
from openfloat.laboratory.ablation import Ablation
from openfloat.laboratory.drawing import draw
from openfloat.laboratory.learning import AblationTask
from openfloat.laboratory.listening import (
    TEST_CLIPS,
    TEST_SEED,
    TRAIN_CLIPS,
    TRAIN_SEED,
    HeardClip,
    HeardWindows,
    hear,
    synthetic_clips,
)
from openfloat.laboratory.measuring import measure_motion
from openfloat.laboratory.phase1 import PictureVariant
from openfloat.laboratory.pictures import PictureBench, measure_pictures, trained_autoencoder
from openfloat.laboratory.variant import Variant
from openfloat.models.transformer import VectorField
from openfloat.pipeline import FloatPipeline
from openfloat.training.loop import run_loop

logger = logging.getLogger(__name__)

DRAWS = 2
"""Draws of every clip in one run."""
WINDOWS = {"synthetic": 2, "real": 1}
"""Windows of two seconds that are drawn of every clip, by set of clips."""
LISTED, REAL_CLIPS = 20, 8
"""Held-out recordings of GRID's speakers, strangers first."""


class Bench:
    """Data and embedded model, opened when they are first needed.

    Args:
        cache_dir: for voices, features and trained fields.
        data_dir: data pack with held-out clips; without one real clips are left out.
        train_clips: synthetic voices to learn from.
        test_clips: synthetic voices to measure on.
        pictures: of ablations of phase 1; by default the data pack's.
    """

    def __init__(
        self,
        cache_dir: Path,
        data_dir: Path | None,
        *,
        train_clips: int = TRAIN_CLIPS,
        test_clips: int = TEST_CLIPS,
        pictures: PictureBench | None = None,
    ) -> None:
        self._cache, self._data = cache_dir, data_dir
        self._counts = train_clips, test_clips
        self._pictures = pictures

    @functools.cached_property
    def pipeline(self) -> FloatPipeline:
        """The embedded model."""
        return FloatPipeline.from_pretrained("openfloat-256")

    @functools.cached_property
    def train(self) -> list[HeardClip]:
        """Clips to learn motion from."""
        clips = synthetic_clips(self._cache / "train", count=self._counts[0], seed=TRAIN_SEED)
        return hear(self.pipeline, clips)

    @functools.cached_property
    def tests(self) -> dict[str, list[HeardClip]]:
        """Sets of clips to measure motion on."""
        synthetic = synthetic_clips(self._cache / "test", count=self._counts[1], seed=TEST_SEED)
        found = {"synthetic": hear(self.pipeline, synthetic)}
        if self._data is not None and (self._data / "manifest.json").is_file():
            found["real"] = self._real_clips(self._data)
        return found

    @functools.cached_property
    def pictures(self) -> PictureBench:
        """Frames for ablations of phase 1."""
        return self._pictures or PictureBench(self._cache, self._data)

    def _real_clips(self, data_dir: Path) -> list[HeardClip]:
        path = self._cache / "heldout.safetensors"
        if not path.is_file():
            rows = choose(read_manifest(data_dir), LISTED)
            files = [row.file for row in rows if row.person.startswith("grid")][:REAL_CLIPS]
            reader = self.pipeline.model.autoencoder
            write_shard(path, [encode_clip(reader, data_dir / file) for file in files])
        clips = [
            # As they were seen: no stretch in which lips must rest.
            clip._replace(motion=as_controls(clip.motion, np.ones(len(clip.motion))))
            for clip in read_shard(path)
        ]
        return hear(self.pipeline, clips)


def run_ablation(
    ablation: Ablation,
    bench: Bench,
    out: Path,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    said: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Measure every variant with every seed; what is in the file already is kept.

    For trained variants the seed decides initial weights and batches, for others the noise.

    Args:
        ablation: what varies.
        bench: data and model.
        out: folder for `<ablation>.json` and, while they are trained, the runs.
        seeds: of the runs.
        said: told of every run.

    Returns:
        what the file then holds: `rows` with variant, seed, test set and figures, and the hardware.
    """
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{ablation.name}.json"
    report = json.loads(path.read_text()) if path.is_file() else {"rows": []}
    report |= {"ablation": ablation.name, "hardware": hardware("cpu")}
    for seed in seeds:
        for variant in ablation.variants:
            done = {(row["variant"], row["seed"]) for row in report["rows"]}
            if (variant.name, seed) in done:
                continue
            said(f"{ablation.name}: {variant.name}, seed {seed}")
            for test, figures in figures_of(variant, seed, bench, out).items():
                row = {"variant": variant.name, "seed": seed, "test": test, **figures}
                report["rows"].append(row)
            write_json(report, path)
    return report


def figures_of(
    variant: Variant | PictureVariant, seed: int, bench: Bench, out: Path
) -> dict[str, dict[str, float]]:
    """Train what a variant needs and measure it, by set of clips."""
    if isinstance(variant, PictureVariant):
        network = trained_autoencoder(variant, seed, bench.pictures, out)
        return {
            test: measure_pictures(network, pairs) for test, pairs in bench.pictures.tests.items()
        }
    field = trained_field(variant, seed, bench, out)
    return {
        test: measure(field, variant, clips, seed, test=test) for test, clips in bench.tests.items()
    }


def measure(
    field: VectorField, variant: Variant, clips: Sequence[HeardClip], seed: int, *, test: str
) -> dict[str, float]:
    """Draw every clip a few times and compare."""
    draws = [
        draw(field, variant, clips, windows=WINDOWS[test], seed=100 * seed + number)
        for number in range(DRAWS)
    ]
    return measure_motion(draws, clips, lips_only=test == "real")


def trained_field(variant: Variant, seed: int, bench: Bench, out: Path) -> VectorField:
    """The field of a variant: the embedded model's, or one that is trained now.

    A run folder of the same recipe is gone on with, finished or not.
    """
    if variant.field is None:
        return bench.pipeline.model.motion
    config = variant.recipe(seed)
    windows = HeardWindows(
        bench.train,
        past_frames=variant.field.past_frames,
        window_frames=variant.field.window_frames,
    )
    task = AblationTask(variant, config, windows)
    run_loop(task, config, out / "runs" / f"{variant.trained_as or variant.name}-{seed}")
    average = task.average
    assert isinstance(average, VectorField)
    return average

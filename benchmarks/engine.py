"""How long the data engine takes for a picture with its truth, alone and in batches.

    .venv/bin/python benchmarks/engine.py [--data FOLDER] [--device cpu] [--size 256]

Prints milliseconds for each picture, wall time; on one CPU core with OMP_NUM_THREADS=1.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from openfloat.data import engine as made_by
from openfloat.data.engine_controls import draw_controls
from openfloat.data.manifest import data_folder, read_manifest
from openfloat.data.picture_cache import load_model
from openfloat.data.portraits import load_portrait, read_landmarks

BATCHES = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What is measured."""

    data: Path | None = None
    """The data pack; default OPENFLOAT_DATA, else ../shared/data."""
    device: str = "cpu"
    size: int = 256
    pictures: int = 64


def main(options: Options) -> None:
    """Print a line for each size of batch."""
    data = data_folder(options.data)
    row = read_manifest(data).portraits_of("train")[0]
    portrait = load_portrait(data, row, read_landmarks(data), size=2 * options.size)
    engine = made_by.PortraitEngine(load_model(data), portrait, options.size, options.device)
    generator = np.random.default_rng(0)
    controls = np.stack(
        [draw_controls(engine.rig.base, generator) for _ in range(options.pictures)]
    )
    engine.pictures(controls[:2])
    print(f"{options.size}x{options.size} on {options.device}")
    for batch in BATCHES:
        made_by.CHUNK = batch
        started = time.perf_counter()
        engine.pictures(controls)
        print(
            f"{batch:3d} at once: {1e3 * (time.perf_counter() - started) / len(controls):6.1f} ms"
        )


if __name__ == "__main__":
    main(tyro.cli(Options))

"""Moved portraits with known points for the landmark network: the data engine's pictures.

Warped stills (`landmark_samples.py`) teach where faces are and how wide lips stand open; these
teach what they cannot show: heads that turn and nod, lids that shut, brows, smiles, gaze.
"""

import functools
import multiprocessing
from pathlib import Path

import numpy as np
import torch
from landmark_samples import (
    Portraits,
    Samples,
    draw_view,
    read_pixels,
    spoil,
    square_grid,
)
from torch import Tensor

from openfloat.data.controls import INDEX
from openfloat.data.engine import PortraitEngine
from openfloat.data.engine_controls import MOST_TURN, draw_controls, most_turn
from openfloat.data.face_rig_model import FaceModel, landmarks_of
from openfloat.data.manifest import PortraitRow, Split, read_manifest
from openfloat.data.picture_cache import load_model
from openfloat.data.portraits import load_portrait, read_landmarks

SIDE = 176
"""Pixels of a stored picture: the face in it is as large as in the network's square."""
PICTURES = 6
"""Of each portrait."""


class MovedPortraits(Portraits):
    """Pictures in the order of their portraits, `PICTURES` of each."""


def load_moved(data: Path, scratch: Path, split: Split, *, workers: int = 1) -> MovedPortraits:
    """Made once, kept in `scratch`."""
    rows = read_manifest(data).portraits_of(split)
    images, points = scratch / f"{split}_images.npy", scratch / f"{split}_points.npy"
    if not points.exists():
        scratch.mkdir(parents=True, exist_ok=True)
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            made = pool.starmap(_moved, [(data, row) for row in rows], chunksize=8)
        np.save(images, np.concatenate([pixels for pixels, _ in made]))
        np.save(points, np.concatenate([places for _, places in made]))
    names = [row.name for row in rows for _ in range(PICTURES)]
    return MovedPortraits(
        torch.from_numpy(np.load(images)), torch.from_numpy(np.load(points)), names
    )


@functools.cache
def _shared(data: Path) -> tuple[FaceModel, dict[str, np.ndarray]]:
    return load_model(data), read_landmarks(data)


def _moved(data: Path, row: PortraitRow) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (n 3 s s) of one portrait and their points (n 478 2)."""
    torch.set_num_threads(1)
    model, landmarks = _shared(data)
    engine = PortraitEngine(model, load_portrait(data, row, landmarks, size=2 * SIDE), SIDE)
    generator = np.random.default_rng([7, *row.name.encode()])
    images, points = [], []
    for _ in range(PICTURES):
        image, vertices = engine.drawing(draw_wide(engine.rig.base, generator))
        images.append(image.transpose(2, 0, 1))
        points.append(landmarks_of(vertices)[:, :2])
    return np.stack(images), np.stack(points)


def draw_wide(base: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Controls (20,) as the engine draws them, but every turn that it allows equally often."""
    controls = draw_controls(base, generator)
    for name in MOST_TURN:
        column = INDEX[name]
        most = most_turn(name, float(base[column]))
        controls[column] = base[column] + generator.uniform(-most, most)
    for name in ("gaze_x", "gaze_y"):
        controls[INDEX[name]] = generator.uniform(-0.9, 0.9)
    return controls


def draw_pairs(
    moved: MovedPortraits,
    mirror: Tensor,
    pairs: int,
    far_share: float,
    generator: torch.Generator,
) -> Samples:
    """Two pictures of each of some people in the same square, all first ones first."""
    person = torch.randint(len(moved.images) // PICTURES, (pairs,), generator=generator)
    first = torch.randint(PICTURES, (pairs,), generator=generator)
    second = (first + torch.randint(1, PICTURES, (pairs,), generator=generator)) % PICTURES
    view = draw_view(moved.points[person * PICTURES + first], far_share, generator)
    flipped = torch.rand(pairs, generator=generator) < 0.5
    squares, points = [], []
    for chosen in (person * PICTURES + first, person * PICTURES + second):
        grid = view.to_picture(square_grid()).expand(pairs, -1, -1)
        pixels = read_pixels(moved.images[chosen], grid)
        places = view.to_square(moved.points[chosen])
        other = places[:, mirror] * torch.tensor([-1.0, 1.0]) + torch.tensor([1.0, 0.0])
        squares.append(torch.where(flipped[:, None, None, None], pixels.flip(-1), pixels))
        points.append(torch.where(flipped[:, None, None], other, places))
    return Samples(spoil(torch.cat(squares), generator), torch.cat(points), torch.ones(2 * pairs))

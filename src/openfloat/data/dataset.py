"""Pairs of pictures for phase 1: made by the data engine, and frames of real clips."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from openfloat.config import CONTROLS
from openfloat.data.batch import PairBatch
from openfloat.data.clips import RealFrames, build_real_frames
from openfloat.data.picture_cache import PictureCache, build_picture_cache, pair_grid
from openfloat.errors import BadInput

GRID_SIZE = 128
SELF_SHARE = 0.12
PHOTO_SHARE = 0.4
"""Sources that are the photo itself, as every source of a user is; the others are any picture."""
COMPARED = 6
NUM_POSE = 6
"""Controls before the first that moves the face itself: yaw, pitch, roll, x, y, scale."""
TAUGHT = ((0.34, slice(6, 14)), (0.3, slice(16, 17)), (0.1, slice(14, 16)), (0.08, slice(18, 20)))
"""Share of pairs in which mouth (jaw, lips, corners), lids, brows or gaze differ most."""


class PairSampler:
    """Draws pairs of one person; what it draws depends on the given generator alone.

    Args:
        pictures: the engine's cache, or None for real frames alone.
        real: frames of real clips, or None for made pictures alone.
        real_share: probability that a pair is real; counts only where both are there.

    Raises:
        BadInput: neither is given.
    """

    def __init__(
        self, pictures: PictureCache | None, real: RealFrames | None, *, real_share: float
    ) -> None:
        if pictures is None and real is None:
            raise BadInput("there are neither made pictures nor real frames to train on")
        self._pictures, self._real = pictures, real
        self._real_share = 1.0 if pictures is None else 0.0 if real is None else real_share
        if pictures is not None:
            self._groups = _rows_by_value(pictures.portrait)

    def draw(self, batch: int, size: int, generator: torch.Generator) -> PairBatch:
        """One batch at a picture size.

        Args:
            batch: pairs.
            size: height and width of the pictures; the cache's size or half, a quarter ... of it.
            generator: the only source of chance.
        """
        is_real = torch.rand(batch, generator=generator) < self._real_share
        num_real = int(is_real.sum())
        parts = []
        if num_real < batch:
            parts.append(self._draw_made(batch - num_real, size, generator))
        if num_real:
            parts.append(self._draw_real(num_real, size, generator))
        joined = PairBatch(*(torch.cat(tensors) for tensors in zip(*parts, strict=True)))
        return vary_colour(joined, generator)

    def _draw_made(self, count: int, size: int, generator: torch.Generator) -> PairBatch:
        cache = self._pictures
        assert cache is not None
        rows = np.array([self._telling_pair(cache, generator) for _ in range(count)])
        source, driving = rows[:, 0], rows[:, 1]
        grid, visible = pair_grid(cache, source, driving)
        return PairBatch(
            source=to_image(cache.images[source], size),
            driving=to_image(cache.images[driving], size),
            controls_source=torch.from_numpy(cache.controls[source]),
            controls_driving=torch.from_numpy(cache.controls[driving]),
            supervised=torch.ones(count, dtype=torch.bool),
            grid=torch.as_tensor(grid),
            visible=torch.as_tensor(visible),
            region=to_mask(cache.region[driving], size),
        )

    def _telling_pair(self, cache: PictureCache, generator: torch.Generator) -> tuple[int, int]:
        """A picture of somebody, and of five others the one that teaches most.

        That is the one whose mouth, lids, brows or gaze differ most, since mouths must learn to
        open and eyes to shut; else the one whose head is held most alike, since a speaking head
        turns by a few degrees. Now and then the picture itself: no motion has to leave it as it is.
        """
        rows = self._groups[int(torch.randint(len(self._groups), (), generator=generator))]
        order = torch.randperm(len(rows), generator=generator)
        is_photo, is_self, lot = torch.rand(3, generator=generator).tolist()
        if is_photo < PHOTO_SHARE:
            order = torch.cat([order.new_zeros(1), order[order != 0]])
        drawn = rows[order[:COMPARED].numpy()]
        if is_self < SELF_SHARE:
            return int(drawn[0]), int(drawn[0])
        for share, part in TAUGHT:
            lot -= share
            if lot < 0:
                chosen = _distances(cache.controls[drawn, part]).argmax()
                return int(drawn[0]), int(drawn[1 + chosen])
        chosen = _distances(cache.controls[drawn, :NUM_POSE]).argmin()
        return int(drawn[0]), int(drawn[1 + chosen])

    def _draw_real(self, count: int, size: int, generator: torch.Generator) -> PairBatch:
        frames = self._real
        assert frames is not None
        rows = np.array([frames.draw_pair(generator) for _ in range(count)])
        source, driving = rows[:, 0], rows[:, 1]
        return PairBatch(
            source=to_image(frames.images[source], size),
            driving=to_image(frames.images[driving], size),
            controls_source=torch.zeros(count, len(CONTROLS)),
            controls_driving=torch.zeros(count, len(CONTROLS)),
            supervised=torch.zeros(count, dtype=torch.bool),
            grid=torch.zeros(count, GRID_SIZE, GRID_SIZE, 2),
            visible=torch.zeros(count, 1, GRID_SIZE, GRID_SIZE),
            region=to_mask(frames.region[driving], size),
        )


def _distances(controls: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n - 1,) squared distances of the rows (n, c) after the first from the first."""
    return np.asarray(np.square(controls[1:] - controls[0]).sum(1))


def to_image(pictures: NDArray[np.uint8], size: int) -> Tensor:
    """Bytes (b, h, w, 3) as pictures (b, 3, size, size) in [-1, 1], shrunk by area averages."""
    images = torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))).float()
    if images.shape[-1] != size:
        images = F.adaptive_avg_pool2d(images, size)
    return images / 127.5 - 1


def to_mask(masks: NDArray[np.uint8], size: int) -> Tensor:
    """Bytes (b, h, w), 0 or not, as masks (b, 1, size, size) in [0, 1]."""
    values = torch.from_numpy((np.asarray(masks) > 0).astype(np.float32))[:, None]
    if size <= values.shape[-1]:
        return F.adaptive_avg_pool2d(values, size)
    return F.interpolate(values, size=size, mode="nearest")


def vary_colour(batch: PairBatch, generator: torch.Generator) -> PairBatch:
    """Change gain, contrast and tint a little, alike for both pictures of a pair."""
    count = len(batch.source)
    draws = torch.rand(count, 5, 1, 1, generator=generator) * 2 - 1
    contrast = 1 + 0.15 * draws[:, :1]
    shift = 0.1 * draws[:, 1:2] + 0.04 * draws[:, 2:5]
    return batch._replace(
        source=(batch.source * contrast + shift).clamp(-1, 1),
        driving=(batch.driving * contrast + shift).clamp(-1, 1),
    )


def open_sampler(
    data_dir: Path, cache_dir: Path, *, real_share: float, size: int = 256
) -> PairSampler:
    """The sampler over a cache; what is missing is made from the data pack first, in minutes.

    Args:
        data_dir: the data pack; not needed where the cache is complete.
        cache_dir: gets `pictures` and, where real pairs are wanted, `frames`.
        real_share: see `PairSampler`.
        size: height and width of real frames in pixels.

    Raises:
        BadInput: a part is missing and there is no data pack to make it from.
    """
    frames = cache_dir / "frames"
    has_pack = (data_dir / "manifest.json").is_file()
    made = real = None
    if real_share < 1:
        made = open_pictures(data_dir, cache_dir)
    if real_share > 0 and ((frames / "finished.json").is_file() or has_pack):
        real = build_real_frames(data_dir, frames, size=size)
    return PairSampler(made, real, real_share=real_share)


def open_pictures(data_dir: Path, cache_dir: Path) -> PictureCache:
    """The engine's pictures in `cache_dir / "pictures"`; made first where they are missing.

    Raises:
        BadInput: they are missing and there is no data pack to make them from.
    """
    pictures = cache_dir / "pictures"
    if (pictures / "finished.json").is_file():
        return PictureCache.open(pictures)
    return build_picture_cache(data_dir, pictures, pictures_per_portrait=10, seed=1)


def _rows_by_value(values: NDArray[np.integer]) -> list[NDArray[np.int64]]:
    """Rows that share a value, for each value that at least two rows have."""
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.diff(values[order])) + 1
    return [rows for rows in np.split(order, starts) if len(rows) > 1]

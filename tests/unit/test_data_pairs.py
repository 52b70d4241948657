"""Pairs for phase 1: real frames and how they are drawn."""

from pathlib import Path

import numpy as np
import pytest
import torch

from openfloat.data.clips import RealFrames, choose_clips, region_mask
from openfloat.data.dataset import PairSampler, open_sampler, to_image, to_mask
from openfloat.data.manifest import ClipRow
from openfloat.data.mesh import EYE_RINGS, OUTER_LIP_RING
from openfloat.errors import BadInput


def frames() -> RealFrames:
    """Two people: one with 3 clips of 8 frames, one with a clip of 4; colours name the row."""
    clip = np.repeat(np.arange(4, dtype=np.int32), [8, 8, 8, 4])
    images = np.arange(28, dtype=np.uint8)[:, None, None, None] * np.ones((1, 64, 64, 3), np.uint8)
    region = np.zeros((28, 64, 64), np.uint8)
    region[:, 40:50, 20:44] = 1
    return RealFrames(images, region, clip, (clip == 3).astype(np.int32))


def test_a_real_pair_is_of_one_clip_and_rare_people_are_drawn_more_often() -> None:
    real = frames()
    generator = torch.Generator().manual_seed(0)
    rows = np.array([real.draw_pair(generator) for _ in range(600)])
    assert (real.clip[rows[:, 0]] == real.clip[rows[:, 1]]).all()
    # 4 of 28 frames, but sqrt(4) of sqrt(4) + sqrt(24) of the draws
    assert (real.person[rows[:, 0]] == 1).mean() == pytest.approx(2 / (2 + 24**0.5), abs=0.05)


def test_real_rows_know_no_controls() -> None:
    batch = PairSampler(None, frames(), real_share=0.5).draw(5, 64, torch.Generator())
    assert not batch.supervised.any()
    assert batch.controls_driving.abs().sum() == 0
    assert batch.visible.sum() == 0
    assert batch.region.sum() == 5 * 10 * 24


def test_bytes_become_pictures_by_area_averages() -> None:
    pictures = np.zeros((1, 4, 4, 3), np.uint8)
    pictures[0, :2, :2] = [[[255] * 3, [0] * 3], [[0] * 3, [255] * 3]]
    image = to_image(pictures, 2)
    torch.testing.assert_close(image[0, :, 0, 0], torch.zeros(3))
    assert (image[0, :, 1:] == -1).all()


def test_a_mask_grows_by_nearest_and_shrinks_by_area() -> None:
    mask = np.zeros((1, 4, 4), np.uint8)
    mask[0, 0, 0] = 1
    assert to_mask(mask, 2)[0, 0, 0, 0] == 0.25
    assert to_mask(mask, 8)[0, 0, :2, :2].sum() == 4


def test_without_pictures_or_data_pack_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no data pack"):
        open_sampler(tmp_path, tmp_path / "cache", real_share=0.2)
    with pytest.raises(BadInput, match="neither made pictures nor real frames"):
        PairSampler(None, None, real_share=0.2)


def test_clips_are_chosen_evenly_and_by_split() -> None:
    rows = [
        ClipRow(file=f"{k}.mp4", person="a" if k < 9 else "b", split=split, licence="", origin="")
        for k, split in enumerate(["train"] * 10 + ["heldout"])
    ]
    assert [row.file for row in choose_clips(rows, "train", 3)] == [
        "0.mp4", "4.mp4", "8.mp4", "9.mp4",
    ]  # fmt: skip


def test_the_region_covers_mouth_and_eyes_and_little_else() -> None:
    points = np.full((478, 2), 32.0)
    circle = np.stack([np.cos(np.linspace(0, 6.2, 40)), np.sin(np.linspace(0, 6.2, 40))], axis=1)
    places = ((OUTER_LIP_RING, (32, 46)), (EYE_RINGS[0], (20, 24)), (EYE_RINGS[1], (44, 24)))
    for ring, centre in places:
        points[list(ring)] = np.array(centre) + circle[: len(ring)] * [6, 3]
    mask = region_mask(points, 64)
    for _, (x, y) in places:
        assert mask[y, x] == 1
    assert mask[35, 32] == 0
    assert 0.02 < mask.mean() < 0.2

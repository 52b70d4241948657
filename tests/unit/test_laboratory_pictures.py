"""Ablations of phase 1: what is redrawn, and how it is measured."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from openfloat.data.clips import RealFrames
from openfloat.errors import BadInput
from openfloat.laboratory.ablations import ABLATIONS
from openfloat.laboratory.measuring import PICTURE_FIGURES
from openfloat.laboratory.phase1 import PictureVariant
from openfloat.laboratory.picture_ablations import DIRECTIONS
from openfloat.laboratory.pictures import PictureBench, against_first, compare_pictures
from openfloat.laboratory.run import Bench, run_ablation


def frames(clips: int = 3, each: int = 4) -> RealFrames:
    rng = np.random.default_rng(0)
    count = clips * each
    region = np.zeros((count, 64, 64), np.uint8)
    region[:, 30:40, 20:44] = 1
    clip = np.arange(count, dtype=np.int32) // each
    images = rng.integers(40, 200, (count, 64, 64, 3)).astype(np.uint8)
    return RealFrames(images, region, clip, clip)


def test_frames_are_redrawn_from_their_clips_first() -> None:
    real = frames()
    chosen = real.clip != 1
    pairs = against_first(real, chosen)
    assert len(pairs.source) == 6
    for row, (first, other) in enumerate([(0, 1), (0, 2), (0, 3), (8, 9), (8, 10), (8, 11)]):
        for picture, number in ((pairs.source, first), (pairs.driving, other)):
            shown = ((picture[row].permute(1, 2, 0) + 1) * 127.5).round().numpy()
            assert np.array_equal(shown, real.images[number])
    assert pairs.region.mean() == pytest.approx(240 / 4096)


def test_the_driving_picture_leaves_no_error_and_the_source_all_of_it() -> None:
    pairs = against_first(frames(), np.ones(12, bool))
    perfect = compare_pictures(pairs.driving, pairs)
    assert perfect.keys() == PICTURE_FIGURES.keys()
    assert all(abs(figure) < 1e-4 for figure in perfect.values())
    copied = compare_pictures(pairs.source, pairs)
    assert copied["error_left"] == copied["mouth_eyes_error_left"] == 1
    halfway = compare_pictures((pairs.source + pairs.driving) / 2, pairs)
    assert halfway["error_left"] == pytest.approx(0.5)
    outside = torch.where(pairs.region > 0, pairs.driving, pairs.source)
    found = compare_pictures(outside, pairs)
    assert found["mouth_eyes_error_left"] == 0
    assert 0 < found["feature_distance"] < copied["feature_distance"]


def test_variants_change_what_their_name_says() -> None:
    for variant in DIRECTIONS.variants:
        recipe = variant.recipe(2)
        assert f"M-{recipe.model.autoencoder.num_directions}" == variant.name
        assert recipe.seed == 2
    with_it, without, _ = (v.recipe(0) for v in ABLATIONS["components"].variants)
    assert with_it == next(v for v in DIRECTIONS.variants if v.name == "M-20").recipe(0)
    assert replace(without, pictures=with_it.pictures) == with_it
    assert without.pictures.component == 0


def test_a_small_auto_encoder_is_trained_once_and_measured(tmp_path: Path) -> None:
    real = frames()
    heldout = {"familiar": against_first(real, np.ones(12, bool))}
    bench = Bench(
        tmp_path, None, pictures=PictureBench(tmp_path, None, train=real, heldout=heldout)
    )
    short = PictureVariant(name="M-5", num_directions=5, pairs=16)
    ablation = replace(DIRECTIONS, variants=(short,), claims=())
    report = run_ablation(ablation, bench, tmp_path, seeds=[0, 1])
    assert [(row["seed"], row["test"]) for row in report["rows"]] == [
        (0, "familiar"), (1, "familiar")
    ]  # fmt: skip
    assert all(PICTURE_FIGURES.keys() <= row.keys() for row in report["rows"])
    assert len({row["error_left"] for row in report["rows"]}) == 2
    assert json.loads((tmp_path / "directions.json").read_text()) == report
    with pytest.raises(BadInput, match="need real clips"):
        PictureBench(tmp_path, tmp_path)

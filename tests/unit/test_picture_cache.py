"""Pictures made of three public portraits of the data pack."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from openfloat.data.controls import INDEX, to_values
from openfloat.data.engine import PortraitEngine
from openfloat.data.engine_controls import draw_controls
from openfloat.data.engine_truth import TRUTH_SIZE
from openfloat.data.manifest import read_manifest
from openfloat.data.picture_cache import (
    PictureCache,
    build_picture_cache,
    load_model,
    pair_grid,
)
from openfloat.data.portraits import load_portrait, read_landmarks
from openfloat.errors import BadInput

DATA = Path(os.environ.get("OPENFLOAT_DATA", Path(__file__).parents[2] / "../shared/data"))
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the data pack is not here")
NAMES = ("london_001_neutral.jpg", "congress_S001164.jpg", "london_001_smile.jpg")
EACH = 5


def build(folder: Path, **changes: object) -> PictureCache:
    settings: dict = {"size": 128, "pictures_per_portrait": EACH, "seed": 3, "workers": 1}
    return build_picture_cache(DATA, folder, **(settings | {"portraits": NAMES} | changes))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("made") / "pictures"


@pytest.fixture(scope="module")
def cache(folder: Path) -> PictureCache:
    return build(folder)


def pictures(cache: PictureCache, rows: list[int]) -> torch.Tensor:
    images = torch.from_numpy(np.asarray(cache.images[rows])).permute(0, 3, 1, 2).float() / 255
    return F.adaptive_avg_pool2d(images, TRUTH_SIZE)


def all_pairs() -> tuple[list[int], list[int]]:
    pairs = [
        (p * EACH + a, p * EACH + b)
        for p in range(len(NAMES)) for a in range(EACH) for b in range(EACH) if a != b
    ]  # fmt: skip
    return [a for a, _ in pairs], [b for _, b in pairs]


def psnr(found: torch.Tensor, wanted: torch.Tensor, visible: torch.Tensor) -> torch.Tensor:
    error = ((found - wanted).square() * visible).sum(dim=(1, 2, 3))
    return -10 * torch.log10(error / (3 * visible.sum(dim=(1, 2, 3))))


def test_the_source_sampled_at_the_grid_is_the_driving_picture(cache: PictureCache) -> None:
    source, driving = all_pairs()
    grid, visible = (torch.from_numpy(part) for part in pair_grid(cache, source, driving))
    before, after = pictures(cache, source), pictures(cache, driving)
    warped = F.grid_sample(before, grid, padding_mode="border", align_corners=False)
    assert visible.mean() > 0.9
    assert psnr(warped, after, visible).min() > 25
    assert psnr(warped, after, visible).median() > psnr(before, after, visible).median() + 8


def test_a_picture_s_grid_to_itself_is_the_identity(cache: PictureCache) -> None:
    rows = list(range(len(cache)))
    grid, _ = pair_grid(cache, rows, rows)
    centres = (np.arange(TRUTH_SIZE) + 0.5) * 2 / TRUTH_SIZE - 1
    expected = np.stack(np.meshgrid(centres, centres), axis=-1)
    assert abs(grid - expected).max() < 0.01


def test_the_inside_of_an_opened_mouth_is_not_visible() -> None:
    rows = {row.name: row for row in read_manifest(DATA).portraits_of("train")}
    portrait = load_portrait(DATA, rows[NAMES[0]], read_landmarks(DATA), size=128)
    engine = PortraitEngine(load_model(DATA), portrait, 64)
    controls = engine.rig.base.copy()
    closed = engine.picture(controls)
    controls[INDEX["jaw_open"]] = 0.8
    opened = engine.picture(controls)
    centre = (opened.vertices[[13, 14]].mean(axis=0) + 1) / 2
    column, row = (centre * TRUTH_SIZE).astype(int)
    assert opened.truth.visible[row, column] == 0
    assert opened.truth.region[row, column] == 1
    column, row = (centre * 64).astype(int)
    assert closed.truth.visible.sum() > opened.truth.visible.sum()
    assert opened.image[row, column].mean() < 0.6 * closed.image[row, column].mean()


def test_a_picture_in_a_batch_is_the_picture_made_alone() -> None:
    """Of a face that smiles with its teeth shown, one turned far enough to leave the picture."""
    rows = {row.name: row for row in read_manifest(DATA).portraits_of("train")}
    portrait = load_portrait(DATA, rows[NAMES[1]], read_landmarks(DATA), size=128)
    engine = PortraitEngine(load_model(DATA), portrait, 64)
    assert engine.rig.mouth_is_open
    generator = np.random.default_rng(0)
    controls = np.stack([draw_controls(engine.rig.base, generator) for _ in range(10)])
    controls[3, INDEX["x"]] = 0.4
    for values, found in zip(controls, engine.pictures(controls), strict=True):
        alone = engine.picture(values)
        assert abs(found.image.astype(int) - alone.image).max() <= 1
        np.testing.assert_array_equal(found.vertices, alone.vertices)
        np.testing.assert_array_equal(found.truth.triangle, alone.truth.triangle)
        np.testing.assert_array_equal(found.truth.visible, alone.truth.visible)
        np.testing.assert_array_equal(found.truth.region, alone.truth.region)


def test_upper_teeth_of_a_smile_are_found_again_where_they_went(cache: PictureCache) -> None:
    """Lips that close hide them."""
    smile = EACH
    teeth = len(cache.triangles) - 1
    shown = cache.triangle[smile] == teeth
    assert shown.sum() > 50
    assert cache.visible[smile][shown].mean() > 0.5
    made = np.arange(smile, smile + EACH)
    _, visible = pair_grid(cache, made, [smile] * EACH)
    found = visible[:, 0, shown].mean(axis=1)
    assert found[0] > 0.5
    opening = np.asarray(cache.controls[made][:, [6, 9, 10]]).sum(axis=1)
    assert found[opening.argmin()] < found[opening.argmax()]


def test_the_first_picture_is_the_untouched_photo(cache: PictureCache) -> None:
    rows = {row.name: row for row in read_manifest(DATA).portraits_of("train")}
    landmarks = read_landmarks(DATA)
    for number, name in enumerate(NAMES):
        photo = load_portrait(DATA, rows[name], landmarks, size=256)
        half = photo.image.reshape(128, 2, 128, 2, 3).astype(float).mean(axis=(1, 3))
        assert abs(cache.images[number * EACH] - half).max() <= 1
        face = np.asarray(cache.vertices[number * EACH, :468], dtype=float)
        np.testing.assert_allclose(face, photo.landmarks[:468, :2] * 2 - 1, atol=1e-3)


def test_controls_are_stored_as_coefficients(cache: PictureCache) -> None:
    values = to_values(np.asarray(cache.controls))
    assert values[:, INDEX["yaw"]].std() > 2
    assert values[EACH, INDEX["smile"]] > 0.5


def test_portraits_of_one_person_share_a_number(cache: PictureCache) -> None:
    assert cache.person[0] == cache.person[2 * EACH] != cache.person[EACH]
    np.testing.assert_array_equal(cache.portrait, np.repeat(np.arange(3), EACH))
    assert cache.names == NAMES


def test_pictures_depend_on_seed_and_portrait_not_on_workers_or_order(
    cache: PictureCache, tmp_path: Path
) -> None:
    other = build(tmp_path / "two", workers=2, portraits=NAMES[1::-1])
    np.testing.assert_array_equal(other.images[:EACH], cache.images[EACH : 2 * EACH])
    np.testing.assert_array_equal(other.controls[EACH:], cache.controls[:EACH])
    reseeded = build(tmp_path / "reseeded", seed=4, portraits=NAMES[:1])
    assert (reseeded.controls[1] != cache.controls[1]).any()


def test_a_finished_cache_is_opened_and_an_unfinished_one_begun_anew(
    cache: PictureCache, folder: Path
) -> None:
    before = (folder / "images.npy").stat().st_mtime_ns
    expected = np.array(cache.images)
    build(folder)
    assert (folder / "images.npy").stat().st_mtime_ns == before
    (folder / "finished.json").unlink()
    with pytest.raises(BadInput, match="no finished picture cache"):
        PictureCache.open(folder)
    np.testing.assert_array_equal(build(folder).images, expected)


def test_a_cache_of_other_settings_is_not_touched(cache: PictureCache, folder: Path) -> None:
    with pytest.raises(BadInput, match="other settings"):
        build(folder, seed=9)
    assert len(PictureCache.open(folder)) == len(cache)


def test_a_folder_with_other_things_is_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("dear diary")
    with pytest.raises(BadInput, match="something else"):
        build(tmp_path)
    assert (tmp_path / "diary.txt").exists()


def test_held_out_portraits_are_not_part_of_the_train_split(tmp_path: Path) -> None:
    heldout = read_manifest(DATA).portraits_of("heldout")[0].name
    with pytest.raises(BadInput, match="no portrait of this split"):
        build(tmp_path / "x", portraits=[heldout])


def test_occluded_spots_are_not_visible(cache: PictureCache) -> None:
    """Vertices of the source shifted by a tenth: what is seen there is another spot."""
    moved = np.array(cache.vertices)
    moved[1] += 0.2
    _, visible = pair_grid(replace(cache, vertices=moved), [1], [2])
    assert visible.mean() < 0.1

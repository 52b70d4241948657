"""Picture losses against formulas."""

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from openfloat.config import AutoencoderConfig
from openfloat.data.batch import PairBatch
from openfloat.errors import BadCheckpoint
from openfloat.models.synthesis import Level
from openfloat.training.config import PictureWeights
from openfloat.training.critics import (
    Critics,
    component_boxes,
    critic_parts,
    crop,
    fooling_parts,
    gram,
)
from openfloat.training.perceptual import (
    RandomPyramid,
    Vgg19Pyramid,
    component_loss,
    make_pyramid,
    multi_scale,
    perceptual_loss,
)
from openfloat.training.stage1 import draw_window, hidden_region, picture_parts
from openfloat.training.truth import (
    HIDDEN_WEIGHT,
    REGION_WEIGHT,
    coefficient_loss,
    grid_loss,
    mask_loss,
)


def own_places(size: int) -> torch.Tensor:
    middles = (torch.arange(size) + 0.5) / size * 2 - 1
    return torch.stack(torch.meshgrid(middles, middles, indexing="xy"), dim=-1)[None]


def level(size: int, grid: torch.Tensor, mask: float = 0.5) -> Level:
    ones = torch.ones(len(grid), 1, size, size)
    return Level(size, grid, mask * ones, torch.zeros(len(grid), 3, size, size), ones)


@pytest.mark.parametrize("size", [8, 64, 128])
def test_a_level_that_looks_where_the_truth_says_has_no_grid_loss(size: int) -> None:
    known, visible = own_places(64), torch.ones(1, 1, 64, 64)
    loss = grid_loss([level(size, own_places(size))], known, visible, torch.tensor([True]), visible)
    assert loss < (1e-5 if size <= 64 else 0.02)


def test_a_shift_by_one_cell_of_64_costs_one_in_each_direction() -> None:
    grid = own_places(32) + torch.tensor([2 / 64, -2 / 64])
    known, visible = own_places(64), torch.ones(1, 1, 64, 64)
    loss = grid_loss([level(32, grid)], known, visible, torch.tensor([True]), visible)
    torch.testing.assert_close(loss, torch.tensor(2.0), atol=1e-4, rtol=0)


def test_an_error_on_the_lids_weighs_more() -> None:
    known, visible = own_places(64), torch.ones(1, 1, 64, 64)
    region = torch.zeros(1, 1, 64, 64)
    region[:, :, :32] = 1
    losses = []
    for half in (slice(0, 32), slice(32, 64)):
        grid = own_places(64)
        grid[:, half] += 2 / 64
        losses.append(grid_loss([level(64, grid)], known, visible, torch.tensor([True]), region))
    assert losses[0] / losses[1] == pytest.approx(REGION_WEIGHT, rel=1e-4)


def test_hidden_pixels_and_real_rows_leave_grid_and_mask_free() -> None:
    known = own_places(64).repeat(2, 1, 1, 1)
    visible = torch.ones(2, 1, 64, 64)
    visible[0, :, 32:] = 0
    grid = own_places(64).repeat(2, 1, 1, 1)
    grid[0, 32:] += 0.7
    grid[1] += 0.7
    supervised = torch.tensor([True, False])
    levels = [level(64, grid)]
    assert grid_loss(levels, known, visible, supervised, visible) < 1e-5
    levels[0].mask[0, :, :32] = 1
    levels[0].mask[0, :, 32:] = 0
    levels[0].mask[1] = 0
    assert mask_loss(levels, visible, supervised, painted=False) < 1e-3
    assert mask_loss(levels, visible, supervised, painted=True) < 1e-3
    levels[0].mask[0, :, 32:] = 0.5
    assert mask_loss(levels, visible, supervised, painted=False) < 1e-3
    wrong = mask_loss(levels, visible, supervised, painted=True).item()
    assert wrong == pytest.approx(math.log(2) * HIDDEN_WEIGHT / (1 + HIDDEN_WEIGHT), rel=1e-2)


def test_the_coefficient_loss_is_the_huber_mean_over_supervised_rows() -> None:
    found, known = torch.randn(4, 20) * 2, torch.randn(4, 20)
    supervised = torch.tensor([True, False, True, False])
    expected = F.huber_loss(found[::2], known[::2])
    torch.testing.assert_close(coefficient_loss(found, known, supervised), expected)


def test_the_component_loss_counts_masked_pixels_alone() -> None:
    made = [torch.zeros(1, 5, 8, 8), torch.zeros(1, 7, 4, 4)]
    real = [torch.ones(1, 5, 8, 8), torch.full((1, 7, 4, 4), 2.0)]
    region = torch.zeros(1, 1, 8, 8)
    region[..., :2, :2] = 1
    torch.testing.assert_close(component_loss(made, real, region), torch.tensor(5.0 + 14.0))
    real[0][..., 4:, 4:] = 9
    torch.testing.assert_close(component_loss(made, real, region), torch.tensor(5.0 + 14.0))


def test_the_random_pyramid_is_the_same_each_time_and_frozen() -> None:
    pictures = torch.rand(1, 3, 64, 64) * 2 - 1
    first, second = RandomPyramid(), RandomPyramid()
    for a, b in zip(first(pictures), second(pictures), strict=True):
        assert torch.equal(a, b)
    assert not any(p.requires_grad for p in first.parameters())


def test_the_random_pyramid_tells_blur_from_sharpness_more_than_pixels_do() -> None:
    pictures = torch.rand(2, 3, 64, 64) * 2 - 1
    blurred = F.avg_pool2d(F.pad(pictures, (1, 1, 1, 1), mode="reflect"), 3, stride=1)
    shifted = pictures + F.l1_loss(blurred, pictures)
    pyramid = make_pyramid("")
    real = multi_scale(pyramid, pictures)[0]
    by_blur = perceptual_loss(pyramid(blurred), real)
    by_shift = perceptual_loss(pyramid(shifted), real)
    assert by_blur > 1.2 * by_shift


def test_vgg_reads_torchvisions_names_and_gives_five_levels(tmp_path: Path) -> None:
    donor = Vgg19Pyramid()
    state = {f"features.{n}": t for n, t in donor.convolutions.state_dict().items()}
    state["classifier.0.weight"] = torch.zeros(3)
    torch.save(state, tmp_path / "vgg19.pth")
    pyramid = make_pyramid(str(tmp_path / "vgg19.pth"))
    pictures = torch.rand(1, 3, 32, 32) * 2 - 1
    levels = pyramid(pictures)
    assert [tuple(x.shape[1:]) for x in levels] == [
        (64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4), (512, 2, 2),
    ]  # fmt: skip
    torch.testing.assert_close(levels[-1], donor(pictures)[-1])
    assert list(donor.convolutions) == ["0", "2", "5", "7", "10", "12", "14", "16", "19", "21",
                                        "23", "25", "28"]  # fmt: skip


def test_a_file_that_is_not_vgg_is_refused_in_one_sentence(tmp_path: Path) -> None:
    torch.save({"x": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(BadCheckpoint, match="does not hold VGG-19 weights"):
        make_pyramid(str(tmp_path / "other.pth"))


def pairs(size: int = 64) -> PairBatch:
    region = torch.zeros(2, 1, size, size)
    region[:, :, 20:26, 12:28] = 1
    region[:, :, 20:26, 36:52] = 1
    region[:, :, 44:54, 20:44] = 1
    pictures = [torch.rand(2, 3, size, size) * 2 - 1 for _ in range(2)]
    controls = torch.zeros(2, 20)
    return PairBatch(
        *pictures, controls, controls, torch.ones(2, dtype=torch.bool),
        own_places(64).repeat(2, 1, 1, 1), torch.ones(2, 1, 64, 64), region,
    )  # fmt: skip


def test_component_boxes_hold_the_eyes_and_the_mouth() -> None:
    boxes = component_boxes(pairs().region)
    cut = crop(pairs().region, boxes["mouth"], 16)
    assert 0.2 < cut.mean() < 0.7
    torch.testing.assert_close(
        boxes["eyes"].centre[0], torch.tensor([0.0, -0.28]), atol=0.02, rtol=0
    )
    torch.testing.assert_close(
        boxes["mouth"].centre[0], torch.tensor([0.0, 0.53]), atol=0.02, rtol=0
    )


def test_the_gram_matrix_is_the_mean_outer_product() -> None:
    features = torch.randn(1, 3, 4, 5)
    expected = torch.einsum("bchw,bdhw->bcd", features, features) / (3 * 4 * 5)
    torch.testing.assert_close(gram(features), expected)


def test_critics_learn_without_touching_the_picture_and_are_there_only_if_asked() -> None:
    shape = AutoencoderConfig.tiny()
    weights = PictureWeights()
    critics = Critics(shape, weights)
    assert set(critics) == {"whole", "halved", "eyes", "mouth"}
    made = (torch.rand(2, 3, 64, 64) * 2 - 1).requires_grad_()
    fooling = fooling_parts(critics, made, pairs(), weights)
    assert set(fooling) == {
        "adversarial", "eyes_adversarial", "eyes_style", "mouth_adversarial", "mouth_style",
    }  # fmt: skip
    sum(fooling.values()).backward()
    assert made.grad is not None
    assert made.grad.abs().sum() > 0
    critics.zero_grad()
    parts = critic_parts(critics, made.detach(), pairs(), regularise=True)
    assert "whole_r1" in parts
    sum(parts.values()).backward()
    assert all(p.grad is not None for p in critics.parameters() if p.ndim > 1)
    none = PictureWeights(
        adversarial=0, eyes_adversarial=0, eyes_style=0, mouth_adversarial=0, mouth_style=0
    )
    assert not Critics(shape, none)


def pair_batch(size: int = 32) -> PairBatch:
    """An engine's and a real pair whose mouth is the lower half, its left hidden in the source."""
    region = torch.zeros(2, 1, size, size)
    region[..., size // 2 :, :] = 1
    visible = torch.ones(2, 1, 16, 16)
    visible[..., :8] = 0
    return PairBatch(
        source=torch.zeros(2, 3, size, size),
        driving=torch.zeros(2, 3, size, size),
        controls_source=torch.zeros(2, 20),
        controls_driving=torch.zeros(2, 20),
        supervised=torch.tensor([True, False]),
        grid=torch.zeros(2, 16, 16, 2),
        visible=visible,
        region=region,
    )


def test_hidden_pixels_are_those_of_the_region_that_the_source_does_not_show() -> None:
    hidden = hidden_region(pair_batch(), 32)
    assert hidden[0, 0, 16:, :16].min() == 1
    assert hidden.sum() == 16 * 16, "nothing is known of the real pair"


def test_the_hidden_term_is_the_mean_difference_there_alone() -> None:
    batch, image = pair_batch(), torch.full((2, 3, 32, 32), 5.0)
    image[0, :, 16:, :16] = 0.25
    weights = PictureWeights(perceptual=0, component=0, hidden_l1=1)
    parts = picture_parts(image, batch, RandomPyramid(), weights)
    assert set(parts) == {"l1", "hidden_l1"}
    assert parts["hidden_l1"] == pytest.approx(0.25)


def test_features_are_compared_in_the_window_alone() -> None:
    batch, image = pair_batch(), torch.zeros(2, 3, 32, 32)
    image[..., :8, :] = 1
    weights = PictureWeights(component=0)
    window = (slice(16, 32), slice(0, 16))
    outside = picture_parts(image, batch, RandomPyramid(), weights, window)["perceptual"]
    assert outside == 0
    assert picture_parts(image, batch, RandomPyramid(), weights)["perceptual"] > 0


def test_windows_lie_about_the_face_at_other_places() -> None:
    generator = torch.Generator().manual_seed(0)
    drawn = [draw_window(256, 0.625, generator) for _ in range(200)]
    tops, lefts = ([part.start for part in parts] for parts in zip(*drawn, strict=True))
    assert all(part.stop - part.start == 160 for parts in drawn for part in parts)
    assert (min(tops), max(tops)) == (pytest.approx(32, abs=3), pytest.approx(96, abs=3))
    assert (min(lefts), max(lefts)) == (pytest.approx(16, abs=3), pytest.approx(80, abs=3))
    assert draw_window(256, 1.0, generator) == (slice(0, 256), slice(0, 256))

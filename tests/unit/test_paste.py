"""Frames of a drawn face go back into drawn photos."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy import ndarray
from PIL import Image

from openfloat.vision.face import Face, PortraitCrop
from openfloat.vision.full_pictures import PastingWriter
from openfloat.vision.geometry import Box, cut
from openfloat.vision.optical_flow import SIDES, motion_between, pyramid
from openfloat.vision.paste import PasteBack, _cubic_taps, _mixed_rows, full_size
from openfloat.vision.resize import resize_smooth
from openfloat.vision.video_reader import read_frames

SIZE = 128


def photo(height: int, width: int, *, grain: float = 0.0) -> ndarray:
    """Soft blobs that motion can be read from, with grain that a small crop does not show."""
    random = np.random.default_rng(0)
    coarse = random.integers(40, 200, (height // 24 + 2, width // 24 + 2, 3), dtype=np.uint8)
    soft = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    noise = random.normal(0, grain, soft.shape) if grain else 0
    return (soft + noise).clip(0, 255).astype(np.uint8)


def crop_of(picture: ndarray, box: Box, size: int = SIZE) -> PortraitCrop:
    x, y = box.centre
    reach = 0.3 * box.width
    angles = np.linspace(0, 2 * np.pi, 478, endpoint=False)
    points = np.stack([x + reach * np.cos(angles), y + reach * np.sin(angles)], axis=-1)
    image = resize_smooth(cut(picture, box, "edge"), size)
    return PortraitCrop(image, box, 1, Face(points, 1.0))


def moved(crop: ndarray, x: float, y: float) -> ndarray:
    """The content of a crop, moved by some pixels."""
    rows, columns = np.mgrid[: len(crop), : len(crop)]
    planes = torch.from_numpy(crop.astype(np.float32)).permute(2, 0, 1)[None]
    places = np.stack([columns - x + 0.5, rows - y + 0.5], axis=-1) * 2 / len(crop) - 1
    grid = torch.from_numpy(places.astype(np.float32))[None]
    read = torch.nn.functional.grid_sample(planes, grid, "bilinear", "border", align_corners=False)
    return read[0].permute(1, 2, 0).round().byte().numpy()


@pytest.mark.parametrize(
    ("height", "width", "box"),
    [
        (300, 400, Box(80, 20, 320, 260)),
        (300, 400, Box(-40, -30, 200, 210)),
        (240, 200, Box(90, 100, 250, 260)),
        (300, 400, Box(100, 100, 180, 180)),
        (201, 151, Box(-30, 0, 171, 201)),
    ],
    ids=["inside", "beyond left and top", "beyond right and bottom", "small", "whole, odd"],
)
def test_a_frame_like_the_rest_gives_the_photo_back_exactly(
    height: int, width: int, box: Box
) -> None:
    picture = photo(height, width, grain=10)
    crop = crop_of(picture, box)
    rest = (crop.image * 0.9 + 5).astype(np.uint8)  # the decoder's colours are not the photo's
    paste = PasteBack(picture, crop, rest)
    assert (paste.width, paste.height) == (width // 2 * 2, height // 2 * 2)
    assert np.array_equal(paste(rest), picture[: paste.height, : paste.width])


def test_outside_of_the_touched_rectangle_every_pixel_is_the_photos() -> None:
    picture = photo(300, 400, grain=10)
    crop = crop_of(picture, Box(80, 20, 320, 260))
    paste = PasteBack(picture, crop, crop.image)
    noise = np.random.default_rng(1).integers(0, 256, crop.image.shape, dtype=np.uint8)
    full = paste(noise)
    box = paste.touched
    assert crop.box.left < box.left < box.right < crop.box.right
    inside = np.zeros((300, 400), dtype=bool)
    inside[int(box.top) : int(box.bottom), int(box.left) : int(box.right)] = True
    assert np.array_equal(full[~inside], picture[~inside])
    assert np.abs(full[inside].astype(int) - picture[inside]).mean() > 20
    border = [full[int(box.top), int(box.left) : int(box.right)]]
    assert np.array_equal(border[0], picture[int(box.top), int(box.left) : int(box.right)])


def test_a_call_leaves_photo_frame_and_later_calls_as_they_were() -> None:
    picture = photo(300, 400)
    crop = crop_of(picture, Box(80, 20, 320, 260))
    paste = PasteBack(picture, crop, crop.image)
    frame, own = moved(crop.image, 2, 1), picture.copy()
    given = frame.copy()
    first = paste(frame)
    paste(moved(crop.image, -3, 0))
    assert np.array_equal(first, paste(frame))
    assert np.array_equal(frame, given)
    assert np.array_equal(picture, own)


def test_where_the_face_moves_the_photos_grain_moves_along() -> None:
    picture = photo(600, 600, grain=12)
    crop = crop_of(picture, Box(44, 44, 556, 556))
    paste = PasteBack(picture, crop, crop.image)
    full = paste(moved(crop.image, 2, -1))  # a crop pixel is 4 photo pixels
    middle = np.s_[200:400, 200:400]
    wanted = np.roll(picture, (-4, 8), axis=(0, 1))[middle].astype(float)
    soft = np.asarray(
        Image.fromarray(moved(crop.image, 2, -1)).resize((512, 512), Image.Resampling.BICUBIC)
    )[156:356, 156:356]
    assert np.abs(full[middle] - wanted).mean() < 0.7 * np.abs(soft - wanted).mean()
    assert np.abs(full[middle] - wanted).mean() < np.abs(picture[middle] - wanted).mean() / 2


def test_what_bending_cannot_explain_is_drawn_in_the_photos_colours() -> None:
    picture = np.full((300, 300, 3), 150, dtype=np.uint8)
    crop = crop_of(picture, Box(30, 30, 270, 270))
    rest = crop.image - 20
    frame = rest.copy()
    frame[54:74, 44:84] = 40  # a mouth
    full = PasteBack(picture, crop, rest)(frame)
    assert np.abs(full[145:155, 130:170].astype(int) - 60).max() <= 2
    assert np.abs(full[60:110, 60:240].astype(int) - 150).max() <= 2


def test_the_mask_covers_the_face_and_fades_to_the_border_of_the_crop() -> None:
    picture = photo(400, 400)
    paste = PasteBack(picture, (crop := crop_of(picture, Box(50, 50, 350, 350))), crop.image)
    size = int(paste.touched.width)
    assert paste.mask.shape == (size, size)
    edge = np.concatenate([paste.mask[0], paste.mask[-1], paste.mask[:, 0], paste.mask[:, -1]])
    assert edge.max() < 0.02
    face = crop.face.box
    inner = paste.mask[
        int(face.top - paste.touched.top) : int(face.bottom - paste.touched.top),
        int(face.left - paste.touched.left) : int(face.right - paste.touched.left),
    ]
    assert inner.min() > 0.99
    assert np.abs(np.diff(paste.mask, axis=1)).max() < 0.05


def test_a_face_near_the_border_of_its_crop_is_still_covered() -> None:
    picture = photo(400, 400)
    wide = crop_of(picture, Box(50, 50, 350, 350))
    close = PortraitCrop(wide.image, Box(100, 100, 300, 300), 1, wide.face)
    paste = PasteBack(picture, close, close.image)
    assert np.mean(paste.mask > 0.99) > 0.75


@pytest.mark.parametrize(
    ("size", "full"),
    [
        ((1080, 1920), (1920, 1080)),
        ((333, 501), (500, 332)),
        ((2160, 3840), (3840, 2160)),
        ((4000, 6000), (4096, 2730)),
        ((5000, 100), (82, 4096)),
    ],
    ids=str,
)
def test_full_pictures_have_the_photos_size_up_to_a_limit_and_even(
    size: tuple[int, int], full: tuple[int, int]
) -> None:
    assert full_size(np.zeros((*size, 3), dtype=np.uint8)) == full


def test_a_photo_above_the_limit_is_made_smaller_and_its_crop_with_it() -> None:
    picture = photo(600, 5120)
    box = Box(2000, 100, 2400, 500)
    crop = crop_of(picture, box)
    paste = PasteBack(picture, crop, crop.image)
    assert (paste.width, paste.height) == (4096, 480)
    assert (paste.width, paste.height) == full_size(picture)
    assert abs(paste.touched.centre[0] - 0.8 * 2200) <= 1
    assert paste(crop.image).shape == (480, 4096, 3)


def test_a_known_shift_is_found_and_a_flat_picture_stays() -> None:
    crop = crop_of(photo(400, 400), Box(0, 0, 400, 400)).image

    def levels(image: ndarray) -> list[torch.Tensor]:
        return pyramid(torch.from_numpy(image.astype(np.float32)).permute(2, 0, 1)[None])

    flow = motion_between(levels(crop), levels(moved(crop, 5, -3))) * (SIZE / SIDES[-1])
    inner = flow[0, :, 24:-24, 24:-24].flatten(1).median(dim=1).values
    torch.testing.assert_close(inner, torch.tensor([-5.0, 3.0]), atol=0.3, rtol=0)
    flat = np.full_like(crop, 90)
    assert motion_between(levels(flat), levels(flat)).abs().max() == 0


@pytest.mark.parametrize("scale", [1.0, 0.5, 0.13])
def test_enlarging_keeps_ramps(scale: float) -> None:
    rows, weights = _cubic_taps(40, scale, 3 / scale, 10 / scale)
    torch.testing.assert_close(weights.sum(0), torch.ones_like(weights[0]))
    ramp = torch.arange(40.0)[None, :, None]
    centres = (3 / scale + torch.arange(int(10 / scale)) + 0.5) * scale - 0.5
    torch.testing.assert_close(_mixed_rows(ramp, rows, weights)[0, :, 0], centres)


def test_the_writer_takes_crops_and_writes_full_pictures(tmp_path: Path) -> None:
    picture = photo(180, 241)
    crop = crop_of(picture, Box(40, 10, 200, 170))
    paste = PasteBack(picture, crop, crop.image)
    with PastingWriter(tmp_path / "x.mp4", paste, 25, None) as writer:
        writer.write(np.stack([crop.image, moved(crop.image, 1, 1), crop.image]))
    frames = list(read_frames(tmp_path / "x.mp4"))
    assert [frame.shape for frame in frames] == [(180, 240, 3)] * 3
    assert np.abs(frames[0].astype(int) - picture[:, :240]).mean() < 4

"""Pictures of every kind become upright RGB bytes, or one sentence."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from openfloat.errors import BadMedia
from openfloat.vision.image import BACKGROUND, load_image

RED, BLUE = (200, 30, 20), (10, 40, 220)


def halves(height: int = 32, width: int = 48) -> np.ndarray:
    """Red at the left, blue at the right."""
    picture = np.empty((height, width, 3), np.uint8)
    picture[:, : width // 2], picture[:, width // 2 :] = RED, BLUE
    return picture


@pytest.mark.parametrize(("suffix", "tolerance"), [("png", 0), ("webp", 8), ("jpg", 8), ("bmp", 0)])
def test_each_format_gives_the_same_picture(tmp_path: Path, suffix: str, tolerance: int) -> None:
    path = tmp_path / f"me.{suffix}"
    Image.fromarray(halves()).save(path, quality=95)
    loaded = load_image(path)
    assert loaded.dtype == np.uint8
    assert loaded.shape == (32, 48, 3)
    inner = np.abs(loaded.astype(int) - halves())[:, [4, 44]]
    assert inner.max() <= tolerance


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_undone(tmp_path: Path, orientation: int) -> None:
    upright = halves()
    upright[:8, :8] = 255  # a mark at the top left
    # how a camera stores an upright scene, by the definition of each orientation
    stored = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
        8: lambda a: np.rot90(a, -1),
    }[orientation](upright)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "phone.png"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif)
    np.testing.assert_array_equal(load_image(path), upright)


def test_transparent_pixels_show_neutral_grey(tmp_path: Path) -> None:
    pixels = np.dstack([halves(), np.full((32, 48), 255, np.uint8)])
    pixels[:16, :, 3] = 0
    pixels[16:20, :, 3] = 128
    path = tmp_path / "cut.png"
    Image.fromarray(pixels).save(path)
    loaded = load_image(path)
    assert (loaded[:16] == BACKGROUND).all()
    np.testing.assert_allclose(loaded[18, 0], (np.array(RED) + BACKGROUND) / 2, atol=1)
    np.testing.assert_array_equal(loaded[20:], halves()[20:])


def test_palette_with_a_transparent_colour_shows_grey_there(tmp_path: Path) -> None:
    picture = Image.fromarray(halves()).quantize(4)
    hidden = picture.getpixel((0, 0))
    path = tmp_path / "palette.png"
    picture.save(path, transparency=hidden)
    loaded = load_image(path)
    assert (loaded[:, 0] == BACKGROUND).all()
    np.testing.assert_allclose(loaded[0, -1], BLUE, atol=2)


@pytest.mark.parametrize("mode", ["L", "LA", "1", "CMYK", "I;16", "I", "F", "YCbCr"])
def test_other_modes_keep_their_brightness(tmp_path: Path, mode: str) -> None:
    ramp = np.tile(np.array([0, 255] if mode == "1" else [0, 64, 128, 255], np.uint8), (16, 8))
    if mode == "I;16":
        picture = Image.fromarray(ramp.astype(np.uint16) * 257)
    elif mode == "I":
        picture = Image.fromarray(ramp.astype(np.int32) * 257)
    elif mode == "F":
        picture = Image.fromarray((ramp / 255).astype(np.float32))
    else:
        picture = Image.fromarray(ramp).convert(mode)
    # Pillow 12.3 does not read the YCbCr TIFF that it writes
    path = tmp_path / ("grey.jpg" if mode == "YCbCr" else "grey.tif")
    picture.save(path, **({"quality": 100} if mode == "YCbCr" else {}))
    expected = np.repeat(ramp[..., None], 3, axis=-1)
    np.testing.assert_allclose(load_image(path), expected, atol=2)


def test_sixteen_bit_png_is_scaled_not_clipped(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    Image.fromarray(np.array([[0, 257 * 100, 65_535]], np.uint16)).save(path)
    np.testing.assert_array_equal(load_image(path)[0, :, 0], [0, 100, 255])


def test_a_missing_file_a_folder_and_a_text_file_are_each_named(tmp_path: Path) -> None:
    text = tmp_path / "note.png"
    text.write_text("no picture at all")
    empty = tmp_path / "empty.jpg"
    empty.touch()
    for path, sentence in [
        (tmp_path / "gone.png", "no such file"),
        (tmp_path, "not a file"),
        (text, "is not a JPEG"),
        (empty, "is not a JPEG"),
    ]:
        with pytest.raises(BadMedia, match=sentence) as error:
            load_image(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_a_truncated_file_is_bad_media(tmp_path: Path, suffix: str) -> None:
    whole = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(whole, format={"jpg": "jpeg"}.get(suffix, suffix))
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    with pytest.raises(BadMedia, match=r"cut\."):
        load_image(path)


@pytest.mark.parametrize("side", [10_001, 20_000])
def test_a_picture_above_100_megapixels_is_refused_before_decoding(
    tmp_path: Path, side: int
) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b""))
    with pytest.raises(BadMedia, match="100 megapixels"):
        load_image(path)

"""Portraits that are broken, gigantic, disguised or merely odd."""

import functools
import zlib
from collections.abc import Callable
from pathlib import Path

import media
import numpy as np
import pytest
from PIL import Image
from watching import Outcome, assert_bounded, assert_refused, everything_in, refused_or_done

from openfloat.vision.image import load_image

pytestmark = pytest.mark.hostile
DEMO = Path(__file__).parents[2] / "src" / "openfloat" / "assets" / "demo" / "portrait.jpg"
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")


@functools.cache
def face(size: int = 160) -> Image.Image:
    """The demo portrait, small."""
    with Image.open(DEMO) as image:
        return image.convert("RGB").resize((size, size))


@functools.cache
def face_as(kind: str) -> bytes:
    return media.picture_bytes(face(), kind)


def exif(orientation: int, more: dict[int, object] | None = None) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    for tag, value in (more or {}).items():
        tags[tag] = value
    return media.picture_bytes(face(), "JPEG", exif=tags)


def gif() -> bytes:
    frames = [face().rotate(10 * k).quantize(16) for k in range(3)]
    return media.picture_bytes(frames[0], "GIF", save_all=True, append_images=frames[1:])


SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/>'
BOMB = zlib.compress(bytes(10_000_000))
REFUSED: dict[str, media.Maker] = {
    "nothing": media.written("me.jpg", b""),
    "one byte": media.written("me.jpg", b"\xff"),
    "text": media.written("me.jpg", b"I am a picture, honestly\n"),
    "zeros": media.written("me.png", bytes(100_000)),
    "noise": media.written("me.png", np.random.default_rng(0).bytes(100_000)),
    "a 30,000x30,000 PNG": media.written("me.png", media.png(30_000, 30_000)),
    "a PNG of 2^31 x 2^31": media.written("me.png", media.png(2**31 - 1, 2**31 - 1)),
    "a PNG of no height": media.written("me.png", media.png(10, 0)),
    "a PNG of a wide line": media.written("me.png", media.png(200_000_000, 1)),
    "a PNG of unknown depth": media.written("me.png", media.png(8, 8, b"x", depth=7)),
    "a PNG without pixels": media.written("me.png", media.png(64, 64)),
    "a PNG that unpacks to too little": media.written("me.png", media.png(64, 64, b"abc")),
    "a JPEG that says 65,535x65,535": media.written(
        "me.jpg", media.jpeg_of_size(face_as("JPEG"), 65_535, 65_535)
    ),
    "a JPEG that says 30,000x30,000": media.written(
        "me.jpg", media.jpeg_of_size(face_as("JPEG"), 30_000, 30_000)
    ),
    "a JPEG of no size": media.written("me.jpg", media.jpeg_of_size(face_as("JPEG"), 0, 0)),
    "a TIFF of 30,000x30,000": media.written(
        "me.tif",
        media.picture_bytes(Image.new("1", (30_000, 30_000)), "TIFF", compression="group4"),
    ),
    "a TIFF that goes in circles": media.written("me.tif", media.tiff_loop()),
    "a text chunk that unpacks to 10 MB, no pixels": media.written(
        "me.png", media.png(9, 9).replace(b"IDAT", b"zTXt") + BOMB
    ),
    "SVG": media.written("me.svg", f"{SVG}</svg>".encode()),
    "SVG named jpg": media.written("me.jpg", f"{SVG}</svg>".encode()),
    "SVG with an entity bomb": media.written(
        "me.png",
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + SVG.encode() + b"&b;</svg>",
    ),
    "SVG that reads a file": media.written(
        "me.svg", SVG.encode() + b'<image href="file:///etc/passwd"/></svg>'
    ),
    "HTML": media.written("me.jpg", b"<html><script>alert(1)</script></html>"),
    "a GIF": media.written("me.gif", gif()),
    "a GIF named jpg": media.written("me.jpg", gif()),
    "a PDF": media.written("me.jpg", b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF"),
    "PostScript": media.written("me.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nquit"),
    "a zip": media.written("me.png", b"PK\x03\x04" + bytes(100)),
    "an ELF program": media.written("me.jpg", b"\x7fELF\x02\x01\x01" + bytes(200)),
    "a PPM of a terabyte": media.written("me.png", b"P6 1000000 1000000 255\n"),
    "an icon": media.written("me.ico", media.picture_bytes(face(64), "ICO")),
    "a safetensors file": media.written("me.jpg", (2).to_bytes(8, "little") + b"{}"),
    "a video": media.written("me.jpg", media.video_without_sound()),
    "a sound": media.written("me.jpg", media.int_wav(0.1, 16_000)),
    "a grey wall": media.written("me.png", media.picture_bytes(Image.new("RGB", (99, 99)), "PNG")),
    "one pixel": media.written("me.png", media.picture_bytes(face(1), "PNG")),
    "a line of pixels": media.written(
        "me.png", media.picture_bytes(Image.new("RGB", (5000, 1)), "PNG")
    ),
    "a column of pixels": media.written(
        "me.png", media.picture_bytes(Image.new("L", (1, 5000)), "PNG")
    ),
    "a gigabyte of nothing": media.sparse("me.jpg", b"", 2**30),
    "a gigabyte behind a PNG's name": media.sparse("me.png", b"\x89PNG\r\n\x1a\n", 2**30),
    "a gigabyte behind a JPEG's name": media.sparse("me.jpg", b"\xff\xd8\xff\xe0", 2**30),
    "a BMP of another size": media.written(
        "me.bmp", face_as("BMP")[:18] + b"\xff\xff\xff\x7f" * 2 + face_as("BMP")[26:]
    ),
    "a WebP cut in its header": media.written("me.webp", face_as("WEBP")[:20]),
}

HARMLESS: dict[str, media.Maker] = {
    "CMYK": media.written("me.jpg", media.picture_bytes(face().convert("CMYK"), "JPEG")),
    "grey": media.written("me.jpg", media.picture_bytes(face().convert("L"), "JPEG")),
    "palette": media.written("me.png", media.picture_bytes(face().quantize(64), "PNG")),
    "transparent": media.written("me.png", media.picture_bytes(face().convert("RGBA"), "PNG")),
    "16 bits": media.written(
        "me.png",
        media.picture_bytes(
            Image.fromarray(np.asarray(face().convert("L")).astype(np.uint16) * 257), "PNG"
        ),
    ),
    "LAB in TIFF": media.written(
        "me.tif", media.picture_bytes(face().convert("YCbCr").convert("RGB"), "TIFF")
    ),
    "animated PNG": media.written(
        "me.png", media.picture_bytes(face(), "PNG", save_all=True, append_images=[face()])
    ),
    "animated WebP": media.written(
        "me.webp", media.picture_bytes(face(), "WEBP", save_all=True, append_images=[face()])
    ),
    "several pages": media.written(
        "me.tif", media.picture_bytes(face(), "TIFF", save_all=True, append_images=[face()])
    ),
    "PNG named jpg": media.written("me.jpg", face_as("PNG")),
    "JPEG named png": media.written("me.png", face_as("JPEG")),
    "WebP named txt": media.written("notes.txt", face_as("WEBP")),
    "no suffix": media.written("me", face_as("JPEG")),
    "a name of quotes": media.written("it's \"me\" $(id) `id`;&.jpg", face_as("JPEG")),
    "bytes after the end": media.written("me.jpg", face_as("JPEG") + bytes(50_000)),
    "EXIF: no such orientation": media.written("me.jpg", exif(99)),
    "EXIF: orientation as text": media.written("me.jpg", exif(1, {0x010E: "x" * 60_000})),
    "EXIF: other size than it has": media.written("me.jpg", exif(1, {0xA002: 9, 0xA003: 10**9})),
    "a progressive JPEG": media.written(
        "me.jpg", media.picture_bytes(face(), "JPEG", progressive=True)
    ),
    "a note of a megabyte": media.written(
        "me.jpg", media.picture_bytes(face(), "JPEG", comment=b"x" * 60_000)
    ),
}  # fmt: skip


def damaged() -> dict[str, bytes]:
    """Each format cut at ten places and with bits turned over at ten."""
    cases = {}
    for kind in FORMATS:
        content = face_as(kind)
        for tenth in range(10):
            cases[f"{kind} cut at {tenth}0 %"] = content[: len(content) * tenth // 10 + 3]
            rng = np.random.default_rng(tenth)
            spoiled = np.frombuffer(content, np.uint8).copy()
            places = rng.integers(0, [40, len(content)][tenth % 2], 12)
            spoiled[places] ^= rng.integers(1, 256, 12).astype(np.uint8)
            cases[f"{kind} with other bits, {tenth}"] = spoiled.tobytes()
    return cases


DAMAGED = damaged()
Animate = Callable[[Path], Outcome]


@pytest.fixture
def animate(told: Callable[..., Outcome], tiny: Path, short: Path, out: Path) -> Animate:
    return lambda portrait: told(
        "animate", portrait, short, "-o", out / "a.mp4", "--model", tiny, "--nfe", "1"
    )


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_portrait_is_refused_in_a_sentence(
    name: str, animate: Animate, tmp_path: Path, out: Path
) -> None:
    made = REFUSED[name](tmp_path)
    assert_refused(animate(made), made.name)
    assert not everything_in(out)


@pytest.mark.parametrize("name", HARMLESS)
def test_an_odd_portrait_is_used(name: str, animate: Animate, tmp_path: Path, out: Path) -> None:
    outcome = animate(HARMLESS[name](tmp_path))
    assert outcome.status == 0, outcome.said
    assert_bounded(outcome)
    assert list(everything_in(out)) == ["a.mp4"]


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_portrait_is_refused_or_used(name: str, tmp_path: Path) -> None:
    made = media.written("me.img", DAMAGED[name])(tmp_path)
    refused_or_done(lambda: load_image(made), made.name)

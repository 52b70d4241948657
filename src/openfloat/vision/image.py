"""Read pictures from local files."""

import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image, ImageOps, UnidentifiedImageError

from openfloat.errors import BadMedia

MAX_PIXELS = 100_000_000
BACKGROUND = (128, 128, 128)
"""What transparent pixels show: neutral grey."""
MOST_SINGLES = 1_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")

# What Pillow's readers raise on files that are damaged rather than absent.
_DAMAGED = (
    OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, OverflowError,
    struct.error, zlib.error,
)  # fmt: skip


def load_image(path: Path | str) -> UInt8[ndarray, "h w 3"]:
    """Read a picture as upright RGB bytes.

    JPEG, PNG, WebP, BMP or TIFF in any colour mode: EXIF rotation is applied, transparency laid
    over neutral grey, 16-bit grey brought to 8 bits, the first picture of an animation taken.

    Raises:
        BadMedia: the file is missing, no picture, damaged, or above 100 megapixels.
    """
    path = Path(path)
    if not path.exists():
        raise BadMedia(f"{path}: there is no such file")
    if not path.is_file():
        raise BadMedia(f"{path} is not a file")
    try:
        file = _Bounded(path)
    except OSError as error:
        raise BadMedia(f"{path} cannot be read: {error.strerror}") from error
    jpeg = file.peek(2)[:2] == b"\xff\xd8"
    with file, warnings.catch_warnings():
        # Pillow warns of what is damaged and forgiven, and above its own, lower limit of pixels;
        # ours is checked before any is decoded
        warnings.simplefilter("ignore")
        return _decoded(file if jpeg else path, path)  # from names, TIFF is mapped


def _decoded(file: BinaryIO | Path, path: Path) -> UInt8[ndarray, "h w 3"]:
    try:
        opened = Image.open(file, formats=FORMATS)
    except Image.DecompressionBombError:
        raise BadMedia(_too_large(path)) from None
    except UnidentifiedImageError:
        raise BadMedia(f"{path} is not a JPEG, PNG, WebP, BMP or TIFF picture") from None
    except _DAMAGED as error:
        raise BadMedia(f"{path} cannot be read as a picture: {error}") from error
    with opened:
        if opened.width * opened.height > MAX_PIXELS:
            raise BadMedia(_too_large(path))
        try:
            return np.array(_to_rgb(ImageOps.exif_transpose(opened)))
        except _DAMAGED as error:
            raise BadMedia(f"{path} is damaged or cut short: {error}") from error


class _Bounded(io.BufferedReader):
    """A file that gives out no endless single bytes: so Pillow looks for a JPEG's next marker."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._singles = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """As any file's; OSError once too many single bytes were asked for."""
        self._singles += size == 1
        if self._singles > MOST_SINGLES:
            raise OSError("too much of it is neither header nor picture")
        return super().read(size)


def _too_large(path: Path) -> str:
    return (
        f"{path} has more than {MAX_PIXELS // 1_000_000} megapixels; please give a smaller picture"
    )


def _to_rgb(image: Image.Image) -> Image.Image:
    """Any mode of Pillow to RGB."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return Image.fromarray(_to_bytes(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        behind = Image.new("RGBA", image.size, (*BACKGROUND, 255))
        return Image.alpha_composite(behind, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _to_bytes(grey: ndarray) -> UInt8[ndarray, "h w"]:
    """16-bit whole numbers, or floats from 0 to 1, as bytes."""
    top = 1.0 if np.issubdtype(grey.dtype, np.floating) else 65_535.0
    share = np.nan_to_num(grey.astype(np.float64)) / top
    return np.rint(share.clip(0, 1) * 255).astype(np.uint8)

"""Read pictures from local files."""

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image, ImageOps, UnidentifiedImageError

from openfloat.errors import BadMedia

MAX_PIXELS = 100_000_000
BACKGROUND = (128, 128, 128)
"""What transparent pixels show: neutral grey."""
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
        # Pillow warns above its own, lower limit; ours is checked before any pixel is decoded
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            opened = Image.open(path, formats=FORMATS)
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

"""Pictures of how a run is doing."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from einops import rearrange
from numpy.typing import NDArray
from PIL import Image as Picture

from openfloat.drafts import drafted
from openfloat.shapes import Image


def contact_sheet(path: Path, rows: Sequence[Image]) -> None:
    """Write pictures side by side, one row under the other, as a PNG.

    Args:
        path: of the file.
        rows: batches of equal shape, in [-1, 1].
    """
    bytes_of_rows: list[NDArray[np.uint8]] = [
        ((row.clamp(-1, 1) + 1) * 127.5).round().byte().numpy() for row in rows
    ]
    sheet = rearrange(np.stack(bytes_of_rows), "row b c h w -> (row h) (b w) c")
    with drafted(path) as draft:
        Picture.fromarray(np.ascontiguousarray(sheet)).save(draft)

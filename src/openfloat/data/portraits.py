"""Portraits as the data engine wants them: FLOAT's square crop with 478 landmarks.

The crop is the one of the released pipeline (specification, section 2 step 1): half side
`int(1.6 * max(half width, half height))` of the tight landmark box, about the box's centre.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from openfloat.data.manifest import PortraitRow
from openfloat.errors import BadInput, BadMedia

NUM_FACE_LANDMARKS = 468
NUM_LANDMARKS = 478
CROP_MARGIN = 1.6


@dataclass(frozen=True, kw_only=True, slots=True)
class Portrait:
    """A cropped picture and its landmarks."""

    name: str
    image: NDArray[np.uint8]
    """(s, s, 3) RGB."""
    landmarks: NDArray[np.float32]
    """(478, 3): x to the right and y down as shares of the crop, z away from the camera."""


def read_landmarks(data_dir: Path) -> dict[str, NDArray[np.float32]]:
    """Landmarks (478, 3) of every portrait by file name, as shares of the stored picture.

    Raises:
        BadInput: the data pack has no `portraits/landmarks.npz`.
    """
    path = data_dir / "portraits" / "landmarks.npz"
    if not path.is_file():
        raise BadInput(f"{data_dir} holds no portraits/landmarks.npz")
    with np.load(path, allow_pickle=False) as file:
        names, landmarks = file["names"], file["landmarks"].astype(np.float32)
    return {str(name): points for name, points in zip(names, landmarks, strict=True)}


def crop_portrait(
    name: str, image: NDArray[np.uint8], landmarks: NDArray[np.float32], *, size: int
) -> Portrait:
    """Cut FLOAT's standard crop out of a picture; edge colours fill what lies outside.

    Args:
        name: for messages and logs.
        image: (h, w, 3) RGB.
        landmarks: (478, 3) in pixels of the image (z in the same unit).
        size: height and width of the crop in pixels.

    Raises:
        BadMedia: the landmarks span fewer than two pixels.
    """
    face = landmarks[:NUM_FACE_LANDMARKS, :2]
    low, high = face.min(axis=0), face.max(axis=0)
    half = int(CROP_MARGIN * float((high - low).max()) / 2)
    if half < 2:
        raise BadMedia(f"{name}: the face is only {half} pixels large")
    corner = (low + high) / 2 - half
    points = landmarks.copy()
    points[:, :2] -= corner
    return Portrait(
        name=name,
        image=_cut(image, corner, 2 * half, size),
        landmarks=(points / (2 * half)).astype(np.float32),
    )


def _cut(
    image: NDArray[np.uint8], corner: NDArray[np.float32], side: int, size: int
) -> NDArray[np.uint8]:
    """Resample a square of the image, (x, y) corner and side in pixels, to size x size."""
    pad = int(max(0, *(-corner), *(corner + side - image.shape[1::-1]))) + 2
    wide = PillowImage.fromarray(np.pad(image, ((pad, pad), (pad, pad), (0, 0)), mode="edge"))
    x, y = (float(value) + pad for value in corner)
    cut = wide.resize((size, size), PillowImage.Resampling.BICUBIC, box=(x, y, x + side, y + side))
    return np.asarray(cut, dtype=np.uint8)


def load_portrait(
    data_dir: Path, row: PortraitRow, landmarks: dict[str, NDArray[np.float32]], *, size: int
) -> Portrait:
    """One portrait of the data pack in the standard crop.

    Raises:
        BadInput: there are no landmarks for it.
        BadMedia: its picture cannot be read.
    """
    if row.name not in landmarks:
        raise BadInput(f"landmarks.npz has no landmarks of {row.name}")
    path = data_dir / row.file
    try:
        with PillowImage.open(path) as file:
            image = np.asarray(file.convert("RGB"), dtype=np.uint8)
    except OSError as problem:
        raise BadMedia(f"{path} cannot be read as a picture: {problem}") from problem
    scale = np.array([image.shape[1], image.shape[0], image.shape[1]], dtype=np.float32)
    return crop_portrait(row.name, image, landmarks[row.name] * scale, size=size)


def load_portraits(
    data_dir: Path, rows: tuple[PortraitRow, ...], *, size: int
) -> Iterator[Portrait]:
    """Portraits of the data pack one after the other, in the order of the rows."""
    landmarks = read_landmarks(data_dir)
    for row in rows:
        yield load_portrait(data_dir, row, landmarks, size=size)

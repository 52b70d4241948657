"""How faces look that were put back into their photos, and what that costs.

    .venv/bin/python benchmarks/paste.py SHEET.png [--data FOLDER] [--portraits 12]

Writes a contact sheet: for each held-out photo of a data pack the photo, the frame that differs
most from the photo, and the frame with the widest mouth, cut around the face. Prints for each photo
the seam ratio (slope of the colours where the motion fades out, against the photo's own), the
correlation of the mouth's opening in the full pictures with that in the crops, and milliseconds of
processor time per frame; then the time for a face of several sizes in a photo of 1920x1080.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from numpy import ndarray
from PIL import Image
from tyro.conf import Positional

from openfloat import FloatPipeline, Portrait
from openfloat.audio.io import load_audio
from openfloat.data.manifest import DEFAULT_DATA, read_manifest
from openfloat.vision.face import Face, refine
from openfloat.vision.geometry import apply, box_matrix
from openfloat.vision.measure import mouth_aperture
from openfloat.vision.paste import PasteBack

DEMO = Path(__file__).parent.parent / "src" / "openfloat" / "assets" / "demo"
FRAMES = 24
CELL = 400
"""Pixels of one picture of the sheet."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to look at."""

    sheet: Positional[Path]
    """The png file to write."""
    data: Path = DEFAULT_DATA
    """Data pack whose held-out portraits are used."""
    portraits: int = 12
    model: str = "openfloat-256"


def slope(pictures: ndarray) -> ndarray:
    """Mean absolute difference to the right and lower neighbour, (..., h - 1, w - 1)."""
    levels = pictures.astype(np.float32).mean(axis=-1)
    across = np.abs(levels[..., :-1, 1:] - levels[..., :-1, :-1])
    return (across + np.abs(levels[..., 1:, :-1] - levels[..., :-1, :-1])) / 2


def seam_ratio(photo: ndarray, frames: ndarray, paste: PasteBack) -> float:
    """Slope of full frames where the mask is between 0 and a half, against the photo's."""
    box = paste.touched
    rows, columns = slice(int(box.top), int(box.bottom)), slice(int(box.left), int(box.right))
    band = ((paste.mask > 0) & (paste.mask < 0.5))[:-1, :-1]
    own = slope(photo[rows, columns])[band].mean()
    return float(slope(frames[:, rows, columns])[:, band].mean() / own)


def decoded(pipeline: FloatPipeline, portrait: Portrait, sound: ndarray) -> ndarray:
    """The crop frames (t s s 3) of a voice."""
    return np.concatenate([chunk.frames for chunk in pipeline.stream(portrait, sound)])


def apertures(pictures: ndarray, points: ndarray) -> ndarray:
    """Opening of the mouth in each picture, by landmarks near some points."""
    face = Face(points, 1.0)
    return np.array([mouth_aperture(refine(image, [face])[0].points) for image in pictures])


def cell(picture: ndarray, portrait: Portrait) -> ndarray:
    """The surroundings of the crop, of the sheet's cell size."""
    box = portrait.crop.box
    reach = 0.7 * box.width
    (x, y), (height, width) = box.centre, picture.shape[:2]
    left, top = max(int(x - reach), 0), max(int(y - reach), 0)
    part = picture[top : min(int(y + reach), height), left : min(int(x + reach), width)]
    image = Image.fromarray(part)
    scale = CELL / max(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)))
    sheet = Image.new("RGB", (CELL, CELL))
    sheet.paste(image)
    return np.asarray(sheet)


def row(pipeline: FloatPipeline, file: Path, sound: ndarray) -> ndarray:
    """Three cells of one photo; prints its figures."""
    portrait = pipeline.encode(file)
    paste = pipeline.paste_back(portrait)
    crops = decoded(pipeline, portrait, sound)
    started = time.process_time()
    full = np.stack([paste(crop) for crop in crops])
    cost = (time.process_time() - started) / len(crops) * 1000
    assert isinstance(paste, PasteBack), "turned upright only where that is asked for"
    photo = portrait.picture[: paste.height, : paste.width]
    assert portrait.crop.face is not None
    points = portrait.crop.face.points
    within = apply(box_matrix(portrait.crop.box, crops.shape[1]), points)
    gaps, crop_gaps = apertures(full, points), apertures(crops, within)
    furthest = int(np.abs(full.astype(np.float32) - photo).mean(axis=(1, 2, 3)).argmax())
    widest = int(gaps.argmax())
    print(
        f"{file.name:32} {paste.width}x{paste.height} face crop {portrait.crop.box.width:.0f} px  "
        f"seam {seam_ratio(photo, full, paste):.3f}  "
        f"mouth {np.corrcoef(gaps, crop_gaps)[0, 1]:.3f}  {cost:.1f} ms"
    )
    return np.hstack([cell(p, portrait) for p in (photo, full[furthest], full[widest])])


def print_large(pipeline: FloatPipeline, sound: ndarray) -> None:
    """Cost in a photo of 1920x1080, by the size of the crop."""
    demo = Image.open(DEMO / "portrait.jpg").convert("RGB")
    for crop_side in (256, 512, 768, 1024):
        side = round(512 * crop_side / 168)
        photo = Image.new("RGB", (1920, 1080), (90, 100, 110))
        large = demo.resize((side, side), Image.Resampling.LANCZOS)
        photo.paste(large, (960 - round(side * 0.44), min(0, 540 - round(side * 0.24))))
        portrait = pipeline.encode(np.asarray(photo))
        paste = pipeline.paste_back(portrait)
        crops = decoded(pipeline, portrait, sound[: 640 * 20])
        started = time.process_time()
        for crop in crops:
            paste(crop)
        cost = (time.process_time() - started) / len(crops) * 1000
        print(f"1920x1080, face crop {portrait.crop.box.width:.0f} px: {cost:.1f} ms")


def main() -> None:
    """Write the sheet and print the figures."""
    options = tyro.cli(Options)
    torch.set_num_threads(1)
    pipeline = FloatPipeline.from_pretrained(options.model)
    sound = load_audio(DEMO / "speech.wav")[: FRAMES * 640]
    rows = read_manifest(options.data).portraits_of("heldout")
    chosen = rows[:: max(len(rows) // options.portraits, 1)][: options.portraits]
    sheet = np.vstack([row(pipeline, options.data / r.file, sound) for r in chosen])
    Image.fromarray(sheet).save(options.sheet)
    print_large(pipeline, sound)


if __name__ == "__main__":
    main()

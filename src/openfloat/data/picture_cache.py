"""The engine's pictures on disk: made once, memory-mapped by training.

A cache is a folder of .npy files with one row for each picture (row = portrait number times
pictures per portrait + picture number), `index.json` that names the portraits, and
`finished.json`, written last.
"""

import json
import multiprocessing
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from openfloat.codec import write_json
from openfloat.data.controls import to_coefficients
from openfloat.data.engine import Picture, PortraitEngine
from openfloat.data.engine_controls import draw_controls
from openfloat.data.engine_truth import TRUTH_SIZE
from openfloat.data.face_rig_model import NUM_SKIN, NUM_VERTICES, FaceModel
from openfloat.data.manifest import PortraitRow, Split, read_manifest
from openfloat.data.mesh import load_template
from openfloat.data.portraits import load_portrait, read_landmarks
from openfloat.drafts import sync_folder
from openfloat.errors import BadInput

FORMAT = 2
MARKER = "finished.json"
TEMPLATE_FILE = "canonical_face_mediapipe.obj"
SAME_SPOT = 0.05
"""Distance in the portrait (whole picture = 2) within which two pictures show the same spot."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureCache:
    """Memory-mapped pictures and their truth; n pictures, v vertices."""

    images: NDArray[np.uint8]
    """(n, s, s, 3) RGB."""
    controls: NDArray[np.float32]
    """(n, 20) motion coefficients: controls of roughly unit spread, in the table's order."""
    triangle: NDArray[np.int16]
    """(n, 128, 128) triangle seen at each pixel."""
    barycentric: NDArray[np.float16]
    """(n, 128, 128, 2) weights of that triangle's first two corners."""
    visible: NDArray[np.uint8]
    """(n, 128, 128) 0 where the picture shows what its portrait does not."""
    region: NDArray[np.uint8]
    """(n, 128, 128) 1 on mouth and eyes."""
    vertices: NDArray[np.float16]
    """(n, v, 2) in picture coordinates: -1 and 1 are the outer edges."""
    portrait: NDArray[np.int32]
    """(n,) portrait number; its first row is the untouched photo."""
    person: NDArray[np.int32]
    """(n,) person number: some people have two portraits."""
    triangles: NDArray[np.int64]
    """(t, 3) vertex numbers."""
    names: tuple[str, ...]
    """File names of the portraits."""
    pictures_per_portrait: int

    @classmethod
    def open(cls, cache_dir: Path) -> Self:
        """Map a finished cache read-only.

        Raises:
            BadInput: there is no finished cache in the folder.
        """
        if not (cache_dir / MARKER).is_file():
            raise BadInput(f"{cache_dir} holds no finished picture cache")
        index = json.loads((cache_dir / "index.json").read_text(encoding="utf-8"))
        if index["format"] != FORMAT:
            raise BadInput(f"{cache_dir} has format {index['format']}, this version reads {FORMAT}")
        arrays = {
            name: np.load(cache_dir / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in (
                "images", "controls", "triangle", "barycentric", "visible", "region", "vertices",
                "portrait", "person",
            )
        }  # fmt: skip
        return cls(
            **arrays,
            triangles=np.load(cache_dir / "triangles.npy", allow_pickle=False),
            names=tuple(index["portraits"]),
            pictures_per_portrait=index["pictures_per_portrait"],
        )

    def __len__(self) -> int:
        return len(self.images)


def build_picture_cache(
    data_dir: Path,
    cache_dir: Path,
    *,
    size: int = 256,
    pictures_per_portrait: int = 12,
    seed: int = 0,
    split: Split = "train",
    workers: int = 2,
    portraits: Sequence[str] | None = None,
    device: str = "cpu",
) -> PictureCache:
    """Make and store pictures of every portrait of a split, or open them if they are there.

    The numbers depend on seed, portrait and picture alone, not on the workers.

    Args:
        data_dir: the data pack.
        cache_dir: folder to write; an unfinished one is begun anew.
        size: height and width of the pictures.
        pictures_per_portrait: the untouched photo and this many less one made from it.
        seed: of the controls.
        split: whose portraits.
        workers: processes.
        portraits: file names to use instead of the whole split.
        device: where pixels are computed.

    Raises:
        BadInput: there are no portraits, a name is unknown, or the folder holds a cache made with
            other settings.
    """
    rows = _choose(read_manifest(data_dir).portraits_of(split), portraits)
    settings: dict[str, Any] = {
        "format": FORMAT, "size": size, "pictures_per_portrait": pictures_per_portrait,
        "seed": seed, "split": split, "portraits": [row.name for row in rows],
        "people": [row.person for row in rows],
    }  # fmt: skip
    if (cache_dir / MARKER).is_file():
        if json.loads((cache_dir / "index.json").read_text(encoding="utf-8")) != settings:
            raise BadInput(f"{cache_dir} holds pictures made with other settings; remove it first")
        return PictureCache.open(cache_dir)
    _prepare(cache_dir, settings, load_model(data_dir))
    numbers = range(len(rows))
    shares = [
        (data_dir, cache_dir, rows[k::workers], settings, numbers[k::workers], device)
        for k in range(workers)
    ]
    if workers == 1:
        _fill(*shares[0])
    else:
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            pool.starmap(_fill, shares)
    sync_folder(cache_dir)
    write_json({"pictures": len(rows) * pictures_per_portrait}, cache_dir / MARKER)
    return PictureCache.open(cache_dir)


def load_model(data_dir: Path) -> FaceModel:
    """The face model on the data pack's template."""
    return FaceModel(load_template(data_dir / TEMPLATE_FILE))


def _choose(rows: tuple[PortraitRow, ...], names: Sequence[str] | None) -> tuple[PortraitRow, ...]:
    if not rows:
        raise BadInput("the data pack lists no portraits of this split")
    if names is None:
        return rows
    by_name = {row.name: row for row in rows}
    if unknown := [name for name in names if name not in by_name]:
        raise BadInput(f"{unknown[0]} is no portrait of this split")
    return tuple(by_name[name] for name in names)


def _prepare(cache_dir: Path, settings: dict[str, Any], model: FaceModel) -> None:
    """Empty arrays of the final size, and what is known beforehand."""
    if cache_dir.exists():
        if not (cache_dir / "index.json").is_file() and any(cache_dir.iterdir()):
            raise BadInput(f"{cache_dir} is in use for something else than pictures")
        shutil.rmtree(cache_dir)
    cache_dir.mkdir(parents=True)
    write_json(settings, cache_dir / "index.json")
    each, size, people = (settings[key] for key in ("pictures_per_portrait", "size", "people"))
    number = {person: k for k, person in enumerate(dict.fromkeys(people))}
    count = each * len(people)
    for name, shape, kind in (
        ("images", (size, size, 3), np.uint8), ("controls", (20,), np.float32),
        ("triangle", (TRUTH_SIZE, TRUTH_SIZE), np.int16),
        ("barycentric", (TRUTH_SIZE, TRUTH_SIZE, 2), np.float16),
        ("visible", (TRUTH_SIZE, TRUTH_SIZE), np.uint8),
        ("region", (TRUTH_SIZE, TRUTH_SIZE), np.uint8),
        ("vertices", (NUM_VERTICES, 2), np.float16),
    ):  # fmt: skip
        np.lib.format.open_memmap(
            cache_dir / f"{name}.npy", mode="w+", dtype=kind, shape=(count, *shape)
        ).flush()
    np.save(cache_dir / "portrait.npy", np.repeat(np.arange(len(people), dtype=np.int32), each))
    np.save(
        cache_dir / "person.npy",
        np.repeat(np.array([number[person] for person in people], dtype=np.int32), each),
    )
    np.save(cache_dir / "triangles.npy", model.triangles)


def _fill(
    data_dir: Path,
    cache_dir: Path,
    rows: tuple[PortraitRow, ...],
    settings: dict[str, Any],
    numbers: range,
    device: str,
) -> None:
    """Make the pictures of some portraits and write them to their rows."""
    torch.set_num_threads(1)
    names = ("images", "controls", "triangle", "barycentric", "visible", "region", "vertices")
    arrays = {name: np.load(cache_dir / f"{name}.npy", mmap_mode="r+") for name in names}
    model, landmarks = load_model(data_dir), read_landmarks(data_dir)
    each = settings["pictures_per_portrait"]
    for row, number in zip(rows, numbers, strict=True):
        portrait = load_portrait(data_dir, row, landmarks, size=2 * settings["size"])
        engine = PortraitEngine(model, portrait, settings["size"], device)
        for place, picture in enumerate(_make(engine, settings["seed"], each)):
            _store(arrays, number * each + place, picture)
    for array in arrays.values():
        array.flush()


def _make(engine: PortraitEngine, seed: int, each: int) -> list[Picture]:
    """A portrait's pictures, the untouched one first.

    The draws depend on its file name and the picture's place, not on the portrait's number.
    """
    name = engine.portrait.name.encode()
    controls = [
        draw_controls(engine.rig.base, np.random.default_rng([seed, place, *name]))
        for place in range(1, each)
    ]
    return [engine.untouched(), *engine.pictures(controls)]


def _store(arrays: dict[str, NDArray[np.generic]], row: int, picture: Picture) -> None:
    arrays["images"][row] = picture.image
    arrays["controls"][row] = to_coefficients(picture.controls)
    arrays["vertices"][row] = picture.vertices.astype(np.float16)
    for name, value in picture.truth._asdict().items():
        arrays[name][row] = value


def pair_grid(
    cache: PictureCache,
    source_rows: NDArray[np.integer] | Sequence[int],
    driving_rows: NDArray[np.integer] | Sequence[int],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where in the source picture each pixel of the driving picture is.

    Args:
        cache: both pictures' home.
        source_rows: (b,) picture numbers.
        driving_rows: (b,) picture numbers; of the same portraits where `visible` is to be exact.

    Returns:
        grid (b, 128, 128, 2), positions in [-1, 1] where -1 and 1 are outer edges (a position may
        lie outside), and visible (b, 1, 128, 128), 1 where the source shows the same spot.
    """
    source, driving = (np.asarray(rows, dtype=np.int64) for rows in (source_rows, driving_rows))
    photo = source - source % cache.pictures_per_portrait
    behind = cache.triangles[:, 0] >= NUM_SKIN
    triangle, barycentric = cache.triangle[driving], cache.barycentric[driving]
    grid = _interpolate(cache, source, triangle, barycentric)
    wanted = _interpolate(cache, photo, triangle, barycentric)
    seen = ((grid + 1) * (TRUTH_SIZE / 2)).astype(np.int64).clip(0, TRUTH_SIZE - 1)
    pick = (np.arange(len(source))[:, None, None], seen[..., 1], seen[..., 0])
    source_triangle, source_barycentric = cache.triangle[source], cache.barycentric[source]
    found = _interpolate(cache, photo, source_triangle[pick], source_barycentric[pick])
    visible = (cache.visible[driving] & cache.visible[source][pick]).astype(bool)
    visible &= np.abs(grid).max(axis=-1) <= 1
    visible &= np.abs(found - wanted).max(axis=-1) <= SAME_SPOT
    visible &= ~behind[triangle] | behind[source_triangle[pick]]
    return grid, visible[:, None].astype(np.float32)


def _interpolate(
    cache: PictureCache,
    rows: NDArray[np.int64],
    triangle: NDArray[np.int16],
    barycentric: NDArray[np.float16],
) -> NDArray[np.float32]:
    """Positions (b, 128, 128, 2) in pictures of points given by triangle and weights."""
    vertices = np.asarray(cache.vertices[rows], dtype=np.float32)
    flat = vertices.reshape(-1, 2)
    start = (np.arange(len(rows)) * vertices.shape[1])[:, None, None]
    first, second, third = np.moveaxis(cache.triangles[triangle], -1, 0)
    weights = barycentric.astype(np.float32)
    base = flat.take(third + start, axis=0)
    grid = base + weights[..., :1] * (flat.take(first + start, axis=0) - base)
    return grid + weights[..., 1:] * (flat.take(second + start, axis=0) - base)

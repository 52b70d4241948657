"""A picture cache of drawn faces that slide, grow and roll: made in a blink, truth included."""

import json
from pathlib import Path

import numpy as np

from openfloat.config import CONTROLS
from openfloat.data.controls import to_coefficients
from openfloat.data.engine_truth import TRUTH_SIZE
from openfloat.data.picture_cache import FORMAT, MARKER

SIZE, CELLS = 64, 8


def write_drawn_pictures(folder: Path, *, portraits: int = 3, each: int = 6, seed: int = 0) -> None:
    """Write the cache in the format of `openfloat.data.picture_cache`."""
    rng = np.random.default_rng(seed)
    rows = [_draw_person(rng, each) for _ in range(portraits)]
    folder.mkdir(parents=True)
    for name in rows[0]:
        np.save(folder / f"{name}.npy", np.concatenate([row[name] for row in rows]))
    number = np.repeat(np.arange(portraits, dtype=np.int32), each)
    np.save(folder / "portrait.npy", number)
    np.save(folder / "person.npy", number)
    np.save(folder / "triangles.npy", _triangles())
    names = [f"drawn_{k}.png" for k in range(portraits)]
    index = {"format": FORMAT, "portraits": names, "pictures_per_portrait": each}
    (folder / "index.json").write_text(json.dumps(index))
    (folder / MARKER).write_text("{}")


def _draw_person(rng: np.random.Generator, each: int) -> dict[str, np.ndarray]:
    """One face under several similarity transforms; the first is at rest."""
    skin, hair, wall = rng.uniform(60, 230, (3, 3))
    corners = np.stack(np.meshgrid(*[np.linspace(-1, 1, CELLS + 1)] * 2), axis=-1).reshape(-1, 2)
    out: dict[str, list[np.ndarray]] = {}
    for k in range(each):
        x, y = rng.uniform(-0.08, 0.08, 2) * (k > 0)
        size, roll = rng.uniform(-0.12, 0.12) * (k > 0), rng.uniform(-14, 14) * (k > 0)
        angle = np.radians(roll)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix, shift = np.exp(size) * turn, 2 * np.array([x, y])
        back = np.linalg.inv(matrix).T
        image, _ = _paint((_middles(SIZE) - shift) @ back, skin, hair, wall)
        rest = (_middles(TRUTH_SIZE) - shift) @ back
        _, region = _paint(rest, skin, hair, wall)
        triangle, barycentric, inside = _locate(rest)
        controls = np.zeros(len(CONTROLS), np.float32)
        for name, value in (("x", x), ("y", y), ("scale", size), ("roll", roll)):
            controls[CONTROLS.index(name)] = value
        for name, value in (
            ("images", image), ("controls", to_coefficients(controls)), ("triangle", triangle),
            ("barycentric", barycentric), ("visible", inside), ("region", region),
            ("vertices", (corners @ matrix.T + shift).astype(np.float16)),
        ):  # fmt: skip
            out.setdefault(name, []).append(value)
    return {name: np.stack(values) for name, values in out.items()}


def _middles(size: int) -> np.ndarray:
    """(size, size, 2) middles of pixels in [-1, 1]."""
    middles = (np.arange(size) + 0.5) / size * 2 - 1
    return np.stack(np.meshgrid(middles, middles), axis=-1)


def _paint(rest: np.ndarray, *colours: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hair, face, two eyes and a mouth at rest positions; and where eyes and mouth are."""
    skin, hair, wall = colours
    x, y = rest[..., 0], rest[..., 1]
    image = np.broadcast_to(wall, (*x.shape, 3)).copy()
    image[(x / 0.75) ** 2 + ((y + 0.1) / 0.85) ** 2 < 1] = hair
    image[(x / 0.55) ** 2 + ((y - 0.05) / 0.7) ** 2 < 1] = skin
    eyes = ((np.abs(x) - 0.25) / 0.12) ** 2 + ((y + 0.1) / 0.08) ** 2 < 1
    mouth = (x / 0.25) ** 2 + ((y - 0.4) / 0.08) ** 2 < 1
    image[eyes], image[mouth] = (250, 250, 250), (150, 40, 40)
    return image.round().astype(np.uint8), (eyes | mouth).astype(np.uint8)


def _triangles() -> np.ndarray:
    """Two triangles a cell of a square mesh, cells row by row."""
    row, column = np.divmod(np.arange(CELLS * CELLS), CELLS)
    a = row * (CELLS + 1) + column
    b, c, d = a + 1, a + CELLS + 1, a + CELLS + 2
    return np.stack([np.stack([a, b, c], 1), np.stack([d, c, b], 1)], 1).reshape(-1, 3)


def _locate(rest: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Triangle and barycentric weights of rest positions, and whether the mesh covers them."""
    inside = (np.abs(rest) < 1).all(axis=-1)
    place = np.clip((rest + 1) / 2 * CELLS, 0, CELLS - 1e-6)
    cell = place.astype(int)
    u, v = np.moveaxis(place - cell, -1, 0)
    upper = u + v < 1
    triangle = 2 * (cell[..., 1] * CELLS + cell[..., 0]) + ~upper
    first = np.where(upper, 1 - u - v, u + v - 1)
    second = np.where(upper, u, 1 - u)
    weights = np.stack([first, second], axis=-1)
    return triangle.astype(np.int16), weights.astype(np.float16), inside.astype(np.uint8)

"""Pictures with known points for the landmark network: real portraits, warped and spoilt.

The portraits show hardly any open mouth and no closed eye, so both are made here: the picture is
pulled apart along the seam of the lips (the gap painted as the inside of a mouth) or drawn down
over the eye, and the points move by exactly the same field.
"""

import json
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from openfloat.vision.landmarks import CONTEXT, INPUT_SIZE

STORED_SIZE = 224
MOUTH_CORNERS, SEAM = (78, 308), (13, 14)
UPPER_INNER_LIP = (191, 80, 81, 82, 13, 312, 311, 310, 415)
LOWER_INNER_LIP = (95, 88, 178, 87, 14, 317, 402, 318, 324)
EYES = ((33, 133, 159, 145), (263, 362, 386, 374))
"""Outer corner, inner corner, middle of the upper lid, middle of the lower lid."""
FIRST_IRIS = 468


class Portraits(NamedTuple):
    """Still faces and their points."""

    images: Tensor
    """(n 3 s s) uint8."""
    points: Tensor
    """(n 478 2) share of the picture."""
    names: list[str]


class Samples(NamedTuple):
    """A training batch."""

    squares: Tensor
    """(b 3 112 112) in [-1, 1]."""
    points: Tensor
    """(b 478 2) share of the square."""
    is_face: Tensor
    """(b) 1 or 0."""


def load_portraits(data: Path, split: str) -> Portraits:
    """The data pack's portraits of one split."""
    manifest = json.loads((data / "manifest.json").read_text())
    wanted = {Path(p["file"]).name for p in manifest["portraits"] if p["split"] == split}
    with np.load(data / "portraits" / "landmarks.npz") as pack:
        names, landmarks = pack["names"].tolist(), pack["landmarks"].astype(np.float32)
    kept = [i for i, name in enumerate(names) if name in wanted]
    pixels = [_open_portrait(data / "portraits" / names[i]) for i in kept]
    return Portraits(
        torch.from_numpy(np.stack(pixels)),
        torch.from_numpy(landmarks[kept][..., :2].copy()),
        [names[i] for i in kept],
    )


def _open_portrait(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        small = image.convert("RGB").resize((STORED_SIZE, STORED_SIZE), Image.Resampling.LANCZOS)
    return np.asarray(small).transpose(2, 0, 1)


def mirror_table(data: Path, points: Tensor) -> Tensor:
    """For each point the one on the other side of the face, from the mesh's own symmetry."""
    lines = (data / "canonical_face_mediapipe.obj").read_text().splitlines()
    mesh = np.array([line.split()[1:4] for line in lines if line.startswith("v ")], np.float32)
    distance = np.linalg.norm(mesh[:, None] - mesh[None] * [-1, 1, 1], axis=-1)
    table = distance.argmin(axis=1).tolist()
    # the mesh has no irises: the mean face tells which of the five points answer each other
    mean = points.mean(dim=0)[FIRST_IRIS:]
    middle = mean[:, 0].mean()
    mirrored = torch.stack([2 * middle - mean[:, 0], mean[:, 1]], dim=-1)
    table += (torch.cdist(mirrored, mean).argmin(dim=1) + FIRST_IRIS).tolist()
    if sorted(table) != list(range(len(table))):
        raise ValueError("the mirrored mesh does not match itself")
    return torch.tensor(table)


class FaceFrame(NamedTuple):
    """Coordinates with the origin between two points and their half distance as the unit."""

    origin: Tensor
    """(b 1 2)."""
    axis: Tensor
    """(b 1 2), one unit along the first axis; the second axis is a quarter turn clockwise."""

    @classmethod
    def between(cls, points: Tensor, first: int, second: int) -> "FaceFrame":
        a, b = points[:, first], points[:, second]
        return cls((a + b)[:, None] / 2, (b - a)[:, None] / 2)

    def enter(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Positions (b n 2) -> u, v (b n) along and across."""
        dx, dy = (positions - self.origin).unbind(dim=-1)
        ax, ay = (self.axis / self.axis.square().sum(dim=-1, keepdim=True)).unbind(dim=-1)
        return dx * ax + dy * ay, dy * ax - dx * ay

    def leave(self, u: Tensor, v: Tensor) -> Tensor:
        """The positions of u, v."""
        ax, ay = self.axis[..., 0], self.axis[..., 1]
        return self.origin + torch.stack([u * ax - v * ay, u * ay + v * ax], dim=-1)


class Opening(NamedTuple):
    """How far mouths are opened; every field (b 1), in half widths of the mouth."""

    lower: Tensor
    upper: Tensor
    narrow: Tensor
    """Share by which the mouth becomes narrower (negative: wider)."""
    chin: Tensor
    """Where the chin ends below the seam."""
    seam: Tensor
    """Height of the seam's middle over the corners."""

    def lens(self, u: Tensor) -> Tensor:
        return (1 - u.square()).clamp_min(0).sqrt()

    def fall(self, u: Tensor, w: Tensor) -> Tensor:
        """How far down the lower side moves where it arrives at w below the seam."""
        blend = (w / 1.2).clamp(0, 1)
        blend = blend * blend * (3 - 2 * blend)
        wide = 0.85 * torch.exp(-(u / 2).square())
        fade = (1 - (w - self.chin - self.lower) / 1.5).clamp(0, 1)
        return self.lower * (self.lens(u) + blend * (wide - self.lens(u))) * fade

    def rise(self, u: Tensor, w: Tensor) -> Tensor:
        """How far up the upper side moves where it arrives at w (negative) over the seam."""
        return self.upper * self.lens(u) * (1 + w / 1.2).clamp(0, 1)

    def squeeze(self, u: Tensor, v: Tensor) -> Tensor:
        """How far outward the picture is read at u, v."""
        return self.narrow * u * torch.exp(-(u / 1.8).square() - (v / 1.5).square())


def draw_opening(points: Tensor, generator: torch.Generator) -> Opening:
    """Half of the mouths stay as they are, the others open by up to their own width."""
    batch = len(points)
    frame = FaceFrame.between(points, *MOUTH_CORNERS)
    _, heights = frame.enter(points)
    opened = (_uniform(batch, 0, 1, generator) < 0.5) * _uniform(batch, 0, 1, generator).pow(1.3)
    moved = (_uniform(batch, 0, 1, generator) < 0.5) * _uniform(batch, -0.15, 0.3, generator)
    return Opening(
        lower=opened * _uniform(batch, 0.6, 1.1, generator),
        upper=opened * _uniform(batch, 0.0, 0.3, generator),
        narrow=moved,
        chin=heights[:, 152:153],
        seam=heights[:, SEAM].mean(dim=1, keepdim=True),
    )


def read_mouth(points: Tensor, grid: Tensor, opening: Opening) -> tuple[Tensor, Tensor, Tensor]:
    """Where an opened mouth's picture is read.

    Returns:
        The positions (b n 2) in the still picture, how deep inside the mouth (0: outside), and how
        far down between the lips (0 upper ... 1 lower).
    """
    frame = FaceFrame.between(points, *MOUTH_CORNERS)
    u, v = frame.enter(grid)
    u_read = u + opening.squeeze(u, v)
    seam = opening.seam * (1 - u_read.square()).clamp(-1, 1)
    w = v - seam
    below = w - opening.fall(u_read, w)
    above = w + opening.rise(u_read, w)
    inside = torch.where(w > 0, below < 0, above > 0)
    span = (opening.lower + opening.upper) * opening.lens(u_read)
    depth = torch.minimum(w + opening.upper * opening.lens(u_read), -below).clamp_min(0)
    down = (w + opening.upper * opening.lens(u_read)) / span.clamp_min(1e-4)
    w_read = torch.where(w > 0, below.clamp_min(0), above.clamp_max(0))
    return frame.leave(u_read, w_read + seam), inside * depth, down


def move_mouth(points: Tensor, opening: Opening) -> Tensor:
    """The same opening for the points: `read_mouth` solved the other way by repetition."""
    frame = FaceFrame.between(points, *MOUTH_CORNERS)
    u_still, v_still = frame.enter(points)
    seam = opening.seam * (1 - u_still.square()).clamp(-1, 1)
    w_still = v_still - seam
    lower = w_still > 0
    lower[:, list(LOWER_INNER_LIP)], lower[:, list(UPPER_INNER_LIP)] = True, False
    w = w_still
    for _ in range(12):
        w = w_still + torch.where(lower, opening.fall(u_still, w), -opening.rise(u_still, w))
    u, v = u_still, w + seam
    for _ in range(12):
        u = u_still - opening.squeeze(u, v)
    return frame.leave(u, v)


def read_eye(points: Tensor, grid: Tensor, eye: tuple[int, int, int, int], shut: Tensor) -> Tensor:
    """Where a partly shut eye's picture is read: the skin over the eye is drawn down."""
    frame, upper, lower, brow = _eye_shape(points, eye)
    u, v = frame.enter(grid)
    lens = (1 - u.square()).clamp_min(0)
    rest, limit = upper * lens, -brow
    lid = rest + shut * (lower - upper) * lens
    drawn = limit + (v - limit) * (rest - limit) / (lid - limit).clamp_min(0.05)
    skin = (v > limit) & (v < lid) & (lens > 0)
    return frame.leave(u, torch.where(skin, drawn, v))


def move_eye(points: Tensor, eye: tuple[int, int, int, int], shut: Tensor) -> Tensor:
    """The same lid movement for the points; irises stay."""
    frame, upper, lower, brow = _eye_shape(points, eye)
    u, v = frame.enter(points)
    lens = (1 - u.square()).clamp_min(0)
    rest, limit = upper * lens, -brow
    lid = rest + shut * (lower - upper) * lens
    drawn = limit + (v - limit) * (lid - limit) / (rest - limit).clamp_min(0.05)
    # the lid's own points lie on its edge, a little over or under the parabola
    skin = (v > limit) & (v < rest + 0.45 * (lower - upper) * lens) & (lens > 0)
    skin[:, FIRST_IRIS:] = False
    return frame.leave(u, torch.where(skin, drawn, v))


def _eye_shape(points: Tensor, eye: tuple[int, int, int, int]) -> tuple[FaceFrame, ...]:
    """Frame of an eye, heights of its lids (upper negative), how far the drawn skin reaches."""
    outer, inner, upper_lid, lower_lid = eye
    # from left to right in the picture, so that the second axis points down
    first, second = (outer, inner) if outer == 33 else (inner, outer)
    frame = FaceFrame.between(points, first, second)
    _, v = frame.enter(points)
    upper, lower = v[:, upper_lid, None], v[:, lower_lid, None]
    return frame, upper, lower, 0.4 - 1.5 * upper


def _uniform(batch: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(batch, 1, generator=generator)


class View(NamedTuple):
    """Turned squares of the stored pictures, each (b 1) or (b 1 2), in shares of the picture."""

    centre: Tensor
    side: Tensor
    angle: Tensor
    stretch: Tensor
    """Aspect of the square, (b 1 2)."""

    def to_picture(self, share: Tensor) -> Tensor:
        """Shares of the square -> positions in the picture."""
        d = (share - 0.5) * self.stretch * self.side[..., None]
        cos, sin = torch.cos(self.angle), torch.sin(self.angle)
        x, y = d[..., 0] * cos - d[..., 1] * sin, d[..., 0] * sin + d[..., 1] * cos
        return self.centre + torch.stack([x, y], dim=-1)

    def to_square(self, positions: Tensor) -> Tensor:
        """The other way."""
        d = positions - self.centre
        cos, sin = torch.cos(self.angle), torch.sin(self.angle)
        x, y = d[..., 0] * cos + d[..., 1] * sin, d[..., 1] * cos - d[..., 0] * sin
        return torch.stack([x, y], dim=-1) / self.stretch / self.side[..., None] + 0.5


def draw_view(points: Tensor, far_share: float, generator: torch.Generator) -> View:
    """Squares as proposals (far off) and as refined ones (close) would see the face."""
    batch = len(points)
    low, high = points.amin(dim=1), points.amax(dim=1)
    size = (high - low).amax(dim=-1, keepdim=True)
    far = (_uniform(batch, 0, 1, generator) < far_share).float()
    spread = 0.1 + 0.9 * far
    scale = torch.exp(_uniform(batch, math.log(0.7), math.log(1.6), generator) * spread)
    shift = (torch.rand(batch, 2, generator=generator) - 0.5) * 0.36 * (0.15 + 0.85 * far)
    angle = _uniform(batch, -35, 35, generator) * (0.15 + 0.85 * far)
    stretch = torch.exp((torch.rand(batch, 1, 2, generator=generator) - 0.5) * 0.16)
    return View(
        ((low + high) / 2 + shift * size)[:, None],
        CONTEXT * size * scale,
        torch.deg2rad(angle),
        stretch,
    )


def square_grid(size: int = INPUT_SIZE) -> Tensor:
    """Pixel centres of a square as shares, (1 size*size 2)."""
    steps = (torch.arange(size) + 0.5) / size
    rows, columns = torch.meshgrid(steps, steps, indexing="ij")
    return torch.stack([columns, rows], dim=-1).reshape(1, -1, 2)


def read_pixels(images: Tensor, positions: Tensor) -> Tensor:
    """Bilinear reading at shares of the picture (b n 2); edge colours outside."""
    grid = positions.reshape(len(images), INPUT_SIZE, INPUT_SIZE, 2) * 2 - 1
    pixels = images.float() / 255
    return F.grid_sample(pixels, grid, padding_mode="border", align_corners=False)


def draw_faces(
    portraits: Portraits,
    mirror: Tensor,
    batch: int,
    far_share: float,
    generator: torch.Generator,
) -> Samples:
    """Faces with opened mouths, shut eyes, mirrored, turned and spoilt."""
    chosen = torch.randint(len(portraits.images), (batch,), generator=generator)
    images, still = portraits.images[chosen], portraits.points[chosen]
    opening = draw_opening(still, generator)
    shut = (_uniform(batch, 0, 1, generator) < 0.35) * _uniform(batch, -0.2, 1, generator)

    moved = move_mouth(still, opening)
    for eye in EYES:
        moved = move_eye(moved, eye, shut)
    view = draw_view(moved, far_share, generator)
    grid = view.to_picture(square_grid())
    # eyes are read in the picture whose mouth is already open: the two regions do not meet
    lids = shut.flatten().nonzero().flatten()
    for eye in EYES:
        grid[lids] = read_eye(still[lids], grid[lids], eye, shut[lids])
    positions, inside, down = read_mouth(still, grid, opening)
    squares = paint_mouth(read_pixels(images, positions), inside, down, generator)
    points = view.to_square(moved)

    flipped = torch.rand(batch, generator=generator) < 0.5
    squares = torch.where(flipped[:, None, None, None], squares.flip(-1), squares)
    other = points[:, mirror] * torch.tensor([-1.0, 1.0]) + torch.tensor([1.0, 0.0])
    points = torch.where(flipped[:, None, None], other, points)
    return Samples(spoil(squares, generator), points, torch.ones(batch))


def paint_mouth(
    squares: Tensor, inside: Tensor, down: Tensor, generator: torch.Generator
) -> Tensor:
    """Fill the gap between the lips: dark, often with teeth above and a tongue below."""
    batch = len(squares)
    shape = (batch, 1, INPUT_SIZE, INPUT_SIZE)
    opacity, down = (inside / 0.05).clamp(0, 1).reshape(shape), down.reshape(shape)

    def colour(low: tuple[float, ...], high: tuple[float, ...]) -> Tensor:
        share = torch.rand(batch, 3, generator=generator)
        return (torch.tensor(low) + share * (torch.tensor(high) - torch.tensor(low)))[
            ..., None, None
        ]

    brightness = squares.mean(dim=(1, 2, 3), keepdim=True).clamp(0.2, 0.7) / 0.5
    dark = colour((0.08, 0.02, 0.02), (0.35, 0.18, 0.18)) * brightness
    teeth = colour((0.6, 0.55, 0.5), (0.95, 0.9, 0.85)) * brightness
    tongue = colour((0.4, 0.15, 0.15), (0.7, 0.4, 0.4)) * brightness
    teeth_edge = _uniform(batch, -0.4, 0.5, generator).reshape(batch, 1, 1, 1)
    tongue_edge = _uniform(batch, 0.5, 1.5, generator).reshape(batch, 1, 1, 1)
    fill = dark.expand(-1, -1, INPUT_SIZE, INPUT_SIZE)
    fill = torch.lerp(fill, tongue.expand_as(fill), ((down - tongue_edge) / 0.1).clamp(0, 1))
    fill = torch.lerp(fill, teeth.expand_as(fill), ((teeth_edge - down) / 0.08).clamp(0, 1))
    return torch.lerp(squares, fill, opacity.expand_as(fill))


def spoil(squares: Tensor, generator: torch.Generator) -> Tensor:
    """Light, colour, blur, noise and a covered patch; [0, 1] -> [-1, 1]."""
    batch = len(squares)

    def draw(low: float, high: float, channels: int = 1) -> Tensor:
        share = torch.rand(batch, channels, 1, 1, generator=generator)
        return low + (high - low) * share

    grey = squares.mean(dim=1, keepdim=True).expand_as(squares)
    squares = torch.lerp(squares, grey, (draw(0, 1) < 0.2) * draw(0.5, 1))
    squares = squares.clamp(1e-3, 1).pow(torch.exp(draw(-0.4, 0.4)))
    squares = (squares - 0.5) * draw(0.65, 1.35) + 0.5 + draw(-0.15, 0.15)
    squares = squares * draw(0.88, 1.12, 3)
    for size, chance in ((28, 0.07), (40, 0.12), (64, 0.22)):
        soft = torch.rand(batch, generator=generator) < chance
        if soft.any():
            squares[soft] = _blur(squares[soft], size)
    noise = torch.randn(squares.shape, generator=generator)
    squares = squares + noise * draw(0, 0.05) * (draw(0, 1) < 0.5)
    return _cover(squares, generator).clamp(0, 1) * 2 - 1


def _blur(squares: Tensor, size: int) -> Tensor:
    """What is left after the picture was size x size."""
    small = F.interpolate(squares, size=(size, size), mode="bilinear", antialias=True)
    return F.interpolate(small, size=(INPUT_SIZE, INPUT_SIZE), mode="bilinear")


def _cover(squares: Tensor, generator: torch.Generator) -> Tensor:
    """Hide a rectangle of one in six pictures, as a hand, hair or a microphone would."""
    batch, size = len(squares), INPUT_SIZE
    place = torch.rand(batch, 4, 1, 1, generator=generator)
    steps = torch.arange(size) / size
    x, y = steps.reshape(1, 1, 1, size), steps.reshape(1, 1, size, 1)
    half = 0.04 + 0.14 * place[:, 2:3]
    hidden = ((x - place[:, 0:1]).abs() < half) & ((y - place[:, 1:2]).abs() < half)
    hidden = hidden & (torch.rand(batch, 1, 1, 1, generator=generator) < 0.16)
    return torch.where(hidden, place[:, 3:4].expand_as(squares), squares)


class Lookalikes(NamedTuple):
    """Where there is no face: squares of the portraits, and pictures without people."""

    index: Tensor
    """(n) which portrait."""
    squares: Tensor
    """(n 3) x, y, side as shares of it: what the detector took for a face."""
    textures: Tensor
    """(k 3 s s) uint8."""


def draw_others(
    portraits: Portraits, lookalikes: Lookalikes, batch: int, generator: torch.Generator
) -> Samples:
    """Squares without a face, or with a face far off, far too small or far too large."""
    chosen = torch.randint(len(portraits.images), (batch,), generator=generator)
    hard = torch.randint(len(lookalikes.index), (batch,), generator=generator)
    texture = torch.randint(len(lookalikes.textures), (batch,), generator=generator)
    kind = torch.rand(batch, generator=generator)
    is_hard, is_texture = kind < 0.4, kind > 0.75
    chosen = torch.where(is_hard, lookalikes.index[hard], chosen)
    images, points = portraits.images[chosen], portraits.points[chosen]
    images = torch.where(is_texture[:, None, None, None], lookalikes.textures[texture], images)

    low, high = points.amin(dim=1), points.amax(dim=1)
    size = (high - low).amax(dim=-1, keepdim=True)
    side = CONTEXT * size * torch.exp(_uniform(batch, math.log(0.12), math.log(1.2), generator))
    side = torch.where(is_texture[:, None], _uniform(batch, 0.2, 1, generator), side)
    # tiny squares may lie anywhere, large ones only where the face is mostly outside
    reach = 0.75 * size + 0.3 * side
    angle = _uniform(batch, 0, 2 * math.pi, generator)
    away = reach * torch.cat([angle.cos(), angle.sin()], dim=1)
    tiny = (side < 0.4 * size) & (_uniform(batch, 0, 1, generator) < 0.6)
    free = torch.rand(batch, 2, generator=generator)
    centre = (low + high) / 2 + torch.where(tiny, (free - 0.5) * size, away)
    centre = torch.where(is_texture[:, None], free, centre)
    jitter = 1 + 0.2 * (torch.rand(batch, 3, generator=generator) - 0.5)
    found = lookalikes.squares[hard]
    centre = torch.where(
        is_hard[:, None], found[:, :2] + found[:, 2:] * (jitter[:, :2] - 1), centre
    )
    side = torch.where(is_hard[:, None], found[:, 2:] * jitter[:, 2:], side)

    turn = torch.deg2rad(_uniform(batch, -25, 25, generator))
    view = View(centre[:, None], side, turn, torch.ones(batch, 1, 2))
    squares = read_pixels(images, view.to_picture(square_grid()))
    flipped = torch.rand(batch, 1, 1, 1, generator=generator) < 0.5
    squares = torch.where(flipped, squares.flip(-1), squares)
    return Samples(spoil(squares, generator), view.to_square(points), torch.zeros(batch))


def draw_samples(
    portraits: Portraits,
    mirror: Tensor,
    lookalikes: Lookalikes,
    batch: int,
    far_share: float,
    generator: torch.Generator,
) -> Samples:
    """A batch, one fifth of it without faces.

    Args:
        portraits: the stills.
        mirror: `mirror_table`.
        lookalikes: what is no face.
        batch: number of samples.
        far_share: how many faces are seen as roughly as the cascade proposes them; the others as
            closely as a second look does.
        generator: of all random numbers.
    """
    others = batch // 5
    parts = (
        draw_faces(portraits, mirror, batch - others, far_share, generator),
        draw_others(portraits, lookalikes, others, generator),
    )
    return Samples(*(torch.cat(column) for column in zip(*parts, strict=True)))

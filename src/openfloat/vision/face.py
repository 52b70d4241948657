"""Find the faces of a picture and cut out the portrait that the model animates."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64, UInt8
from numpy import ndarray

from openfloat.errors import BadInput, BadMedia, NoFaceFound
from openfloat.options import CropOptions, FillName
from openfloat.vision.detect import WORKING_SIDE, propose
from openfloat.vision.geometry import (
    Box,
    Square,
    apply,
    crop_matrix,
    cut,
    invert,
    square_around,
)
from openfloat.vision.landmarks import CONTEXT, INPUT_SIZE, embedded_network
from openfloat.vision.measure import roll_degrees
from openfloat.vision.resize import read_square, resize_as_released, resize_smooth
from openfloat.vision.tilted import upright_square

SMALLEST_FACE = 32
"""Longer side in pixels below which a face cannot be animated."""
WEAK_SCORE, STRONG_SCORE = 0.2, 0.6
"""Face score needed after the first look, and after the refined ones."""
SAME_FACE_OVERLAP = 0.4
STRAIGHT_DEGREES = 10.0
"""Tilt of a head up to which it is cut out as it is: the models were taught so far."""
TURNS_DEGREES = (0.0,), (-25.0, 25.0), (-50.0, 50.0)
"""Rolls tried one group after the other until a face is found."""
WORKING_SIDE_TURNED = 240
"""Turned faces are rare and searched for in a smaller picture: less than half the time."""

RgbImage = UInt8[ndarray, "h w 3"]


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A face in a picture."""

    points: Float64[ndarray, "478 2"]
    """Face mesh with irises, pixels of the picture."""
    score: float
    """How surely it is a face, 0 ... 1."""

    @property
    def box(self) -> Box:
        """Tight box of the points: what FLOAT's crop takes as the face."""
        return Box.around(self.points)

    @property
    def size(self) -> float:
        """Longer side of the box in pixels."""
        return max(self.box.width, self.box.height)


@dataclass(frozen=True, slots=True, eq=False)
class PortraitCrop:
    """The square that goes into the model, and where it came from."""

    image: UInt8[ndarray, "s s 3"]
    box: Box
    """In whole pixels of the picture; may leave it."""
    num_faces: int
    """How many faces the picture shows; 0 where they were not looked for."""
    face: Face | None
    """The one chosen; none where faces were not looked for."""
    roll_degrees: float = 0.0
    """By how much the square is turned about its middle, clockwise in the picture, so that the
    head in it stands upright; `box` is the square before that."""


def locate(image: RgbImage, squares: list[Square]) -> list[Face]:
    """What the landmark network sees in some squares, one face (of any score) for each."""
    if not squares:
        return []
    views = torch.stack([read_square(image, square, INPUT_SIZE) for square in squares])
    with torch.inference_mode():
        output = embedded_network()(views)
    shares = output.points.double().numpy() * INPUT_SIZE
    scores = torch.sigmoid(output.score).tolist()
    return [
        Face(apply(invert(crop_matrix(square, INPUT_SIZE)), points), score)
        for square, points, score in zip(squares, shares, scores, strict=True)
    ]


def look_closer(face: Face) -> Square:
    """The upright square that shows a roughly located face as the network knows it best."""
    roll = float(roll_degrees(face.points))
    turn = crop_matrix(Square(0.0, 0.0, 1.0, roll), 1)
    upright = Box.around(apply(turn, face.points))
    x, y = apply(invert(turn), np.array(upright.centre)).tolist()
    return Square(x, y, CONTEXT * max(upright.width, upright.height), roll)


def refine(image: RgbImage, faces: list[Face], *, looks: int = 1) -> list[Face]:
    """Locate known faces again from closer squares; also follows a face from frame to frame."""
    for _ in range(looks):
        faces = locate(image, [look_closer(face) for face in faces])
    return faces


def detect_faces(image: RgbImage) -> list[Face]:
    """The faces of a picture, from left to right.

    Proposals of the cascade (upright, else turned by up to 50 degrees, else the middle of the
    picture) are judged and located by the landmark network.

    Args:
        image: RGB picture; takes about a fifth of a second, whatever its size.
    """
    for turns in TURNS_DEGREES:
        side = WORKING_SIDE if turns == (0.0,) else WORKING_SIDE_TURNED
        squares = [square for turn in turns for square in propose(image, turn, side)]
        if faces := _confirm(image, squares):
            return faces
    return _confirm(image, _middle_squares(image))


def _confirm(image: RgbImage, squares: list[Square]) -> list[Face]:
    """Keep what the network takes for a face, each face once."""
    rough = [face for face in locate(image, squares) if face.score > WEAK_SCORE]
    found = [face for face in refine(image, rough, looks=2) if face.score > STRONG_SCORE]
    kept: list[Face] = []
    for face in sorted(found, key=lambda face: face.score, reverse=True):
        if all(face.box.overlap(other.box) < SAME_FACE_OVERLAP for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: face.box.centre)


def _middle_squares(image: RgbImage) -> list[Square]:
    """For portraits so tight that the cascade's window does not fit in."""
    height, width = image.shape[:2]
    shorter = min(height, width)
    return [Square(width / 2, height / 2, shorter * share) for share in (0.8, 1.1, 1.5)]


def choose_face(faces: list[Face], wanted: int | None) -> Face:
    """The face of a number counted from the left, or the largest.

    Raises:
        NoFaceFound: there is none.
        BadInput: there is none of that number.
        BadMedia: it is smaller than 32 pixels.
    """
    if not faces:
        raise NoFaceFound(
            "no face found in the picture; give a clearer frontal photo, or switch the crop off"
        )
    if wanted is not None and wanted >= len(faces):
        raise BadInput(
            f"face={wanted}, but the picture shows {len(faces)} "
            f"(counted from 0 at the left: 0 ... {len(faces) - 1})"
        )
    face = max(faces, key=lambda face: face.size) if wanted is None else faces[wanted]
    if face.size < SMALLEST_FACE:
        raise BadMedia(
            f"the face is only {face.size:.0f} pixels large; it needs at least {SMALLEST_FACE}"
        )
    return face


def crop_portrait(image: RgbImage, size: int, options: CropOptions = CropOptions()) -> PortraitCrop:
    """Cut out the square portrait that the model animates.

    With `options.crop` off the whole picture is taken: resized if it is square, otherwise first
    extended at its shorter sides to a square by `options.fill`. `fill="black"` is the released
    FLOAT's way, its resize included (checkpoint.md, quirk 10); other fills resize antialiased.

    Args:
        image: RGB picture.
        size: side of the crop in pixels.
        options: margin, which face, fill.

    Raises:
        NoFaceFound: the picture shows no face.
        BadInput: there is no face of the wanted number.
        BadMedia: the face is smaller than 32 pixels.
    """
    if not options.crop:
        box = whole_square(image)
        return PortraitCrop(cut_square(image, box, size, options.fill), box, 0, None)
    faces = detect_faces(image)
    face = choose_face(faces, options.face)
    roll = float(roll_degrees(face.points))
    if options.upright and options.fill != "black" and abs(roll) > STRAIGHT_DEGREES:
        box = _tilted_box(face, roll, options.margin)
        pixels = upright_square(image, box, roll, options.fill)
        return PortraitCrop(resize_smooth(pixels, size), box, len(faces), face, roll)
    box = square_around(face.box, options.margin)
    return PortraitCrop(cut_square(image, box, size, options.fill), box, len(faces), face)


def _tilted_box(face: Face, roll: float, margin: float) -> Box:
    """The crop about a tilted face, before it is turned, as large as the upright face asks for."""
    turn = crop_matrix(Square(0.0, 0.0, 1.0, roll), 1)
    upright = square_around(Box.around(apply(turn, face.points)), margin)
    x, y = (round(v) for v in apply(invert(turn), np.array(upright.centre)).tolist())
    half = int(upright.width / 2)
    return Box(x - half, y - half, x + half, y + half)


def whole_square(image: RgbImage) -> Box:
    """The smallest square about the middle that holds the whole picture."""
    height, width = image.shape[:2]
    longer = max(height, width)
    left, top = -((longer - width) // 2), -((longer - height) // 2)
    return Box(left, top, left + longer, top + longer)


def cut_square(image: RgbImage, box: Box, size: int, fill: FillName) -> UInt8[ndarray, "s s 3"]:
    """A square of the picture at another size; `fill` as in `crop_portrait`."""
    pixels = cut(image, box, fill)
    if fill == "black":
        return resize_as_released(pixels, size, picture_height=image.shape[0])
    return resize_smooth(pixels, size)

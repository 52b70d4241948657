"""The embedded landmark network on a real photo."""

import os
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from openfloat.data.controls import INDEX
from openfloat.data.engine import PortraitEngine
from openfloat.data.manifest import read_manifest
from openfloat.data.picture_cache import load_model
from openfloat.data.portraits import load_portrait, read_landmarks
from openfloat.vision.face import Face, detect_faces, refine
from openfloat.vision.geometry import Box, apply
from openfloat.vision.image import load_image
from openfloat.vision.landmarks import INPUT_SIZE, LandmarkNetwork, embedded_network
from openfloat.vision.measure import (
    eye_aperture,
    eye_distance,
    mouth_aperture,
    roll_degrees,
    yaw_degrees,
)

DATA = Path(os.environ.get("OPENFLOAT_DATA", Path(__file__).parents[2] / "../shared/data"))
SEEN_BY_A_PERSON = {
    468: (203.5, 100.6),  # pupils, left and right in the picture
    473: (246.5, 103.4),
    61: (203.7, 140.6),  # corners of the mouth
    291: (244.4, 141.0),
    152: (223.0, 178.0),  # chin
}
"""Landmark number and place in the demo photo, read off an enlargement."""


@pytest.fixture(scope="module")
def photo(portrait_path: Path) -> np.ndarray:
    return load_image(portrait_path)


@pytest.fixture(scope="module")
def portrait_path() -> Path:
    return Path(str(files("openfloat") / "assets" / "demo" / "portrait.jpg"))


@pytest.fixture(scope="module")
def face(photo: np.ndarray) -> Face:
    (only,) = detect_faces(photo)
    return only


def test_the_network_is_as_small_as_promised() -> None:
    assert sum(p.numel() for p in LandmarkNetwork().parameters()) < 1_200_000
    weights = files("openfloat") / "assets" / "face" / "landmarks.safetensors"
    assert len(weights.read_bytes()) <= 3_000_000


def test_the_embedded_network_is_finite_and_in_eval_mode() -> None:
    network = embedded_network()
    assert not network.training
    assert all(t.isfinite().all() for t in network.state_dict().values())
    square = torch.zeros(1, 3, INPUT_SIZE, INPUT_SIZE)
    together = network(square.expand(3, -1, -1, -1))
    torch.testing.assert_close(together.points[1:2], network(square).points)


def test_eyes_mouth_and_chin_lie_where_a_person_sees_them(face: Face) -> None:
    eyes = eye_distance(face.points)
    for index, place in SEEN_BY_A_PERSON.items():
        assert np.linalg.norm(face.points[index] - place) < 0.1 * eyes
    assert eye_aperture(face.points) > 0.15


@pytest.mark.parametrize("degrees", [-12, 20])
def test_points_turn_with_the_picture(photo: np.ndarray, face: Face, degrees: float) -> None:
    turned = np.asarray(Image.fromarray(photo).rotate(-degrees, Image.Resampling.BICUBIC))
    angle = np.radians(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin, 256 * (1 - cos + sin)], [sin, cos, 256 * (1 - cos - sin)]])
    expected = apply(np.vstack([turn, [0, 0, 1]]), face.points)
    (found,) = refine(turned, [Face(expected, 1.0)], looks=2)
    error = np.linalg.norm(found.points - expected, axis=-1).mean()
    assert error < 0.04 * eye_distance(expected)
    assert abs(roll_degrees(found.points) - roll_degrees(face.points) - degrees) < 2.5


def test_points_do_not_depend_on_light_or_size(photo: np.ndarray, face: Face) -> None:
    dark = (photo * 0.6 + 10).astype(np.uint8)
    large = np.asarray(Image.fromarray(photo).resize((1000, 1000), Image.Resampling.BICUBIC))
    for picture, scale in ((dark, 1.0), (large, 1000 / 512)):
        (found,) = refine(picture, [Face(face.points * scale, 1.0)], looks=2)
        error = np.linalg.norm(found.points / scale - face.points, axis=-1).mean()
        assert error < 0.04 * eye_distance(face.points)


def test_a_mirrored_photo_gives_the_mirrored_pose(photo: np.ndarray, face: Face) -> None:
    (mirrored,) = detect_faces(np.ascontiguousarray(photo[:, ::-1]))
    assert yaw_degrees(mirrored.points) == pytest.approx(-yaw_degrees(face.points), abs=5)
    assert roll_degrees(mirrored.points) == pytest.approx(-roll_degrees(face.points), abs=3)
    flipped = Box.around(mirrored.points * [-1, 1] + [photo.shape[1], 0])
    assert flipped.overlap(face.box) > 0.85


def test_a_mouth_that_closes_is_measured_as_closing(photo: np.ndarray, face: Face) -> None:
    apertures = []
    for shut in (0.0, 0.5, 1.0):
        picture = close_mouth(photo, face, shut)
        (found,) = refine(picture, [face], looks=2)
        apertures.append(mouth_aperture(found.points))
    assert apertures[0] > apertures[1] > apertures[2]
    assert apertures[2] < 0.85 * apertures[0]


@pytest.mark.skipif(not DATA.is_dir(), reason="the data pack is not here")
def test_the_measured_opening_grows_with_the_jaw_of_a_heldout_portrait() -> None:
    rows = {row.name: row for row in read_manifest(DATA).portraits_of("heldout")}
    portrait = load_portrait(DATA, rows["stock_0019.jpg"], read_landmarks(DATA), size=512)
    engine = PortraitEngine(load_model(DATA), portrait, 256)
    apertures = []
    for opened in (0.0, 0.25, 0.5, 0.75, 1.0):
        controls = engine.rig.base.copy()
        controls[INDEX["jaw_open"]] = opened
        (face,) = detect_faces(engine.picture(controls).image)
        apertures.append(float(mouth_aperture(face.points)))
    assert apertures == sorted(apertures)
    assert apertures[-1] > apertures[0] + 0.2


def close_mouth(photo: np.ndarray, face: Face, shut: float) -> np.ndarray:
    """Draw the lips over the teeth: each column's gap between the inner lips is squeezed."""
    upper = face.points[[78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308]]
    lower = face.points[[78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308]]
    lips = face.points[[0, 17], 1]
    top, bottom = lips[0] - 4, lips[1] + 4
    result = photo.copy()
    for x in range(int(upper[0, 0]) + 1, int(upper[-1, 0])):
        high = np.interp(x + 0.5, upper[:, 0], upper[:, 1])
        low = np.interp(x + 0.5, lower[:, 0], lower[:, 1])
        middle = (high + low) / 2
        new_high, new_low = high + shut * (middle - high), low + shut * (middle - low) + 1e-3
        rows = np.arange(int(top), int(bottom))
        source = np.interp(rows + 0.5, [top, new_high, new_low, bottom], [top, high, low, bottom])
        for channel in range(3):
            column = photo[:, x, channel]
            result[rows, x, channel] = np.interp(source - 0.5, np.arange(len(column)), column)
    return result

"""A video's face speaks another voice; all else stays as it was filmed."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from openfloat import FloatPipeline, SampleOptions
from openfloat.cli.main import run
from openfloat.reenactment.dub import _evenly, dub
from openfloat.reenactment.track import STEADY_S, steadied, track_face
from openfloat.vision.face import Face, detect_faces, refine
from openfloat.vision.measure import mouth_aperture
from openfloat.vision.timed_frames import TimedFrame
from openfloat.vision.video_reader import probe, read_frames
from openfloat.vision.video_writer import VideoWriter

DEMO = Path(__file__).parents[2] / "src" / "openfloat" / "assets" / "demo"
AWAY = range(10, 14)
FRAMES = 22


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo portrait carried through a wide picture; for a while it is gone."""
    portrait = np.asarray(Image.open(DEMO / "portrait.jpg").convert("RGB"))[:300, 60:400]
    frames = np.full((FRAMES, 320, 480, 3), 70, np.uint8)
    for k, frame in enumerate(frames):
        if k not in AWAY:
            frame[10:310, 40 + 2 * k : 380 + 2 * k] = portrait
    path = tmp_path_factory.mktemp("dub") / "filmed.mp4"
    with VideoWriter(path, 480, 320, fps=30, crf=10) as writer:
        writer.write(frames)
    return path


def test_the_square_follows_the_face_and_is_gone_where_the_face_is(filmed: Path) -> None:
    track = track_face(filmed)
    squares = [track.square(k) for k in range(FRAMES)]
    seen = [k for k, square in enumerate(squares) if square is not None]
    assert seen[:10] == list(range(10))
    assert not set(seen) & set(AWAY)
    assert set(range(18, FRAMES)) <= set(seen), "it is found again"
    moved = np.array([squares[k].centre[0] for k in range(10)])  # type: ignore[union-attr]
    assert np.diff(moved).mean() == pytest.approx(2, abs=0.8)
    assert np.abs(np.diff(moved, n=2)).max() <= 2, "it does not tremble"


def test_lips_change_and_nothing_else_does(filmed: Path, tmp_path: Path) -> None:
    pipeline = FloatPipeline.from_pretrained("openfloat-256")
    output = tmp_path / "dubbed.mp4"
    count = dub(pipeline, filmed, DEMO / "speech.wav", output, SampleOptions(nfe=4))
    assert count == FRAMES
    found = probe(output)
    assert (found.width, found.height, round(found.fps)) == (480, 320, 30)
    assert found.audio_rate is not None
    before, after = (np.stack(list(read_frames(p))).astype(int) for p in (filmed, output))
    change = np.abs(before - after).mean(axis=-1)
    assert change[list(AWAY)].mean() < 3, "frames without a face go through"
    (face,) = detect_faces(before[4].astype(np.uint8))
    low, high = face.points[[152, 13]].min(0), face.points[[152, 13]].max(0)
    x, top, bottom = int(low[0]), int(low[1]) - 5, int(high[1])
    mouth = change[:10, top:bottom, x - 20 : x + 20].mean()
    hair = change[:10, 10 : int(face.box.top) - 5, x - 20 : x + 20].mean()
    assert mouth > 2 * hair
    gaps = [apertures(frames[:10], face) for frames in (before, after)]
    assert np.ptp(gaps[1]) > np.ptp(gaps[0]) + 0.02, "the photo's lips are still, these speak"


def apertures(frames: np.ndarray, face: Face) -> np.ndarray:
    found = []
    for frame in frames.astype(np.uint8):
        (face,) = refine(frame, [face])
        found.append(float(mouth_aperture(face.points)))
    return np.array(found)


def test_a_video_without_a_face_is_refused_and_nothing_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty.mp4"
    with VideoWriter(empty, 64, 64) as writer:
        writer.write(np.full((3, 64, 64, 3), 90, np.uint8))
    output = tmp_path / "out.mp4"
    for command in ("dub", "animate"):
        assert run([command, str(empty), str(DEMO / "speech.wav"), "-o", str(output)]) == 2
        assert "no frame shows a face" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["empty.mp4"]


def test_stretches_are_steadied_by_themselves() -> None:
    jitter = np.random.default_rng(0).normal(0, 1, (60, 1))
    boxes = np.array([[10.0, 10, 60, 70]]) + jitter
    boxes[30:] += 300  # a cut
    boxes[40:44] = np.nan
    out = steadied(boxes, np.arange(60) / 25)
    assert np.isnan(out[40:44]).all()
    assert abs(out[29, 0] - 10) < 2
    assert abs(out[30, 0] - 310) < 2
    assert np.diff(out[:30, 0]).std() < 0.3 * np.diff(boxes[:30, 0]).std()
    assert STEADY_S > 0


def test_uneven_frames_are_shown_at_even_moments() -> None:
    starts_s = [0.0, 0.04, 0.16, 0.2]
    pictures = [TimedFrame(t, np.full((2, 2, 3), k, np.uint8)) for k, t in enumerate(starts_s)]
    shown = [number for number, _ in _evenly(iter(pictures), 25)]  # type: ignore[arg-type]
    assert shown == [0, 1, 1, 1, 2, 3]

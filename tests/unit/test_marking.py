"""The parts of marking: codes, bound, metadata, notice."""

import hashlib
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfloat.errors import BadInput
from openfloat.marking.code import CELLS, SYMBOLS, Payload, codes, payload_signs, tag_of
from openfloat.marking.label import Label
from openfloat.marking.lockin import beats
from openfloat.marking.marker import marker
from openfloat.marking.provenance import Origin, read_picture, read_video, stream_hash, xmp_packet
from openfloat.marking.search import PHASES, SIDE, find, scores_of
from openfloat.marking.signing import Signature
from openfloat.marking.watermark import Watermark
from openfloat.options import MarkOptions
from openfloat.vision.video_writer import VideoWriter


def test_the_code_never_changes() -> None:
    """Videos marked by an older version must stay detectable."""
    signs = np.concatenate([codes().presence.ravel(), payload_signs(Payload(1, 1, 553)).ravel()])
    packed = np.packbits(signs > 0).tobytes()
    assert hashlib.sha256(packed).hexdigest()[:16] == "a0bda6e8e2197ad2"
    assert sum(map(len, codes().places)) == CELLS**2
    assert len(codes().words) == SYMBOLS


@given(st.integers(0, 3), st.integers(0, 63), st.integers(0, 1023))
def test_a_payload_survives_its_symbols(version: int, model: int, tag: int) -> None:
    payload = Payload(version, model, tag)
    assert all(0 <= symbol < 64 for symbol in payload.symbols)
    assert Payload.from_symbols(payload.symbols) == payload


def test_tags_tell_seeds_apart() -> None:
    assert len({tag_of(seed) for seed in range(50)}) > 45
    assert Payload.of("openfloat-256", 3).model_name == "openfloat-256"
    assert Payload.of("mine", 3).model_name == "other"


@pytest.mark.parametrize("kind", ["noise", "edges", "gradient", "flash"])
def test_whatever_an_unmarked_video_does_scores_stay_below_the_bound(kind: str) -> None:
    generator = np.random.default_rng(0)
    time = np.arange(50) / 25
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    pace = np.sin(2 * math.pi * time / 0.64)[:, None, None]
    videos = {
        "noise": generator.standard_normal((50, SIDE, SIDE)) * 5,
        "edges": 100 * (np.sin(40 * rows + 10 * time[:, None, None]) > columns),
        "gradient": pace * (rows + columns) * 20 + generator.standard_normal((50, SIDE, SIDE)),
        "flash": pace * 100 * generator.standard_normal((1, SIDE, SIDE)),
    }
    found = beats(videos[kind].astype(np.float32), list(time))
    _, scores = scores_of(found)
    assert scores.shape == (PHASES, SIDE, SIDE)
    for level in (3.0, 4.0, 5.0):
        # neighbours score alike, hence the room
        assert (scores > level).mean() <= 3 * 2 * math.exp(-(level**2) / 2)


def test_a_mark_in_grey_frames_is_read_back() -> None:
    payload = Payload(2, 17, 700)
    frames = np.full((40, 96, 160, 3), 128, np.uint8)
    mark = Watermark(160, 96, payload)
    marked = np.stack([mark(frame, number / 25) for number, frame in enumerate(frames)])
    assert np.array_equal(marked[..., 0], marked[..., 2])
    assert 0 < np.abs(marked.astype(int) - 128).max() <= 3
    from PIL import Image

    greys = [np.asarray(Image.fromarray(m[..., 0]).resize((213, 128)), np.float32) for m in marked]
    from openfloat.marking.lockin import Beats

    places = beats(np.stack(greys), [number / 25 for number in range(40)])
    finding = find(Beats(places, 1.6, 40))
    assert finding.found
    assert finding.payload == payload


def test_black_and_white_frames_can_be_marked() -> None:
    for level in (0, 255):
        frame = np.full((64, 64, 3), level, np.uint8)
        marked = Watermark(64, 64, Payload(1, 1, 1))(frame, 0.0)
        assert np.abs(marked.astype(int) - level).max() <= 3


def test_a_changed_stream_is_told_from_the_written_one(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (5, 32, 32, 3), np.uint8)
    paths = [tmp_path / "one.mp4", tmp_path / "two.mp4"]
    for path, pixels in zip(paths, (frames, frames[::-1]), strict=True):
        finish = marker(MarkOptions(), Origin("m", 4, composite=True))
        with VideoWriter(path, 32, 32, finish=finish) as file:
            file.write(np.ascontiguousarray(pixels))
    said = read_video(paths[0])
    assert said.source_type is not None
    assert said.source_type.endswith("/compositeWithTrainedAlgorithmicMedia")
    assert said.places == ("tags", "xmp")
    assert dict(said.tags)["openfloat_seed"] == "4"
    assert said.unchanged
    one, two = (stream_hash(path).encode() for path in paths)
    paths[0].write_bytes(paths[0].read_bytes().replace(one, two))
    assert read_video(paths[0]).unchanged is False


def test_a_picture_with_an_xmp_packet_is_recognised(tmp_path: Path) -> None:
    picture = tmp_path / "picture.jpg"
    picture.write_bytes(b"\xff\xd8" + xmp_packet(Origin()))
    assert read_picture(picture).places == ("file",)


def test_no_mark_is_logged_and_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    assert marker(MarkOptions(mark=False), Origin()) is None
    assert "not marked" in caplog.text
    labelled = marker(MarkOptions(mark=False, label=True), Origin())
    assert labelled is not None
    assert not labelled.tags


def test_the_notice_stays_in_its_corner() -> None:
    frame = np.full((256, 256, 3), 90, np.uint8)
    labelled = Label(256, 256).draw(frame)
    changed = np.argwhere((labelled != frame).any(-1))
    assert changed[:, 0].min() > 220
    assert changed[:, 1].max() < 140
    assert labelled.max() > 200
    assert (frame == 90).all()


def test_options_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="c2pa_key"):
        MarkOptions(c2pa_cert=Path("a"))
    with pytest.raises(ValueError, match="mark is off"):
        MarkOptions(mark=False, c2pa_cert=Path("a"), c2pa_key=Path("b"))


def test_a_missing_certificate_is_one_sentence(tmp_path: Path) -> None:
    pytest.importorskip("c2pa")
    with pytest.raises(BadInput, match=r"none\.pem cannot be read"):
        Signature(tmp_path / "none.pem", tmp_path / "none.key")

"""Names, moments, cuts, stretches and agreement: what preparation decides by numbers."""

from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from openfloat.audio.io import load_audio
from openfloat.config import EMOTIONS
from openfloat.data.prepare.agreement import agreement, lag_curve, voice_level
from openfloat.data.prepare.layouts import (
    CREMA_EMOTIONS,
    RAVDESS_EMOTIONS,
    recognise,
    split_by_name,
)
from openfloat.data.prepare.masks import component_masks
from openfloat.data.prepare.options import PrepareOptions
from openfloat.data.prepare.sample import pack_masks, unpack_masks
from openfloat.data.prepare.sources import find_sources
from openfloat.data.prepare.timing import Span, at_video_rate, find_cuts, find_spans
from openfloat.errors import BadInput
from openfloat.vision.landmarks import embedded_network
from openfloat.vision.timed_frames import TimedFrame


@pytest.mark.parametrize(
    ("path", "corpus", "speaker", "emotion", "split"),
    [
        ("Actor_12/01-01-06-01-02-01-12.mp4", "ravdess", "ravdess_12", "fear", None),
        ("02-01-02-01-02-01-24.mp4", "ravdess", "ravdess_24", None, None),
        ("VideoFlash/1001_DFA_ANG_XX.flv", "crema-d", "crema_1001", "angry", None),
        ("train/WDA_KatieHill_000.mp4", "hdtf", "hdtf_wda_katiehill", None, "train"),
        ("RD_Radio11_001_002.mp4", "hdtf", "hdtf_rd_radio11", None, None),
        ("VFHQ-Test/Clip+0tf2n3rlJU4+P0+C2+F8208-8449.mp4", "vfhq", "vfhq_0tf2n3rlJU4_p0", None,
         "heldout"),
        ("s12/video/bbaf2n.mpg", "grid", "grid_s12", None, None),
        ("grid_s1/s1_lwbsza.mp4", "grid", "grid_s1", None, None),
        ("holiday/Aunt May/clip 3.mov", "plain", "aunt_may", None, None),
        ("latest/clip.mov", "plain", "latest", None, None),
    ],
)  # fmt: skip
def test_names_say_who_speaks_how_and_for_what(
    path: str, corpus: str, speaker: str, emotion: str | None, split: str | None
) -> None:
    assert recognise(PurePosixPath(path)) == (corpus, speaker, emotion, split)


def test_emotions_of_names_are_ours() -> None:
    named = {*CREMA_EMOTIONS.values(), *RAVDESS_EMOTIONS} - {None}
    assert named == set(EMOTIONS)


def test_a_speaker_is_held_out_by_name_alone_and_about_as_often_as_asked() -> None:
    names = [f"speaker_{k}" for k in range(2000)]
    held = [name for name in names if split_by_name(name, 0.2) == "heldout"]
    assert 340 < len(held) < 460
    assert all(split_by_name(name, 0.3) == "heldout" for name in held), "more keeps those"
    assert split_by_name(names[0], 0.0) == "train"


@pytest.mark.parametrize("fps", [10, 25, 29.97, 60])
def test_frames_of_any_rate_are_shown_at_their_moment(fps: float) -> None:
    count = round(2 * fps)
    frames = [TimedFrame(k / fps, np.full((1, 1, 3), k, np.uint8)) for k in range(count)]
    shown = [int(image[0, 0, 0]) for image in at_video_rate(frames)]
    assert abs(len(shown) - 50) <= 2
    moments = np.array(shown) / fps
    late = np.arange(len(shown)) / 25 - moments
    assert late.min() > -0.0201, "none is shown more than half a tick before its time"
    assert late.max() < max(1 / fps, 0.04) + 0.02


def test_a_cut_is_a_change_far_above_those_around_it() -> None:
    rng = np.random.default_rng(0)
    changes = rng.uniform(0, 6, 100)
    changes[40] = 60
    changes[70:75] = 22  # a flash or a fast turn goes on for some frames
    assert find_cuts(changes).tolist() == [40]


def test_stretches_end_at_gaps_and_cuts_and_are_cut_into_equal_parts() -> None:
    there = np.ones(100, bool)
    there[30:33] = False
    spans = find_spans(there, [0, 10, 50], shortest=15, longest=30)
    assert spans == [Span(10, 30), Span(33, 50), Span(50, 75), Span(75, 100)]


@pytest.mark.parametrize("late", [-8, 0, 3, 11])
def test_lips_that_follow_a_real_voice_late_are_found_to_be(late: int, speech: Path) -> None:
    waveform = load_audio(speech)
    frames = len(waveform) // 640
    level = voice_level(waveform[: frames * 640], frames)
    rng = np.random.default_rng(1)
    opening = np.roll(0.1 * np.maximum(level + 2.5, 0), late) + rng.uniform(0, 0.05, frames)
    curve = lag_curve(opening, waveform[: frames * 640])
    found = agreement([curve], [frames], 5)
    assert found.lag == late
    assert found.is_off == (abs(late) > 5)
    still = lag_curve(np.full(frames, 0.1), waveform)
    assert not still.any()
    assert not agreement([still], [frames], 5).is_off


def test_a_longer_video_decides_what_a_short_one_leaves_open() -> None:
    curve = np.full(31, 0.2)
    curve[15 + 9] = 0.5  # nine frames late fits better, by a margin that chance may explain
    assert not agreement([curve], [20], 5).is_off
    assert agreement([curve] * 4, [20] * 4, 5).is_off
    other = curve[::-1]
    assert not agreement([curve, other] * 2, [20] * 4, 5).is_off


def test_masks_hold_the_lips_and_the_eyes_of_a_face() -> None:
    face = embedded_network().mean_shape.numpy()[None] + 0.5
    mouth, eyes = component_masks(face.astype(np.float32))[0]
    for point, inside in ((13, mouth), (159, eyes), (386, eyes)):
        x, y = (face[0, point] * 64).astype(int)
        assert inside[y, x] == 1
    assert not (mouth & eyes).any()
    assert 0.005 < mouth.mean() < 0.1
    masks = np.stack([mouth, eyes])[None]
    np.testing.assert_array_equal(unpack_masks(pack_masks(masks)), masks)


def test_sidecars_say_what_names_do_not(tmp_path: Path) -> None:
    (tmp_path / "s1").mkdir()
    for name in ("s1/bbaf2n.mpg", "s1/lwbsza.mpg", "other.mp4"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(BadInput, match=r"the licence of 3 of 3 videos \(for one other.mp4\)"):
        find_sources(tmp_path, PrepareOptions())
    (tmp_path / "licences.json").write_text(
        '{"*": {"licence": "CC0-1.0"}, "s1/*": {"licence": "CC-BY-4.0", "origin": "GRID"},'
        ' "s1/lw*": {"person": "me", "split": "heldout", "emotion": "sad"}}'
    )
    other, first, second = find_sources(tmp_path, PrepareOptions(licence="unused"))
    assert (other.person, other.licence, other.split) == ("other", "CC0-1.0", "train")
    assert first[1:] == ("grid", "grid_s1", "train", "CC-BY-4.0", "GRID", None)
    assert second[1:] == ("grid", "me", "heldout", "CC-BY-4.0", "GRID", "sad")
    (tmp_path / "licences.json").write_text('{"*": {"license": "CC0-1.0"}}')
    with pytest.raises(BadInput, match="must map file patterns to objects of person, split"):
        find_sources(tmp_path, PrepareOptions())

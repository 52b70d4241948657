"""Parts of the clip maker: options, cutting to the first words, the truth file, seeds."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from openfloat.data.controls import SCALES
from openfloat.data.motion import MotionClip
from openfloat.data.picture_cache import build_picture_cache
from openfloat.data.speech_curves import SpokenClip, seeds_for
from openfloat.data.synthetic_clip import LEAD_S, clip_seed, shorten
from openfloat.data.synthetic_options import SynthesisOptions
from openfloat.data.synthetic_truth import ClipTruth, read_truth, write_truth
from openfloat.data.voices import SILENCE, Phone
from openfloat.errors import BadInput

FRAMES = 100
WORDS_START = 1.3


@pytest.fixture
def spoken() -> SpokenClip:
    """4 s; sample and motion say which frame they are of."""
    frame = np.arange(FRAMES, dtype=np.float32)
    motion = np.repeat(frame[:, None], 20, axis=1)
    phones = (Phone(SILENCE, 0, WORDS_START), Phone("aa", WORDS_START, 3.1), Phone("s", 3.1, 4))
    return SpokenClip(MotionClip(np.repeat(frame, 640) / FRAMES, motion, 4, "made/up"), phones)


@pytest.mark.parametrize(
    "refused",
    [{"clips": 0}, {"seed": -1}, {"size": 127}, {"size": 62}, {"size": 1026}, {"seconds": 0.1}],
)
def test_options_that_cannot_be_are_refused_by_name(refused: dict[str, float]) -> None:
    ((name, value),) = refused.items()
    with pytest.raises(ValueError, match=f"^{name}={value} "):
        SynthesisOptions(**refused)  # type: ignore[arg-type]


def test_a_clip_is_cut_to_its_first_words(spoken: SpokenClip) -> None:
    part = shorten(spoken, 1.0)
    first = int((WORDS_START - LEAD_S) * 25)
    np.testing.assert_array_equal(part.clip.motion[:, 0], np.arange(first, first + 25))
    np.testing.assert_array_equal(part.clip.waveform, np.repeat(part.clip.motion[:, 0], 640) / 100)
    assert [phone.name for phone in part.phones] == [SILENCE, "aa"]
    assert part.phones[1].start_s == pytest.approx(WORDS_START - first / 25)
    assert part.phones[-1].end_s == pytest.approx(1.0)


def test_a_cut_never_reaches_beyond_the_end(spoken: SpokenClip) -> None:
    part = shorten(spoken, 3.8)
    assert part.clip.motion[-1, 0] == FRAMES - 1
    assert len(part.clip.motion) == 95
    assert part.phones[-1].end_s == pytest.approx(3.8)


@pytest.mark.parametrize("seconds", [None, 4.0, 60.0])
def test_a_clip_that_is_short_enough_stays_whole(spoken: SpokenClip, seconds: float | None) -> None:
    assert shorten(spoken, seconds) is spoken


def made_truth() -> ClipTruth:
    generator = np.random.default_rng(0)
    return ClipTruth(
        controls=generator.normal(size=(3, 20)).astype(np.float32),
        lip_aperture=np.array([0.1, 0.2, 0.3], np.float32),
        lid_aperture=np.array([0.3, 0.0, 0.3], np.float32),
        phones=(Phone(SILENCE, 0.0, 0.5), Phone("aa", 0.5, 0.75)),
        emotion="sad", portrait="a.jpg", person="a", voice="flite/slt", licence="CC0",
        origin="a photographer",
    )  # fmt: skip


def test_truth_comes_back_whole_and_two_writes_are_the_same_bytes(tmp_path: Path) -> None:
    truth = made_truth()
    paths = [tmp_path / name for name in ("a.safetensors", "b.safetensors")]
    for path in paths:
        write_truth(path, truth)
    found = read_truth(paths[0])
    for before, after in zip(truth, found, strict=True):
        np.testing.assert_array_equal(np.asarray(after), np.asarray(before))
    np.testing.assert_allclose(found.coefficients * SCALES, truth.controls, rtol=1e-6)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert sorted(tmp_path.iterdir()) == paths


def test_missing_and_damaged_truth_is_named(tmp_path: Path) -> None:
    path = tmp_path / "clip-00000.safetensors"
    with pytest.raises(BadInput, match="clip-00000"):
        read_truth(path)
    write_truth(path, made_truth())
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(BadInput, match="clip-00000"):
        read_truth(path)


def test_no_two_splits_seeds_or_numbers_share_a_clip() -> None:
    seeds = [
        clip_seed(seed, split, number)
        for seed, split, number in itertools.product(range(3), ("train", "heldout"), range(50))
    ]
    assert len({*seeds, *seeds_for(0, 50)}) == 350


def test_clips_alone_are_no_pack_to_make_pictures_from(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"portraits": [], "clips": [], "speech": []}')
    with pytest.raises(BadInput, match="no portraits of this split"):
        build_picture_cache(tmp_path, tmp_path / "pictures")
    assert not (tmp_path / "pictures").exists()

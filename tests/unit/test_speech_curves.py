"""Clips of speech with motion: right lengths, ranges and labels; shards that come back whole."""

import itertools
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from openfloat.config import EMOTIONS
from openfloat.data import speaking
from openfloat.data.controls import INDEX, TABLE, to_values
from openfloat.data.manifest import read_manifest
from openfloat.data.motion import MotionClip
from openfloat.data.speech_curves import (
    read_shards,
    seeds_for,
    synthesize_clip,
    write_grid_shards,
    write_shards,
)
from openfloat.data.speech_grid import PRONUNCIATIONS, grid_clip, read_words, spread
from openfloat.data.speech_motion import motion_for
from openfloat.data.speech_shards import Job, run_jobs, write_shard
from openfloat.data.visemes import VISEMES, held_interval
from openfloat.data.voices import Utterance, join, silence
from openfloat.data.voices_flite import parse_segments, read_wave
from openfloat.errors import BadInput

FIXTURES = Path(__file__).parent.parent / "fixtures" / "speech"
DATA = Path(os.environ.get("OPENFLOAT_DATA", "../shared/data"))
needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
needs_data = pytest.mark.skipif(
    not (DATA / "manifest.json").is_file(), reason="the data pack is not there"
)
WORDS = [(0.0, 0.25, "sil"), (0.25, 0.6, "bin"), (0.6, 1.0, "blue"), (1.0, 1.9, "sil")]


@pytest.fixture(scope="module")
def spoken() -> Utterance:
    waveform = read_wave(FIXTURES / "mama_papa_baby.wav")
    printed = (FIXTURES / "mama_papa_baby.txt").read_text()
    return Utterance(waveform, parse_segments(printed, len(waveform) / 16_000))


def motion(utterance: Utterance, emotion: str, seed: int) -> np.ndarray:
    return motion_for(utterance, emotion, np.random.default_rng(seed))


def physical(utterance: Utterance, emotion: str, seed: int) -> dict[str, np.ndarray]:
    values = to_values(motion(utterance, emotion, seed))
    return {name: values[:, column] for name, column in INDEX.items()}


def test_motion_has_a_frame_for_every_begun_640_samples(spoken: Utterance) -> None:
    for samples in (639, 640, 641, 16_000, len(spoken.waveform)):
        part = Utterance(spoken.waveform[:samples], spoken.phones)
        assert motion(part, "neutral", 0).shape == (-(-samples // 640), 20)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_values_stay_in_the_table_for_every_emotion(spoken: Utterance, emotion: str) -> None:
    low = np.array([control.low for control in TABLE])
    high = np.array([control.high for control in TABLE])
    for seed in range(8):
        coefficients = motion(spoken, emotion, seed)
        assert coefficients.dtype == np.float32
        values = to_values(coefficients)
        assert (values >= low - 1e-5).all()
        assert (values <= high + 1e-5).all()
        assert np.isfinite(values).all()


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_lips_close_at_m_p_b_under_every_emotion(spoken: Utterance, emotion: str) -> None:
    centres = (np.arange(len(spoken.waveform) // 640) + 0.5) / 25
    for seed in range(4):
        found = physical(spoken, emotion, seed)
        for phone in spoken.phones:
            if phone.name in "mpb":
                start, end = held_interval(phone)
                held = np.flatnonzero((centres >= start) & (centres <= end))
                assert found["lips_pressed"][held].min() > 0.85
                assert found["jaw_open"][held].max() < 0.06
                assert found["upper_lip_up"][held].max() < 0.05


def test_the_same_seed_gives_the_same_motion_and_another_does_not(spoken: Utterance) -> None:
    np.testing.assert_array_equal(motion(spoken, "happy", 3), motion(spoken, "happy", 3))
    assert np.abs(motion(spoken, "happy", 3) - motion(spoken, "happy", 4)).max() > 0.3


def test_emotions_show_in_their_own_controls(spoken: Utterance) -> None:
    def mean(emotion: str, control: str) -> float:
        return float(
            np.mean([physical(spoken, emotion, seed)[control].mean() for seed in range(10)])
        )

    for emotion, control in (
        ("happy", "smile"),
        ("sad", "mouth_down"),
        ("surprise", "brows_up"),
        ("fear", "brows_up"),
        ("angry", "brows_down"),
        ("disgust", "upper_lip_up"),
    ):
        assert mean(emotion, control) > mean("neutral", control) + 0.15


def test_louder_speakers_do_not_move_time(spoken: Utterance) -> None:
    quieter = Utterance(spoken.waveform * 0.25, spoken.phones)
    np.testing.assert_allclose(
        motion(quieter, "neutral", 1), motion(spoken, "neutral", 1), atol=1e-3
    )


def test_speech_after_ten_frames_of_silence_moves_the_lips_ten_frames_later(
    spoken: Utterance,
) -> None:
    later = join([silence(0.4), spoken])
    pressed = physical(spoken, "neutral", 5)["lips_pressed"]
    moved = physical(later, "neutral", 5)["lips_pressed"]
    lags = [np.sum(moved[lag : lag + 47] * pressed[:47]) for lag in range(len(moved) - 46)]
    assert int(np.argmax(lags)) == 10


def test_speaking_frames_are_those_with_a_phone_at_their_centre() -> None:
    utterance = Utterance(
        np.zeros(16_000, np.float32), parse_segments("pau:0.4 aa:0.62 pau:1.0", 1.0)
    )
    np.testing.assert_array_equal(
        np.flatnonzero(speaking.spoken(utterance.phones, 25)), np.arange(10, 15)
    )


def test_clip_seeds_are_all_different_and_do_not_depend_on_how_many() -> None:
    assert seeds_for(0, 500)[:20] == seeds_for(0, 20)
    assert len({*seeds_for(0, 500), *seeds_for(1, 500)}) == 1000


def made_clip(seed: int) -> MotionClip:
    generator = np.random.default_rng(seed)
    waveform = generator.uniform(-1, 1, 1280).astype(np.float32)
    return MotionClip(
        waveform, generator.normal(size=(2, 20)).astype(np.float32), seed % 7, f"made/{seed}"
    )


def jobs(clips: int) -> list[Job]:
    return [
        Job(made_clip, tuple((seed,) for seed in range(first, min(first + 3, clips))))
        for first in range(0, clips, 3)
    ]


def test_shards_come_back_whole_and_in_order(tmp_path: Path) -> None:
    run_jobs(tmp_path, "made", jobs(7), settings={"seed": 0}, workers=1)
    clips = read_shards(tmp_path)
    assert [clip.source for clip in clips] == [f"made/{seed}" for seed in range(7)]
    for seed, clip in enumerate(clips):
        expected = made_clip(seed)
        np.testing.assert_allclose(clip.waveform, expected.waveform, atol=0.6 / 32767)
        np.testing.assert_array_equal(clip.motion, expected.motion)
        assert clip.emotion == expected.emotion
        assert clip.waveform.dtype == clip.motion.dtype == np.float32
    assert not list(tmp_path.glob("*.part"))


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    run_jobs(tmp_path, "made", jobs(7), settings={}, workers=1)
    whole = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    (tmp_path / "made.json").unlink()
    (tmp_path / "made-00001.safetensors").unlink()
    with pytest.raises(BadInput, match="no finished shards"):
        read_shards(tmp_path)
    untouched = (tmp_path / "made-00000.safetensors").stat().st_mtime_ns
    run_jobs(tmp_path, "made", jobs(7), settings={}, workers=1)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == whole
    assert (tmp_path / "made-00000.safetensors").stat().st_mtime_ns == untouched


def test_other_settings_do_not_mix_into_a_folder(tmp_path: Path) -> None:
    run_jobs(tmp_path, "made", jobs(3), settings={"seed": 0}, workers=1)
    with pytest.raises(BadInput, match="made with"):
        run_jobs(tmp_path, "made", jobs(3), settings={"seed": 1}, workers=1)


def test_missing_and_damaged_shards_are_named(tmp_path: Path) -> None:
    run_jobs(tmp_path, "made", jobs(4), settings={}, workers=1)
    shard = tmp_path / "made-00001.safetensors"
    shard.write_bytes(shard.read_bytes()[:40])
    with pytest.raises(BadInput, match="made-00001"):
        read_shards(tmp_path)
    shard.unlink()
    with pytest.raises(BadInput, match="made-00001"):
        read_shards(tmp_path)


def test_samples_beyond_full_scale_do_not_wrap(tmp_path: Path) -> None:
    loud = MotionClip(np.array([1.5, -1.5], np.float32), np.zeros((1, 20), np.float32), 4, "loud")
    write_shard(tmp_path / "loud-00000.safetensors", [loud])
    (tmp_path / "loud.json").write_text('{"shards": 1}')
    np.testing.assert_allclose(read_shards(tmp_path)[0].waveform, [1, -1], atol=1e-4)


@pytest.mark.parametrize(("clips", "workers"), [(0, 1), (1, 0)])
def test_counts_below_one_are_refused(tmp_path: Path, clips: int, workers: int) -> None:
    with pytest.raises(BadInput, match="below 1"):
        write_shards(tmp_path, clips=clips, seed=0, workers=workers)


def test_grid_has_51_words_of_known_phones() -> None:
    assert len(PRONUNCIATIONS) == 51
    assert {phone for phones in PRONUNCIATIONS.values() for phone in phones} <= VISEMES.keys()


def test_phones_fill_their_words_and_nothing_else() -> None:
    phones = spread(WORDS, 2.0)
    assert [phone.name for phone in phones] == ["pau", "b", "ih", "n", "b", "l", "uw", "pau"]
    assert phones[1].start_s == 0.25
    assert phones[3].end_s == pytest.approx(0.6)
    assert phones[6].end_s == pytest.approx(1.0)
    assert phones[-1].end_s == 2.0
    lengths = {phone.name: phone.end_s - phone.start_s for phone in phones[4:7]}
    assert lengths["uw"] > 2 * lengths["l"]
    assert all(b.start_s == a.end_s for a, b in itertools.pairwise(phones))


def test_words_beyond_the_sound_are_cut() -> None:
    phones = spread(WORDS, 0.7)
    assert phones[-1].end_s == 0.7
    assert phones[-1].name == "l"


def test_a_word_that_grid_does_not_have_is_refused() -> None:
    with pytest.raises(BadInput, match="'hello'"):
        spread([(0.0, 1.0, "hello")], 1.0)


def test_a_recording_becomes_a_neutral_clip_with_matching_length() -> None:
    path = FIXTURES / "mama_papa_baby.wav"
    clip = grid_clip(path, WORDS, 3)
    assert clip.motion.shape == (-(-len(clip.waveform) // 640), 20)
    assert EMOTIONS[clip.emotion] == "neutral"
    assert clip.source == "grid/mama_papa_baby"
    again = grid_clip(path, WORDS, 3)
    np.testing.assert_array_equal(clip.waveform, again.waveform)
    np.testing.assert_array_equal(clip.motion, again.motion)
    assert len(grid_clip(path, WORDS, 4).waveform) != len(clip.waveform)


def test_missing_word_times_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="word times"):
        read_words(tmp_path)


@needs_data
def test_grid_shards_hold_recordings_of_the_train_split_alone(tmp_path: Path) -> None:
    write_grid_shards(tmp_path, data_dir=DATA, clips=5, seed=1)
    clips = read_shards(tmp_path)
    assert len(clips) == 5
    split = {Path(row.file).stem: row.split for row in read_manifest(DATA).clips}
    assert {split[clip.source.removeprefix("grid/")] for clip in clips} == {"train"}
    assert all(2 < len(clip.waveform) / 16_000 < 5 for clip in clips)


@needs_data
def test_every_word_of_the_recordings_can_be_spread() -> None:
    for words in read_words(DATA).values():
        phones = spread(words, 3.0)
        assert phones[0].start_s == 0
        assert phones[-1].end_s == 3.0


@needs_flite
def test_a_synthetic_clip_lasts_5_to_12_seconds_and_repeats() -> None:
    clip = synthesize_clip(12, ("flite",))
    assert 5 <= len(clip.waveform) / 16_000 <= 12
    assert clip.motion.shape == (-(-len(clip.waveform) // 640), 20)
    assert clip.source.startswith("flite/")
    assert np.abs(clip.waveform).max() <= 1
    again = synthesize_clip(12, ("flite",))
    np.testing.assert_array_equal(clip.waveform, again.waveform)
    np.testing.assert_array_equal(clip.motion, again.motion)


@needs_flite
def test_synthetic_shards_are_the_clips_of_their_seeds(tmp_path: Path) -> None:
    write_shards(tmp_path, clips=2, seed=3, workers=1)
    clips = read_shards(tmp_path)
    for seed, clip in zip(seeds_for(3, 2), clips, strict=True):
        np.testing.assert_array_equal(clip.motion, synthesize_clip(seed).motion)

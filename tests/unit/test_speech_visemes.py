"""Phones to lips: closures close, vowels open, silence rests, and time is exact."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfloat.data.visemes import (
    JAW,
    LOWER,
    PRESSED,
    ROUND,
    UPPER,
    VISEMES,
    VOWELS,
    WIDE,
    at_frames,
    fine_points,
    held_interval,
    mouth_curves,
    with_contacts,
)
from openfloat.data.voices import Phone
from openfloat.data.voices_flite import parse_segments, read_wave
from openfloat.errors import BadInput

FIXTURES = Path(__file__).parent.parent / "fixtures" / "speech"
ENGLISH = [
    *("aa", "ae", "ah", "ao", "aw", "ax", "ay", "b", "ch", "d", "dh", "eh", "er", "ey", "f", "g"),
    *("hh", "ih", "iy", "jh", "k", "l", "m", "n", "ng", "ow", "oy", "p", "r", "s", "sh", "t", "th"),
    *("uh", "uw", "v", "w", "y", "z", "zh", "pau"),
]


def phones_of(text: str) -> list[Phone]:
    """`name:seconds` items, one after the other."""
    phones: list[Phone] = []
    for item in text.split():
        name, _, length = item.partition(":")
        start = phones[-1].end_s if phones else 0.0
        phones.append(Phone(name, start, start + float(length)))
    return phones


def frames_of(phones: list[Phone]) -> np.ndarray:
    duration_s = phones[-1].end_s
    frames = fine_points(duration_s) // 8
    return at_frames(with_contacts(mouth_curves(phones, duration_s)), frames)


def during(values: np.ndarray, phone: Phone) -> np.ndarray:
    centres = (np.arange(len(values)) + 0.5) / 25
    return values[(centres >= phone.start_s) & (centres < phone.end_s)]


@pytest.fixture(scope="module")
def spoken() -> list[Phone]:
    waveform = read_wave(FIXTURES / "mama_papa_baby.wav")
    printed = (FIXTURES / "mama_papa_baby.txt").read_text()
    return list(parse_segments(printed, len(waveform) / 16_000))


def test_every_english_phone_has_a_mouth_shape_within_range() -> None:
    assert sorted(VISEMES) == sorted(ENGLISH)
    for parts in VISEMES.values():
        for viseme in parts:
            assert all(0 <= value <= 1 for value in viseme[:6])
            assert all(strength > 0 for strength in viseme[6:])


def test_an_unknown_phone_is_refused() -> None:
    with pytest.raises(BadInput, match="'xx'"):
        mouth_curves([Phone("xx", 0, 1)], 1.0)


def test_mama_papa_baby_closes_six_times(spoken: list[Phone]) -> None:
    values = frames_of(spoken)
    labials = [phone for phone in spoken if phone.name in "mpb"]
    assert len(labials) == 6
    for phone in labials:
        start, end = held_interval(phone)
        centres = (np.arange(len(values)) + 0.5) / 25
        held = values[(centres >= start) & (centres <= end)]
        assert len(held) >= 1
        assert held[:, PRESSED].min() > 0.85
        assert held[:, JAW].max() < 0.06
        assert held[:, [UPPER, LOWER]].max() < 0.03


def test_the_jaw_opens_for_each_vowel_between_closures(spoken: list[Phone]) -> None:
    values = frames_of(spoken)
    for phone in spoken:
        if phone.name in ("aa", "ey"):
            inside = during(values, phone)
            assert inside[:, JAW].max() > {"aa": 0.35, "ey": 0.15}[phone.name]
            assert inside[:, PRESSED].min() < 0.25


def test_silence_is_closed_away_from_speech() -> None:
    values = frames_of(phones_of("pau:0.6 aa:0.2 pau:0.6"))
    for quiet in (values[:8], values[-8:]):
        assert quiet[:, [JAW, ROUND, WIDE, UPPER, LOWER]].max() < 0.01
        np.testing.assert_allclose(quiet[:, PRESSED], 0.1, atol=0.01)


def test_the_mouth_opens_before_the_first_sound_and_not_long_before() -> None:
    jaw = frames_of(phones_of("pau:1.0 aa:0.3 pau:0.5"))[:, JAW]
    assert jaw[24] > 0.1  # 0.98 s: 20 ms before the sound
    assert jaw[20] < 0.02  # 0.82 s
    assert jaw[-5:].max() < 0.02


def test_vowels_have_the_shapes_that_people_see() -> None:
    def middle(name: str) -> np.ndarray:
        return frames_of(phones_of(f"pau:0.4 {name}:0.4 pau:0.4"))[15]

    assert middle("aa")[JAW] > middle("ae")[JAW] > middle("ih")[JAW] > middle("s")[JAW]
    assert middle("iy")[WIDE] > 0.6
    assert middle("uw")[ROUND] > 0.75
    assert middle("uw")[WIDE] < 0.05
    assert middle("s")[JAW] < 0.1
    assert middle("f")[LOWER] < 0.05
    assert middle("f")[UPPER] > 0.15
    assert middle("f")[JAW] < 0.12


def test_a_diphthong_moves_from_its_first_vowel_to_its_second() -> None:
    values = frames_of(phones_of("pau:0.4 aw:0.4 pau:0.4"))
    assert values[11, JAW] > values[18, JAW] + 0.15
    assert values[18, ROUND] > values[11, ROUND] + 0.4


def test_rounding_begins_before_the_rounded_vowel() -> None:
    values = frames_of(phones_of("pau:0.4 t:0.2 uw:0.4 pau:0.2"))
    plain = frames_of(phones_of("pau:0.4 t:0.2 ih:0.4 pau:0.2"))
    assert values[14, ROUND] > 0.25  # 0.58 s: 20 ms before the vowel
    assert plain[14, ROUND] < 0.05


def test_the_neighbours_of_a_consonant_shape_it() -> None:
    between_uw = frames_of(phones_of("uw:0.2 k:0.08 uw:0.2"))[5]
    between_iy = frames_of(phones_of("iy:0.2 k:0.08 iy:0.2"))[5]
    assert between_uw[ROUND] > 0.6 > 0.1 > between_iy[ROUND]
    assert between_iy[WIDE] > 0.5


@given(st.sampled_from("pbmfv"), st.floats(0.01, 0.4))
def test_contacts_are_held_for_50_to_120_ms(name: str, length: float) -> None:
    start, end = held_interval(Phone(name, 1.0, 1.0 + length))
    assert 0.05 - 1e-9 <= end - start <= 0.12 + 1e-9
    assert 1.0 - 0.05 <= start < end <= 1.0 + length


@given(st.floats(0.3, 0.5), st.floats(0.02, 0.2), st.sampled_from(["p", "b", "m"]))
def test_a_closure_shows_in_at_least_one_frame_wherever_it_falls(
    start: float, length: float, name: str
) -> None:
    values = frames_of(phones_of(f"aa:{start} {name}:{length} aa:0.3"))
    closest = values[:, PRESSED].argmax()
    assert values[closest, PRESSED] > 0.85
    assert values[closest, JAW] < 0.06
    assert values[:, JAW].max() > 0.5


@pytest.mark.parametrize("frame", [10, 11, 17])
def test_a_closure_in_the_middle_of_a_frame_closes_that_frame(frame: int) -> None:
    middle = (frame + 0.5) / 25
    phones = [
        Phone("aa", 0, middle - 0.025),
        Phone("m", middle - 0.025, middle + 0.025),
        Phone("aa", middle + 0.025, 1.2),
    ]
    pressed = frames_of(phones)[:, PRESSED]
    assert pressed.argmax() == frame
    np.testing.assert_allclose(pressed[frame - 3 : frame], pressed[frame + 3 : frame : -1])


def test_speech_one_frame_later_is_the_same_curve_one_frame_later() -> None:
    speech = "m:0.08 aa:0.15 p:0.11 uw:0.17 f:0.1 iy:0.2"
    early = frames_of(phones_of(f"pau:0.6 {speech} pau:0.64"))
    late = frames_of(phones_of(f"pau:0.64 {speech} pau:0.6"))
    np.testing.assert_allclose(late[1:], early[:-1], atol=1e-6)


def test_a_frame_takes_the_value_at_its_centre() -> None:
    moments = (np.arange(80) + 0.5) / 200
    np.testing.assert_allclose(at_frames(moments, 10), (np.arange(10) + 0.5) / 25, atol=1e-12)


@given(st.lists(st.tuples(st.sampled_from(ENGLISH), st.floats(0.02, 0.3)), min_size=1, max_size=15))
def test_any_speech_stays_within_range(items: list[tuple[str, float]]) -> None:
    values = frames_of(phones_of(" ".join(f"{name}:{length}" for name, length in items)))
    assert np.isfinite(values).all()
    assert values.min() >= 0
    assert values.max() <= 1


def test_vowels_are_phones() -> None:
    assert VISEMES.keys() >= VOWELS
    assert len(VOWELS) == 16

"""Voices: times of phones stay true through every cut, speed and room."""

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest

from openfloat.data.text import draw_sentence, listed_sentences
from openfloat.data.visemes import VISEMES
from openfloat.data.voices import Phone, Utterance, cut, join, silence, trim
from openfloat.data.voices_acoustics import (
    add_noise,
    change_speed,
    colour,
    loudness,
    room_response,
    to_peak,
)
from openfloat.data.voices_cast import draw_voice, speak
from openfloat.data.voices_espeak import (
    arpabet,
    find_library,
    parse_phonemes,
    speak_espeak,
    with_closures,
)
from openfloat.data.voices_flite import parse_segments, read_wave, speak_flite
from openfloat.errors import BadInput

FIXTURES = Path(__file__).parent.parent / "fixtures" / "speech"
RATE = 16_000
needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
needs_espeak = pytest.mark.skipif(find_library() is None, reason="espeak-ng is not installed")


@pytest.fixture(scope="module")
def spoken() -> Utterance:
    """'Mama, papa, baby.' as Flite said it."""
    waveform = read_wave(FIXTURES / "mama_papa_baby.wav")
    printed = (FIXTURES / "mama_papa_baby.txt").read_text()
    return Utterance(waveform, parse_segments(printed, len(waveform) / RATE))


def click(at_s: float, length_s: float) -> Utterance:
    waveform = np.zeros(round(length_s * RATE), np.float32)
    waveform[round(at_s * RATE)] = 1
    return Utterance(waveform, (Phone("pau", 0, at_s), Phone("t", at_s, length_s)))


def assert_gapless(utterance: Utterance) -> None:
    phones = utterance.phones
    assert phones[0].start_s == 0
    assert phones[-1].end_s == pytest.approx(utterance.duration_s, abs=1e-9)
    for before, after in itertools.pairwise(phones):
        assert before.end_s == pytest.approx(after.start_s, abs=1e-9)
        assert before.end_s > before.start_s


def test_printed_segments_cover_the_sound_without_gaps(spoken: Utterance) -> None:
    assert_gapless(spoken)
    assert [phone.name for phone in spoken.phones[:4]] == ["pau", "m", "aa", "m"]
    assert spoken.phones[2].end_s == 0.422


def test_vowels_are_loud_and_silences_are_quiet_at_their_times(spoken: Utterance) -> None:
    def level(phone: Phone) -> float:
        part = spoken.waveform[int(phone.start_s * RATE) : int(phone.end_s * RATE)]
        return float(np.sqrt(np.mean(part**2)))

    vowels = [level(phone) for phone in spoken.phones if phone.name in ("aa", "ey", "iy")]
    assert min(vowels) > 10 * level(spoken.phones[0])
    assert min(vowels) > 10 * level(spoken.phones[-1])


@pytest.mark.parametrize("printed", ["", "pau", "pau:soon"])
def test_text_that_is_no_segment_list_is_refused(printed: str) -> None:
    with pytest.raises(BadInput, match="phone"):
        parse_segments(printed, 1.0)


def test_a_wave_file_keeps_its_samples(spoken: Utterance) -> None:
    assert spoken.waveform.dtype == np.float32
    assert len(spoken.waveform) == (FIXTURES / "mama_papa_baby.wav").stat().st_size // 2 - 22
    assert 0.1 < np.abs(spoken.waveform).max() <= 1


def test_cutting_and_joining_gives_the_whole_back(spoken: Utterance) -> None:
    whole = join([cut(spoken, 0, 0.6), cut(spoken, 0.6, spoken.duration_s)])
    np.testing.assert_array_equal(whole.waveform, spoken.waveform)
    assert_gapless(whole)
    assert {phone.name for phone in whole.phones} == {phone.name for phone in spoken.phones}


def test_trimming_leaves_speech_and_little_else(spoken: Utterance) -> None:
    trimmed = trim(spoken, lead_s=0.02, tail_s=0.1)
    assert_gapless(trimmed)
    assert trimmed.phones[0] == ("pau", 0.0, pytest.approx(0.02, abs=1e-4))
    assert trimmed.phones[1].name == "m"
    assert trimmed.duration_s == pytest.approx(1.658 - 0.222 + 0.12, abs=1e-3)


def test_silence_joins_as_a_pause(spoken: Utterance) -> None:
    joined = join([silence(0.5), trim(spoken)])
    assert_gapless(joined)
    assert joined.phones[2] == ("m", pytest.approx(0.52, abs=1e-4), pytest.approx(0.548, abs=1e-4))


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.25])
def test_playing_faster_moves_a_click_and_its_phone_alike(factor: float) -> None:
    faster = change_speed(click(1.0, 2.0), factor)
    assert np.argmax(np.abs(faster.waveform)) / RATE == pytest.approx(1 / factor, abs=1e-3)
    assert faster.phones[1].start_s == pytest.approx(1 / factor, abs=1e-9)
    assert_gapless(faster)


@pytest.mark.parametrize("seed", range(8))
def test_no_room_or_microphone_moves_the_sound(seed: int, spoken: Utterance) -> None:
    heard = colour(spoken.waveform, np.random.default_rng(seed))
    assert heard.shape == spoken.waveform.shape
    assert heard.dtype == np.float32
    assert 0.05 < np.abs(heard).max() < 1
    size = 2 * len(heard)
    product = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(spoken.waveform, size))
    correlation = np.fft.irfft(product, size)
    assert abs((np.argmax(correlation) + size // 2) % size - size // 2) <= 1


def test_rooms_and_microphones_are_decided_by_the_generator(spoken: Utterance) -> None:
    first, again, other = (
        colour(spoken.waveform, np.random.default_rng(seed)) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


def test_a_room_starts_with_the_direct_sound_and_decays() -> None:
    response = room_response(np.random.default_rng(0), decay_s=0.4, direct_db=6)
    assert response[0] == 1
    assert 10 * np.log10(np.sum(response[1:] ** 2)) == pytest.approx(-6, abs=1e-3)
    early, late = response[40:1600], response[4840:6400]
    # 0.3 s later at 60 dB in 0.4 s: 45 dB less.
    assert 20 * np.log10(early.std() / late.std()) == pytest.approx(45, abs=2)


def test_noise_has_the_ratio_that_was_asked_for() -> None:
    tone = np.sin(2 * np.pi * 300 * np.arange(4 * RATE) / RATE).astype(np.float32)
    noisy = add_noise(tone, np.random.default_rng(1), snr_db=20, slope=1)
    ratio = np.mean(tone**2) / np.mean((noisy - tone) ** 2)
    assert 10 * np.log10(ratio) == pytest.approx(20, abs=0.2)


def test_silence_stays_silent_through_noise_and_level() -> None:
    nothing = np.zeros(RATE, np.float32)
    noisy = add_noise(nothing, np.random.default_rng(0), snr_db=20, slope=0)
    assert not to_peak(noisy, peak_db=-6).any()


def test_loudness_is_one_in_a_tone_and_zero_in_silence() -> None:
    tone = np.sin(2 * np.pi * 200 * np.arange(2 * RATE) / RATE).astype(np.float32)
    tone[RATE:] = 0
    loud = loudness(tone, 50, 25)
    np.testing.assert_allclose(loud[1:24], 1, atol=0.02)
    np.testing.assert_allclose(loud[26:], 0, atol=1e-9)


def test_a_mark_of_espeak_lengthens_the_phone_before_it() -> None:
    phones = parse_phonemes("0 n\n2205 ;\n4410 i@3\n8820 _:\n", 0.5)
    assert [phone.name for phone in phones] == ["n", "ih", "r", "pau"]
    assert [phone.end_s for phone in phones] == pytest.approx([0.2, 0.3, 0.4, 0.5])


def test_voiceless_stops_of_espeak_get_their_closure() -> None:
    phones = (Phone("aa", 0.0, 0.2), Phone("p", 0.2, 0.23), Phone("b", 0.23, 0.3))
    moved = with_closures(phones, 0.05)
    assert [phone.name for phone in moved] == ["aa", "p", "b"]
    assert [phone.start_s for phone in moved] == pytest.approx([0.0, 0.15, 0.23])
    assert [phone.end_s for phone in moved] == pytest.approx([0.15, 0.23, 0.3])
    short = (Phone("ax", 0.0, 0.04), Phone("t", 0.04, 0.08))
    assert with_closures(short, 0.05)[1].start_s == pytest.approx(0.02)


def test_every_espeak_sound_maps_to_phones_with_a_mouth_shape() -> None:
    for name in ("a", "A@", "aI3", "tS", "dZ", "@L", "I#", "u:", "n-", "_:", "_!", "r-"):
        for phone in arpabet(name).split():
            assert phone in VISEMES
    assert arpabet("oU") == "ow"
    with pytest.raises(BadInput, match="English"):
        arpabet("X")


def test_a_missing_flite_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInput, match="flite is not installed"):
        speak_flite("Hello.")


def test_listed_sentences_are_many_and_different() -> None:
    sentences = listed_sentences()
    assert len(sentences) >= 200
    assert len(set(sentences)) == len(sentences)
    assert {sentence[-1] for sentence in sentences} == {".", "?", "!"}


def test_thousands_of_different_sentences_are_drawn() -> None:
    generator = np.random.default_rng(0)
    sentences = [draw_sentence(generator) for _ in range(4000)]
    assert len(set(sentences)) > 2000
    assert not any("{" in sentence for sentence in sentences)
    assert sentences[:50] == [
        draw_sentence(generator) for generator in [np.random.default_rng(0)] for _ in range(50)
    ]


def test_emotions_move_the_mean_pitch_and_rate_of_voices() -> None:
    def mean(emotion: str) -> tuple[float, float]:
        voices = [
            draw_voice(np.random.default_rng(seed), emotion, ("flite",)) for seed in range(200)
        ]
        return (
            float(np.mean([voice.rate for voice in voices])),
            float(np.mean([voice.pitch for voice in voices])),
        )

    assert mean("sad")[0] < mean("neutral")[0] < mean("fear")[0]
    assert mean("sad")[1] < mean("neutral")[1] < mean("happy")[1]


@needs_flite
def test_flite_says_the_same_twice_and_slower_when_asked() -> None:
    first, again = (speak_flite("A purple boat.", "rms", pitch_hz=100) for _ in range(2))
    np.testing.assert_array_equal(first.waveform, again.waveform)
    assert first.phones == again.phones
    assert_gapless(first)
    slow = speak_flite("A purple boat.", "rms", stretch=1.3, pitch_hz=100)
    assert slow.duration_s == pytest.approx(1.3 * first.duration_s, rel=0.02)


@needs_flite
def test_flite_knows_a_mouth_shape_for_every_sound_of_the_list() -> None:
    text = " ".join(listed_sentences()[::3]).replace(".", ",").replace("?", ",")
    names = {phone.name for phone in speak_flite(text, "kal16").phones}
    assert names <= VISEMES.keys()
    assert len(names) >= 39


def test_a_voice_that_flite_does_not_have_is_refused() -> None:
    with pytest.raises(BadInput, match="none of flite's slt"):
        speak_flite("Hello.", "nobody")


@needs_espeak
def test_espeak_says_the_same_twice_with_times_that_fit_the_sound() -> None:
    first, again = (speak_espeak("Mama, papa, baby.", "en-us+f3") for _ in range(2))
    np.testing.assert_array_equal(first.waveform, again.waveform)
    assert first.phones == again.phones
    assert_gapless(first)
    loud = loudness(first.waveform, round(first.duration_s * 200), 200)

    def level(phone: Phone) -> float:
        return float(loud[int(phone.start_s * 200) + 2 : int(phone.end_s * 200) - 2].mean())

    assert min(level(phone) for phone in first.phones if phone.name in ("aa", "ey")) > 0.6
    second_p = [phone for phone in first.phones if phone.name == "p"][1]
    closure = loud[int(second_p.start_s * 200) : int(second_p.end_s * 200)]
    assert closure.min() < 0.4


@needs_espeak
def test_espeak_refuses_a_voice_that_it_does_not_have() -> None:
    with pytest.raises(BadInput, match="no-such-voice"):
        speak_espeak("Hello.", "no-such-voice")


@needs_flite
@needs_espeak
def test_both_programs_speak_with_drawn_voices() -> None:
    generator = np.random.default_rng(5)
    voices = [draw_voice(generator, "neutral", ("flite", "espeak-ng")) for _ in range(6)]
    assert {voice.program for voice in voices} == {"flite", "espeak-ng"}
    for voice in voices:
        assert 0.2 < speak("Why me?", voice).duration_s < 3

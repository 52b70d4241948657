"""GRID's recordings: words with times become phones with times.

The corpus says when each of its 51 words starts and ends; the phones inside a word share its time
by how long their kind usually lasts, so their borders are estimates (a few tens of milliseconds).
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from openfloat.audio.io import load_audio
from openfloat.config import EMOTIONS, SAMPLE_RATE
from openfloat.data.motion import MotionClip
from openfloat.data.speech_motion import motion_for
from openfloat.data.visemes import VOWELS
from openfloat.data.voices import SILENCE, Phone, Utterance
from openfloat.data.voices_acoustics import change_speed, colour
from openfloat.errors import BadInput

TimedWord = tuple[float, float, str]
"""Start and end in seconds, and the word (`sil` and `sp` are silences)."""

WORDS = Path("clips") / "grid_s1" / "words.json"
"""Where a data pack keeps the word times."""
SPEED = 0.09
"""Standard deviation of the logarithm of the playing speed: one man becomes several."""

_SPELLINGS = {
    "bin": "b ih n", "lay": "l ey", "place": "p l ey s", "set": "s eh t",
    "blue": "b l uw", "green": "g r iy n", "red": "r eh d", "white": "w ay t",
    "at": "ae t", "by": "b ay", "in": "ih n", "with": "w ih dh",
    "a": "ey", "b": "b iy", "c": "s iy", "d": "d iy", "e": "iy", "f": "eh f", "g": "jh iy",
    "h": "ey ch", "i": "ay", "j": "jh ey", "k": "k ey", "l": "eh l", "m": "eh m", "n": "eh n",
    "o": "ow", "p": "p iy", "q": "k y uw", "r": "aa", "s": "eh s", "t": "t iy", "u": "y uw",
    "v": "v iy", "x": "eh k s", "y": "w ay", "z": "z eh d",
    "zero": "z ih r ow", "one": "w ah n", "two": "t uw", "three": "th r iy", "four": "f ao",
    "five": "f ay v", "six": "s ih k s", "seven": "s eh v ax n", "eight": "ey t", "nine": "n ay n",
    "again": "ax g eh n", "now": "n aw", "please": "p l iy z", "soon": "s uw n",
}  # fmt: skip
PRONUNCIATIONS = {word: tuple(phones.split()) for word, phones in _SPELLINGS.items()}
"""Of GRID's 51 words, as its British speaker says them (r is `ah`, z is `zed`)."""

_LONG_VOWELS = frozenset(("aa", "ao", "aw", "ay", "er", "ey", "iy", "ow", "oy", "uw"))
_FRICATIVES = frozenset(("s", "z", "sh", "zh", "ch", "jh", "f", "th"))


def phone_weight(name: str) -> float:
    """How long a phone of this kind lasts, relative to others; about seconds at a calm pace."""
    if name == "ax":
        return 0.05
    if name in _LONG_VOWELS:
        return 0.15
    if name in VOWELS:
        return 0.09
    if name in _FRICATIVES:
        return 0.11
    return 0.065


def spread(words: Sequence[TimedWord], duration_s: float) -> tuple[Phone, ...]:
    """Phones from word times, without gaps, silence around them.

    Args:
        words: in order.
        duration_s: length of the sound; times beyond it are cut.

    Raises:
        BadInput: a word is not one of the corpus.
    """
    phones: list[Phone] = []

    def add(name: str, end: float) -> None:
        start = phones[-1].end_s if phones else 0.0
        if end <= start:
            return
        if name == SILENCE and phones and phones[-1].name == SILENCE:
            phones[-1] = phones[-1]._replace(end_s=end)
        else:
            phones.append(Phone(name, start, end))

    for start, end, word in words:
        add(SILENCE, min(start, duration_s))
        if word in ("sil", "sp"):
            add(SILENCE, min(end, duration_s))
            continue
        if word not in PRONUNCIATIONS:
            raise BadInput(f"{word!r} is not one of GRID's 51 words")
        names = PRONUNCIATIONS[word]
        weights = np.array([phone_weight(name) for name in names])
        ends = start + (end - start) * np.cumsum(weights) / weights.sum()
        for name, phone_end in zip(names, ends, strict=True):
            add(name, min(float(phone_end), duration_s))
    add(SILENCE, duration_s)
    return tuple(phones)


def read_words(data_dir: Path) -> dict[str, list[TimedWord]]:
    """Word times by clip name, from the data pack's `clips/grid_s1/words.json`.

    Raises:
        BadInput: the file is missing or not of that form.
    """
    path = data_dir / WORDS
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {
            name: [(float(start), float(end), str(word)) for start, end, word in words]
            for name, words in content.items()
        }
    except (OSError, ValueError, TypeError, AttributeError) as problem:
        raise BadInput(f"{path} does not hold GRID's word times: {problem}") from problem


def grid_clip(path: Path, words: Sequence[TimedWord], seed: int) -> MotionClip:
    """One real recording with curves by rule; neutral, as the corpus was read.

    Args:
        path: a GRID clip, video or sound.
        words: its word times.
        seed: decides playing speed, room, pose and manner.

    Raises:
        BadInput: a word is not one of the corpus.
        BadMedia: the recording cannot be read.
    """
    generator = np.random.default_rng(seed)
    recording = load_audio(path)
    phones = spread(words, len(recording) / SAMPLE_RATE)
    speed = float(np.exp(generator.normal(0, SPEED)))
    voice = change_speed(Utterance(recording, phones), speed)
    motion = motion_for(voice, "neutral", generator)
    waveform = colour(voice.waveform, generator)
    return MotionClip(waveform, motion, EMOTIONS.index("neutral"), f"grid/{path.stem}")

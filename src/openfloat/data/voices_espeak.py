"""eSpeak NG as a voice: a program of ours around its library tells when each phoneme starts."""

import ctypes.util
import itertools
import logging
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from openfloat.config import SAMPLE_RATE
from openfloat.data.voices import SILENCE, Phone, Utterance
from openfloat.data.voices_flite import read_wave
from openfloat.errors import BadInput

logger = logging.getLogger(__name__)

TIMEOUT_S = 20
ATTEMPTS = 3
"""The library hangs about once in five thousand utterances, without a pattern."""
WORDS_A_MINUTE = 165
CLOSURE_S = 0.05
_VOICELESS_STOPS = frozenset(("p", "t", "k", "ch"))
MIDDLE = 50
"""eSpeak NG's neutral pitch and pitch range, on its scale of 0 to 100."""
_PROGRAM = Path(__file__).with_name("voices_espeak_program.py")
_RATE_HZ = 22_050
"""What the library speaks at."""

_ARPABET = {
    "a": "ae", "a#": "ax", "a2": "ae", "aa": "aa", "A:": "aa", "A@": "aa r", "A": "aa",
    "0": "aa", "02": "aa", "O": "ao", "O:": "ao", "O2": "ao", "O@": "ao", "o@": "ao r", "o": "ao",
    "VR": "ah r", "V": "ah", "@": "ax", "@2": "ax", "@5": "ax", "@L": "ax l", "E": "eh",
    "E2": "eh", "e": "eh", "e@": "eh r", "eI": "ey", "e:": "ey", "3": "er", "3:": "er", "I": "ih",
    "IR": "ih r", "I2": "ih", "I#": "ih", "i": "iy", "i:": "iy", "i2": "iy", "i@": "ih ax",
    "i@3": "ih r", "aI": "ay", "aI2": "ay", "aI@": "ay ax", "aI3": "ay r", "aU": "aw",
    "aU@": "aw ax", "OI": "oy", "oU": "ow", "o:": "ow", "U": "uh", "U@": "uh r", "u": "uw",
    "u:": "uw", "b": "b", "d": "d", "f": "f", "g": "g", "h": "hh", "j": "y", "k": "k", "l": "l",
    "L": "l", "m": "m", "n": "n", "n-": "n", "m-": "m", "N": "ng", "p": "p", "r": "r", "r-": "r",
    "s": "s", "S": "sh", "t": "t", "t#": "t", "t2": "t", "t[": "t", "tS": "ch", "T": "th",
    "D": "dh", "dZ": "jh", "d[": "d", "v": "v", "w": "w", "w#": "w", "z": "z", "Z": "zh",
    "?": "", ";": "", "": "",
}  # fmt: skip


@cache
def find_library() -> str | None:
    """The name of eSpeak NG's shared library, or none where it is not installed."""
    return ctypes.util.find_library("espeak-ng")


def speak_espeak(
    text: str, voice: str = "en-us", *, rate: float = 1.0, pitch: float = 1.0, liveliness: float = 1
) -> Utterance:
    """Say a text with eSpeak NG.

    Args:
        text: English, one sentence or several.
        voice: an accent with or without a timbre, as `en-us+f3`.
        rate: speed, 1 is 165 words a minute.
        pitch: mean pitch, 1 is the voice's own.
        liveliness: range of the intonation, 1 is the voice's own.

    Raises:
        BadInput: eSpeak NG is not installed or does not speak.
    """
    library = find_library()
    if library is None:
        raise BadInput(
            "espeak-ng is not installed (Debian: apt-get install espeak-ng); it makes voices"
        )
    with tempfile.TemporaryDirectory(prefix="openfloat-voice-") as folder:
        sound = Path(folder) / "voice.wav"
        command = [
            sys.executable, "-I", "-S", str(_PROGRAM), library, voice,
            str(round(WORDS_A_MINUTE * rate)), str(_on_scale(MIDDLE + 100 * (pitch - 1))),
            str(_on_scale(MIDDLE * liveliness)), str(sound),
        ]  # fmt: skip
        try:
            printed = _run(command, text)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as problem:
            raise BadInput(f"espeak-ng with voice {voice!r} does not say {text!r}") from problem
        waveform = read_wave(sound)
    phones = parse_phonemes(printed, len(waveform) / SAMPLE_RATE)
    return Utterance(waveform, with_closures(phones, CLOSURE_S / rate))


def _run(command: list[str], text: str) -> str:
    """What the program prints; a hanging one is started again, which changes no sample."""
    for attempt in range(ATTEMPTS):
        try:
            done = subprocess.run(
                command, input=text.encode(), capture_output=True, timeout=TIMEOUT_S, check=True
            )
        except subprocess.TimeoutExpired:
            if attempt == ATTEMPTS - 1:
                raise
            logger.warning("espeak-ng hangs at %r and is started again", text)
        else:
            return done.stdout.decode()
    raise AssertionError("unreachable")


def parse_phonemes(printed: str, duration_s: float) -> tuple[Phone, ...]:
    """Phones from lines of `sample phoneme`; a phoneme lasts until the next one starts.

    Raises:
        BadInput: a phoneme is not English, or there is none.
    """
    starts: list[tuple[float, str]] = []
    for line in printed.splitlines():
        sample, _, name = line.partition(" ")
        starts.append((min(int(sample) / _RATE_HZ, duration_s), arpabet(name)))
    if not starts:
        raise BadInput("espeak-ng spoke no phonemes")
    phones: list[Phone] = []
    if starts[0][0] > 0:
        phones.append(Phone(SILENCE, 0.0, starts[0][0]))
    ends = [start for start, _ in starts[1:]] + [duration_s]
    for (start, names), end in zip(starts, ends, strict=True):
        _append(phones, names.split(), start, end)
    return tuple(phones)


def with_closures(phones: tuple[Phone, ...], closure_s: float) -> tuple[Phone, ...]:
    """Let voiceless stops begin with their closure, as everyone else counts them.

    eSpeak NG reports p, t, k and ch at their burst and leaves the silence of the closure to the
    phone before (measured: 40 to 55 ms at normal speed). At most half of that phone is taken.
    """
    moved = list(phones)
    for number in range(1, len(moved)):
        before, stop = moved[number - 1], moved[number]
        if stop.name in _VOICELESS_STOPS:
            half = (before.start_s + before.end_s) / 2
            border = max(half, stop.start_s - closure_s)
            moved[number - 1] = before._replace(end_s=border)
            moved[number] = stop._replace(start_s=border)
    return tuple(moved)


def arpabet(name: str) -> str:
    """ARPAbet names, parted by spaces, for one eSpeak NG phoneme; nothing for mere marks.

    Raises:
        BadInput: the phoneme is not one of English.
    """
    if name.startswith("_"):
        return SILENCE
    for candidate in (name, name.rstrip("-;"), name.rstrip("-;:#0123456789")):
        if candidate in _ARPABET:
            return _ARPABET[candidate]
    raise BadInput(f"the phoneme {name!r} of espeak-ng has no place in the table of English sounds")


def _append(phones: list[Phone], names: list[str], start: float, end: float) -> None:
    """Add one phoneme's phones; silences join, and a mark lengthens the phone before it."""
    if end <= start:
        return
    extends = not names or (names == [SILENCE] and phones and phones[-1].name == SILENCE)
    if extends and phones:
        phones[-1] = phones[-1]._replace(end_s=end)
        return
    names = names or [SILENCE]
    edges = [start + (end - start) * part / len(names) for part in range(len(names))] + [end]
    for name, (begins, ends) in zip(names, itertools.pairwise(edges), strict=True):
        phones.append(Phone(name, begins, ends))


def _on_scale(value: float) -> int:
    return round(min(99.0, max(0.0, value)))

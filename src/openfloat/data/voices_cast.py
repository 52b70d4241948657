"""Synthetic voices that say when each phoneme is spoken.

Two programs are used where they are installed, each called without a shell in a folder of its own:
Flite (four English voices) and eSpeak NG (many accents and timbres). What they return is the same:
sound at 16 kHz and timed ARPAbet phones, see `Utterance`.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from openfloat.data.voices import Utterance
from openfloat.data.voices_espeak import find_library, speak_espeak
from openfloat.data.voices_flite import speak_flite
from openfloat.errors import BadInput

ProgramName = Literal["flite", "espeak-ng"]
_PROGRAMS: tuple[ProgramName, ...] = ("flite", "espeak-ng")
_FLITE_SHARE = 0.55
_FLITE_PITCH_HZ = {"slt": 172.0, "rms": 98.0, "awb": 130.0, "kal16": 105.0}
_FLITE_ODDS = (0.32, 0.3, 0.26, 0.12)
"""In the order above; kal16 is an old diphone voice and the least natural."""
_ESPEAK_ACCENTS = ("en-us", "en-us", "en", "en-gb-x-rp", "en-gb-scotland", "en-us-nyc", "en-029")
_ESPEAK_TIMBRES = (
    "", "+m1", "+m2", "+m3", "+m4", "+m5", "+m6", "+m7", "+m8", "+f1", "+f2", "+f3", "+f4", "+f5",
    "+klatt", "+klatt2", "+klatt3", "+klatt4", "+Andrea", "+Alex", "+Michael", "+belinda", "+steph",
    "+linda", "+max", "+paul", "+victor",
)  # fmt: skip


class Prosody(NamedTuple):
    """How an emotion changes a voice."""

    rate: float
    pitch: float


PROSODY: Mapping[str, Prosody] = {
    "angry": Prosody(rate=1.08, pitch=1.06),
    "disgust": Prosody(rate=0.94, pitch=0.95),
    "fear": Prosody(rate=1.12, pitch=1.14),
    "happy": Prosody(rate=1.06, pitch=1.12),
    "neutral": Prosody(rate=1.0, pitch=1.0),
    "sad": Prosody(rate=0.86, pitch=0.92),
    "surprise": Prosody(rate=1.02, pitch=1.18),
}
"""All that the synthetic voices know of emotions; in everything else the voice is independent of
the label, so these voices cannot teach anyone to hear emotions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Voice:
    """One speaker."""

    program: ProgramName
    name: str
    """The program's name for it."""
    rate: float = 1.0
    """Speed of speech; 1 is the program's own."""
    pitch: float = 1.0
    """Mean pitch; 1 is the voice's own."""
    liveliness: float = 1.0
    """Range of the intonation (eSpeak NG only)."""


def installed_programs() -> tuple[ProgramName, ...]:
    """The speech programs that are on PATH; eSpeak NG counts with its library only.

    Raises:
        BadInput: there is none.
    """
    found = {"flite": shutil.which("flite"), "espeak-ng": find_library()}
    programs = tuple(program for program in _PROGRAMS if found[program])
    if not programs:
        raise BadInput(
            "no speech synthesiser is installed: install flite or espeak-ng "
            "(Debian: apt-get install flite espeak-ng)"
        )
    return programs


def draw_voice(
    generator: np.random.Generator, emotion: str, programs: Sequence[ProgramName]
) -> Voice:
    """A random voice of the given programs with the emotion's rate and pitch."""
    prosody = PROSODY[emotion]
    rate = prosody.rate * float(np.exp(generator.normal(0, 0.1)))
    pitch = prosody.pitch * float(np.exp(generator.normal(0, 0.08)))
    use_flite = generator.random() < _FLITE_SHARE
    if (use_flite and "flite" in programs) or "espeak-ng" not in programs:
        name = str(generator.choice(list(_FLITE_PITCH_HZ), p=_FLITE_ODDS))
        return Voice(program="flite", name=name, rate=rate, pitch=pitch)
    accent = str(generator.choice(_ESPEAK_ACCENTS))
    return Voice(
        program="espeak-ng",
        name=accent + str(generator.choice(_ESPEAK_TIMBRES)),
        rate=rate,
        pitch=pitch,
        liveliness=float(generator.uniform(0.6, 1.5)),
    )


def speak(text: str, voice: Voice) -> Utterance:
    """Say a text.

    The same text and voice give the same samples; programs of other versions may differ.

    Raises:
        BadInput: the program is not installed, or refuses this voice or text.
    """
    if voice.program == "flite":
        mean_hz = _FLITE_PITCH_HZ.get(voice.name, 120.0) * voice.pitch
        return speak_flite(text, voice.name, stretch=1 / voice.rate, pitch_hz=mean_hz)
    return speak_espeak(
        text, voice.name, rate=voice.rate, pitch=voice.pitch, liveliness=voice.liveliness
    )

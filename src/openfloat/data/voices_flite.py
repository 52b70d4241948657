"""Flite as a voice: a program that prints where each phone ends."""

import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from openfloat.config import SAMPLE_RATE
from openfloat.data.voices import SILENCE, Phone, Utterance
from openfloat.errors import BadInput

TIMEOUT_S = 60
VOICES = ("slt", "rms", "awb", "kal16")
"""Those that speak any text at 16 kHz."""


def speak_flite(
    text: str, voice: str = "slt", *, stretch: float = 1.0, pitch_hz: float = 120.0
) -> Utterance:
    """Say a text with Flite.

    Args:
        text: one English sentence.
        voice: one of `VOICES`.
        stretch: factor on every duration.
        pitch_hz: mean pitch.

    Raises:
        BadInput: flite is not installed, has no such voice or does not speak.
    """
    if voice not in VOICES:
        raise BadInput(f"voice={voice!r} is none of flite's {', '.join(VOICES)}")
    with tempfile.TemporaryDirectory(prefix="openfloat-voice-") as folder:
        sound = Path(folder) / "voice.wav"
        command = [
            "flite", "-voice", voice, "-psdur", "--setf", f"duration_stretch={stretch:.4f}",
            "--setf", f"int_f0_target_mean={pitch_hz:.2f}", "-t", text, "-o", str(sound),
        ]  # fmt: skip
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True, cwd=folder
            )
        except FileNotFoundError:
            raise BadInput(
                "flite is not installed (Debian: apt-get install flite); it makes synthetic voices"
            ) from None
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as problem:
            raise BadInput(f"flite with voice {voice!r} does not say {text!r}") from problem
        if not sound.is_file():
            raise BadInput(f"flite with voice {voice!r} does not say {text!r}")
        waveform = read_wave(sound)
    return Utterance(waveform, parse_segments(done.stdout, len(waveform) / SAMPLE_RATE))


def parse_segments(printed: str, duration_s: float) -> tuple[Phone, ...]:
    """Phones from what `flite -psdur` prints, `name:end_in_seconds` each, fitted to the sound.

    The last phone is stretched or cut to the end of the sound: the voices drop or add a few
    milliseconds of silence there.

    Raises:
        BadInput: the text is not of that form.
    """
    phones: list[Phone] = []
    start = 0.0
    for item in printed.split():
        name, _, end_text = item.rpartition(":")
        try:
            end = min(float(end_text), duration_s)
        except ValueError:
            raise BadInput(f"{item!r} is not a phone with its end time") from None
        if end > start:
            phones.append(Phone(name.lower(), start, end))
            start = end
    if not phones:
        raise BadInput("flite printed no phones")
    if phones[-1].name == SILENCE:
        phones[-1] = phones[-1]._replace(end_s=duration_s)
    elif start < duration_s:
        phones.append(Phone(SILENCE, start, duration_s))
    return tuple(phones)


def read_wave(path: Path) -> NDArray[np.float32]:
    """A 16-bit mono wave file as float32 at 16 kHz, in [-1, 1]."""
    with wave.open(str(path)) as file:
        rate = file.getframerate()
        raw = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    waveform = np.asarray(raw / 32768, dtype=np.float32)
    if rate == SAMPLE_RATE:
        return waveform
    resampled = soxr.resample(waveform, rate, SAMPLE_RATE, quality="HQ")
    return np.asarray(resampled, dtype=np.float32)

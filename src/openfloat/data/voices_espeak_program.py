"""A program of its own that lets libespeak-ng speak and prints when each phoneme starts.

It is started by `voices_espeak`, never imported: the library keeps a random state from one
utterance to the next, so only a fresh process speaks the same samples every time, and the library's
licence (GPL-3.0-or-later) stays outside of ours. It needs nothing but Python.

    python -I voices_espeak_program.py LIBRARY VOICE WORDS_A_MINUTE PITCH RANGE OUT.wav < text

prints one `sample phoneme` line per phoneme, in eSpeak NG's own phoneme names.
"""

import ctypes
import sys
import wave
from typing import Any

_SYNCHRONOUS = 2
_PHONEME_EVENTS = 1
_EVENT_PHONEME = 7
_UTF8 = 1
_RATE, _PITCH, _RANGE = 1, 3, 4


class _Name(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int), ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int), ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int), ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p), ("id", _Name),
    )  # fmt: skip


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


def main(arguments: list[str]) -> int:
    """Speak standard input; 1 when the library or the voice is not there."""
    library_name, voice, words_a_minute, pitch, pitch_range, out = arguments
    library = ctypes.CDLL(library_name)
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, None, _PHONEME_EVENTS)
    if rate <= 0 or library.espeak_SetVoiceByName(ctypes.c_char_p(voice.encode())) != 0:
        return 1
    library.espeak_SetParameter(_RATE, int(words_a_minute), 0)
    library.espeak_SetParameter(_PITCH, int(pitch), 0)
    library.espeak_SetParameter(_RANGE, int(pitch_range), 0)
    samples, phonemes = _speak(library, sys.stdin.buffer.read())
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples)
    sys.stdout.write("".join(f"{sample} {name}\n" for sample, name in phonemes))
    return 0


def _speak(library: ctypes.CDLL, text: bytes) -> tuple[bytes, list[tuple[int, str]]]:
    pieces: list[bytes] = []
    phonemes: list[tuple[int, str]] = []

    def collect(samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            pieces.append(ctypes.string_at(samples, 2 * count))
        position = 0
        while events[position].type:
            event = events[position]
            if event.type == _EVENT_PHONEME:
                phonemes.append((event.sample, event.id.string.decode("utf-8", "replace")))
            position += 1
        return 0

    callback = _Callback(collect)
    library.espeak_SetSynthCallback(callback)
    size = ctypes.c_size_t(len(text) + 1)
    library.espeak_Synth(ctypes.c_char_p(text), size, 0, 1, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    return b"".join(pieces), phonemes


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

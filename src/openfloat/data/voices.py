"""Spoken sounds with the times of their phones, and how to cut and join them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openfloat.config import SAMPLE_RATE

SILENCE = "pau"


class Phone(NamedTuple):
    """One speech sound and when it is heard."""

    name: str
    """ARPAbet in lower case without stress (`aa` ... `zh`, also `ax`), or `pau` for silence."""
    start_s: float
    end_s: float


class Utterance(NamedTuple):
    """Sound and its phones."""

    waveform: NDArray[np.float32]
    """(s,) mono 16 kHz, in [-1, 1]."""
    phones: tuple[Phone, ...]
    """In order and without gaps, from 0 to the end of the sound."""

    @property
    def duration_s(self) -> float:
        """Length of the sound in seconds."""
        return len(self.waveform) / SAMPLE_RATE


def trim(utterance: Utterance, *, lead_s: float = 0.02, tail_s: float = 0.1) -> Utterance:
    """Cut the silence at both ends down to what the first breath and the last echo need."""
    spoken = [phone for phone in utterance.phones if phone.name != SILENCE]
    if not spoken:
        return utterance
    start = max(0.0, spoken[0].start_s - lead_s)
    end = min(utterance.duration_s, spoken[-1].end_s + tail_s)
    return cut(utterance, start, end)


def cut(utterance: Utterance, start_s: float, end_s: float) -> Utterance:
    """The part between two times; phones are cut at its edges."""
    first, last = round(start_s * SAMPLE_RATE), round(end_s * SAMPLE_RATE)
    waveform = utterance.waveform[first:last]
    offset, length = first / SAMPLE_RATE, len(waveform) / SAMPLE_RATE
    phones = tuple(
        Phone(name, max(0.0, start - offset), min(length, end - offset))
        for name, start, end in utterance.phones
        if min(length, end - offset) > max(0.0, start - offset)
    )
    return Utterance(waveform, phones)


def join(utterances: Sequence[Utterance]) -> Utterance:
    """One after the other."""
    phones: list[Phone] = []
    samples = 0
    for part in utterances:
        offset = samples / SAMPLE_RATE
        phones += [Phone(name, start + offset, end + offset) for name, start, end in part.phones]
        samples += len(part.waveform)
    return Utterance(np.concatenate([part.waveform for part in utterances]), tuple(phones))


def silence(duration_s: float) -> Utterance:
    """Nothing, for a while."""
    samples = round(duration_s * SAMPLE_RATE)
    phones = (Phone(SILENCE, 0.0, samples / SAMPLE_RATE),)
    return Utterance(np.zeros(samples, np.float32), phones)

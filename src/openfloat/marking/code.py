"""The watermark's alphabet: which cell of a frame changes how, and what that means.

All of it follows from one published key, so that anybody can look for the mark.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int64
from numpy import ndarray

KEY = b"openfloat watermark 1"
CELLS = 32
"""Cells along the shorter side of a frame, whatever its size; the code repeats along the longer."""
PERIOD_S = 0.64
"""A cell grows brighter and darker once in this time: 16 frames at 25 a second."""
SYMBOLS, ALPHABET = 3, 64
"""A payload is three symbols of six bits."""
FORMAT = 1
MODELS = {"openfloat-256": 1, "float-512": 2}
OTHER_MODEL = 63
TAGS = 1024

Signs = Float32[ndarray, "..."]


def tag_of(seed: int) -> int:
    """Ten bits that tell clips of different seeds apart, without telling the seed."""
    return int.from_bytes(hashlib.sha256(b"%d" % seed).digest()[:2], "big") % TAGS


@dataclass(frozen=True, slots=True)
class Payload:
    """What the watermark says: eighteen bits.

    Attributes:
        format: version of this format, 0 ... 3.
        model: number of the model in `MODELS`, 63 for any other.
        tag: ten bits of the hash of the seed.
    """

    format: int
    model: int
    tag: int

    @classmethod
    def of(cls, model: str, seed: int) -> "Payload":
        """What a model of some name writes with a seed."""
        return cls(FORMAT, MODELS.get(model, OTHER_MODEL), tag_of(seed))

    @classmethod
    def from_symbols(cls, symbols: tuple[int, ...]) -> "Payload":
        """The inverse of `symbols`."""
        first, model, last = symbols
        return cls(first >> 4, model, (first & 15) << 6 | last)

    @property
    def symbols(self) -> tuple[int, int, int]:
        """Three numbers from 0 to 63."""
        return self.format << 4 | self.tag >> 6, self.model, self.tag & 63

    @property
    def model_name(self) -> str:
        """The model's name, or "other"."""
        return {number: name for name, number in MODELS.items()}.get(self.model, "other")


class Codes(NamedTuple):
    """Signs drawn from the key.

    Attributes:
        presence: (32, 32) the same in every clip; found first, tells place and size.
        places: for each symbol the flat indices of its cells.
        words: for each symbol (64, cells) the signs of its values.
    """

    presence: Signs
    places: tuple[Int64[ndarray, " _"], ...]
    words: tuple[Signs, ...]


@cache
def codes() -> Codes:
    """The codes of `KEY`; the same on any machine and with any version of numpy."""
    order = np.argsort(np.frombuffer(_stream(b"order", 8 * CELLS**2), ">u8"), kind="stable")
    places = tuple(np.sort(order[start::SYMBOLS]) for start in range(SYMBOLS))
    words = tuple(
        _signs(b"word %d" % number, ALPHABET * len(cells)).reshape(ALPHABET, len(cells))
        for number, cells in enumerate(places)
    )
    return Codes(_signs(b"presence", CELLS**2).reshape(CELLS, CELLS), places, words)


def payload_signs(payload: Payload) -> Signs:
    """(32, 32) the signs that say a payload."""
    signs = np.empty(CELLS**2, np.float32)
    for cells, words, symbol in zip(codes().places, codes().words, payload.symbols, strict=True):
        signs[cells] = words[symbol]
    return signs.reshape(CELLS, CELLS)


def _stream(purpose: bytes, num_bytes: int) -> bytes:
    return hashlib.shake_256(KEY + b"/" + purpose).digest(num_bytes)


def _signs(purpose: bytes, count: int) -> Signs:
    bits = np.unpackbits(np.frombuffer(_stream(purpose, -(-count // 8)), np.uint8))[:count]
    return 2 * bits.astype(np.float32) - 1

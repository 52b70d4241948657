"""Find the watermark's code in what breathes in a video, at any place and size.

The score of a try (a place, a size, a phase, mirrored or not) is `z = sum(sign * y) / norm(y)` over
the 1,024 cells. The signs were drawn at random, independently of all videos, so that Hoeffding's
inequality bounds how often a video without the mark scores high, whatever it shows:
`P(z > x) <= exp(-x^2 / 2)` for each try. The p-value is that bound times the number of tries. Half
of what may go wrong is given to the few tries for a video that was neither cropped nor padded.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Complex128, Float64
from numpy import ndarray
from PIL import Image

from openfloat.marking.code import ALPHABET, CELLS, Payload, codes
from openfloat.marking.lockin import PER_CELL, SIDE, Beats, Places

ALPHA = 1e-6
"""How often a video without the mark may be taken for a marked one, at most."""
PHASES = 4
"""Directions of the complex plane, each with both signs."""
SCALES = tuple(0.5 * 1.02**step for step in range(47))
"""Share of the original's shorter side that is seen: 0.5 to 1.24 (padded)."""
FINER = (-0.0075, -0.005, -0.0025, 0.0025, 0.005, 0.0075)
"""Looked at around the best share."""
NEAR = 1
"""Quarters of a cell by which a video that was not cropped may be off."""
ALIGNED_TRIES = (2 * NEAR + 1) ** 2 * 2 * PHASES
ALL_TRIES = 2 * (len(SCALES) + len(FINER)) * SIDE**2 * 2 * PHASES
CLEAR = 1.5
"""By how many standard deviations a symbol must beat the next to be believed."""

Map = Float64[ndarray, "128 128"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The best try.

    Attributes:
        score: standard deviations above what chance gives.
        p_value: how often a video without the mark scores as high, at most.
        scale: share of the original's shorter side that is seen.
        mirrored: left and right are exchanged.
        payload: what the mark says, where that can be read.
        guess: what it says most likely, however unlikely that is.
    """

    score: float
    p_value: float
    scale: float
    mirrored: bool
    payload: Payload | None
    guess: Payload

    @property
    def found(self) -> bool:
        """Whether the mark is there, but for one video in a million."""
        return self.p_value < ALPHA


@dataclass(frozen=True, slots=True)
class _Try:
    score: float
    cells: Complex128[ndarray, "32 32"]
    scale: float = 1.0
    mirrored: bool = False

    def p_value(self, tries: int) -> float:
        return min(1.0, 2 * tries * math.exp(-(self.score**2) / 2))


def find(beats: Beats) -> Finding:
    """Look for the mark; the search over places and sizes is left out where it need not be."""
    best = _best(beats.places, near=True)
    p_value = best.p_value(ALIGNED_TRIES)
    if p_value >= ALPHA:
        anywhere = _search(beats.places)
        if anywhere.p_value(ALL_TRIES) < p_value:
            best, p_value = anywhere, anywhere.p_value(ALL_TRIES)
    guess, clear = _read(best.cells)
    payload = guess if clear and p_value < ALPHA else None
    return Finding(best.score, p_value, best.scale, best.mirrored, payload, guess)


def _search(places: Places) -> _Try:
    """The best of all sizes, mirrored or not."""
    seen = (places, places[:, ::-1])
    best = max(
        (_best(seen[m], scale, mirrored=bool(m)) for m in (0, 1) for scale in SCALES),
        key=lambda tried: tried.score,
    )
    finer = (
        _best(seen[best.mirrored], best.scale * (1 + step), mirrored=best.mirrored)
        for step in FINER
    )
    return max(best, *finer, key=lambda tried: tried.score)


def _best(
    places: Places, scale: float = 1.0, *, mirrored: bool = False, near: bool = False
) -> _Try:
    """The best place and phase at one size.

    Args:
        places: as in `Beats`.
        scale: share of the original's shorter side that they show.
        mirrored: only noted.
        near: only places where a video that was not cropped can have it.
    """
    matched, scores = scores_of(places, scale)
    if near:
        scores = _only_near(scores)
    place = int(scores.argmax()) % SIDE**2
    top, left = divmod(place, SIDE)
    at = slice(top % PER_CELL, None, PER_CELL), slice(left % PER_CELL, None, PER_CELL)
    shift = -(top // PER_CELL), -(left // PER_CELL)
    return _Try(float(scores.max()), np.roll(matched[at], shift, axis=(0, 1)), scale, mirrored)


def scores_of(
    places: Places, scale: float = 1.0
) -> tuple[Complex128[ndarray, "128 128"], Float64[ndarray, "4 128 128"]]:
    """Every try at one size.

    Returns:
        Places filtered for cells; and the absolute score of each phase and place.
    """
    kernel, code = _spectra()
    parts = [np.fft.irfft2(np.fft.rfft2(_folded(p, scale)) * kernel) for p in _parts(places)]
    real, imaginary = parts
    sums = [np.fft.irfft2(np.fft.rfft2(part) * code) for part in parts]
    rr, ii, ri = _norms(real * real), _norms(imaginary * imaginary), _norms(real * imaginary)
    scores = np.empty((PHASES, SIDE, SIDE))
    for phase in range(PHASES):
        c, s = math.cos(math.pi * phase / PHASES), math.sin(math.pi * phase / PHASES)
        norm = np.sqrt(np.maximum(c * c * rr + s * s * ii + 2 * c * s * ri, 1e-12))
        scores[phase] = np.abs(c * sums[0] + s * sums[1]) / norm
    return real + 1j * imaginary, scores


def _read(cells: Complex128[ndarray, "32 32"]) -> tuple[Payload, bool]:
    """The likeliest payload of cells in their places, and whether all of its symbols are clear."""
    towards = np.vdot(codes().presence, cells)
    sine = -(cells * towards.conjugate()).imag.ravel()
    symbols, clear = [], True
    for places, words in zip(codes().places, codes().words, strict=True):
        heard = sine[places]
        scores = words @ heard / max(float(np.linalg.norm(heard)), 1e-12)
        order = scores.argsort()
        clear &= bool(scores[order[ALPHABET - 1]] - scores[order[ALPHABET - 2]] >= CLEAR)
        symbols.append(int(order[-1]))
    return Payload.from_symbols(tuple(symbols)), clear


def _parts(places: Places) -> tuple[Float64[ndarray, "r c"], Float64[ndarray, "r c"]]:
    return places.real.astype(np.float64), places.imag.astype(np.float64)


def _folded(part: Float64[ndarray, "r c"], scale: float) -> Map:
    """Resized so that a cell has four places, and all repetitions of the code added up."""
    if scale != 1.0:
        rows, columns = (max(round(side * scale), 1) for side in part.shape)
        small = Image.fromarray(part.astype(np.float32)).resize((columns, rows), _CUBIC)
        part = np.asarray(small, dtype=np.float64)
    rows, columns = part.shape
    down, across = -(-rows // SIDE), -(-columns // SIDE)
    whole = np.zeros((down * SIDE, across * SIDE))
    whole[:rows, :columns] = part
    folded: Map = whole.reshape(down, SIDE, across, SIDE).sum(axis=(0, 2))
    return folded


_CUBIC = Image.Resampling.BICUBIC


def _norms(squares: Map) -> Map:
    """For each place the sum over the cells of a code that begins there."""
    sums = squares.reshape(CELLS, PER_CELL, CELLS, PER_CELL).sum(axis=(0, 2))
    return np.tile(sums, (CELLS, CELLS))


def _only_near(scores: Float64[ndarray, "4 128 128"]) -> Float64[ndarray, "4 128 128"]:
    kept = np.zeros_like(scores)
    near = np.arange(-NEAR, NEAR + 1)
    kept[:, near[:, None], near] = scores[:, near[:, None], near]
    return kept


@cache
def _spectra() -> tuple[Complex128[ndarray, "128 65"], Complex128[ndarray, "128 65"]]:
    """Conjugate spectra of one cell, as the embedder enlarges it, and of the code."""
    one = np.zeros((5, 5), np.float32)
    one[2, 2] = 1
    cell = Image.fromarray(one).resize((5 * PER_CELL, 5 * PER_CELL), _CUBIC)
    shape = np.zeros((SIDE, SIDE))
    shape[: 5 * PER_CELL, : 5 * PER_CELL] = np.asarray(cell)
    shape = np.roll(shape, (-2 * PER_CELL, -2 * PER_CELL), axis=(0, 1))
    code = np.zeros((SIDE, SIDE))
    code[::PER_CELL, ::PER_CELL] = codes().presence
    return np.fft.rfft2(shape).conj(), np.fft.rfft2(code).conj()

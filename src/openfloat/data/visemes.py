"""Phones to lips: targets of six mouth controls, co-articulation, and closures that really close.

Each phone pulls every control towards a target with a strength of its own; the pulls of neighbours
are blended by smoothing targets times strength and strength alike, which is Cohen and Massaro's
dominance model (1993) with Gaussian dominance. Sounds that need a contact (p b m: both lips;
f v: lower lip to upper teeth) are then imposed, because a blend would leave them half open.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from openfloat.config import FPS
from openfloat.data.voices import SILENCE, Phone
from openfloat.errors import BadInput

Curve = NDArray[np.float64]

MOUTH = ("jaw_open", "lips_round", "lips_wide", "upper_lip_up", "lower_lip_down", "lips_pressed")
JAW, ROUND, WIDE, UPPER, LOWER, PRESSED = range(6)
FINE_HZ = 200
"""Rate at which the curves are made; a frame's centre is one of its moments."""

ANTICIPATION_S = 0.08
"""Lips leave their rest so long before the first sound after a pause."""
LINGER_S = 0.05
"""And return to it so long after the last."""
SHORTEST_CLOSURE_S, LONGEST_CLOSURE_S = 0.05, 0.12
"""A closure is longer than a video frame, so that at least one frame shows it."""
RAMP_S = 0.04
"""Time to close and to open again."""
_SPREAD_S = np.array([0.032, 0.05, 0.042, 0.03, 0.03, 0.02])
"""Standard deviation of the dominance functions, by control.

Rounding spreads widest, so it begins first; a lead on top of that was tried and fitted the lips of
GRID's speaker worse (they came 1.5 frames after curves with a lead of 40 ms).
"""


class Viseme(NamedTuple):
    """What a phone asks of the mouth; physical values of openfloat.data.controls, 0 to 1."""

    jaw: float
    round: float
    wide: float
    upper: float
    lower: float
    pressed: float = 0.0
    jaw_strength: float = 1.0
    corner_strength: float = 0.6
    """How firmly round and wide are held."""
    lip_strength: float = 0.6
    """How firmly the upper and lower lip and the pressing are held."""


_BILABIAL = Viseme(0.02, 0.0, 0.0, 0.0, 0.0, 0.9, 1.3, 0.15, 1.2)
_LABIODENTAL = Viseme(0.06, 0.0, 0.08, 0.24, 0.0, 0.25, 1.3, 0.3, 1.3)
_HISS = Viseme(0.05, 0.0, 0.25, 0.18, 0.28, 0.0, 1.3, 0.5, 0.8)
_HUSH = Viseme(0.08, 0.5, 0.0, 0.20, 0.30, 0.0, 1.3, 0.9, 0.8)
_TONGUE_TIP = Viseme(0.12, 0.0, 0.06, 0.12, 0.18, 0.0, 0.7, 0.2, 0.35)
_TONGUE_BACK = Viseme(0.22, 0.0, 0.0, 0.10, 0.15, 0.0, 0.4, 0.12, 0.2)
_BETWEEN_TEETH = Viseme(0.16, 0.0, 0.08, 0.14, 0.26, 0.0, 0.8, 0.3, 0.6)

VISEMES: dict[str, tuple[Viseme, ...]] = {
    SILENCE: (Viseme(0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 1.0, 0.6, 0.9),),
    "aa": (Viseme(0.60, 0.0, 0.05, 0.16, 0.35),),
    "ae": (Viseme(0.50, 0.0, 0.30, 0.26, 0.40, 0.0, 1.0, 0.8, 0.8),),
    "ah": (Viseme(0.40, 0.0, 0.05, 0.14, 0.25, 0.0, 0.9, 0.4, 0.5),),
    "ao": (Viseme(0.50, 0.45, 0.0, 0.10, 0.25, 0.0, 1.0, 0.9, 0.6),),
    "ax": (Viseme(0.25, 0.0, 0.05, 0.10, 0.16, 0.0, 0.5, 0.25, 0.3),),
    "eh": (Viseme(0.40, 0.0, 0.28, 0.22, 0.32, 0.0, 0.9, 0.7, 0.7),),
    "er": (Viseme(0.25, 0.38, 0.0, 0.12, 0.18, 0.0, 0.8, 0.8, 0.6),),
    "ih": (Viseme(0.25, 0.0, 0.28, 0.16, 0.22, 0.0, 0.7, 0.6, 0.5),),
    "iy": (Viseme(0.17, 0.0, 0.68, 0.22, 0.27, 0.0, 0.9, 1.1, 0.8),),
    "uh": (Viseme(0.26, 0.48, 0.0, 0.06, 0.15, 0.0, 0.8, 0.9, 0.6),),
    "uw": (Viseme(0.20, 0.82, 0.0, 0.02, 0.10, 0.0, 0.9, 1.3, 0.8),),
    "w": (Viseme(0.12, 0.85, 0.0, 0.0, 0.06, 0.0, 0.9, 1.4, 0.9),),
    "y": (Viseme(0.15, 0.0, 0.48, 0.16, 0.20, 0.0, 0.6, 0.7, 0.5),),
    "r": (Viseme(0.18, 0.42, 0.0, 0.10, 0.16, 0.0, 0.5, 0.8, 0.5),),
    "l": (Viseme(0.28, 0.0, 0.08, 0.12, 0.18, 0.0, 0.5, 0.25, 0.35),),
    "hh": (Viseme(0.26, 0.0, 0.0, 0.06, 0.12, 0.0, 0.2, 0.1, 0.15),),
    **dict.fromkeys(("p", "b", "m"), (_BILABIAL,)),
    **dict.fromkeys(("f", "v"), (_LABIODENTAL,)),
    **dict.fromkeys(("s", "z"), (_HISS,)),
    **dict.fromkeys(("sh", "zh", "ch", "jh"), (_HUSH,)),
    **dict.fromkeys(("t", "d", "n"), (_TONGUE_TIP,)),
    **dict.fromkeys(("k", "g", "ng"), (_TONGUE_BACK,)),
    **dict.fromkeys(("th", "dh"), (_BETWEEN_TEETH,)),
}
"""By ARPAbet phone; a diphthong has two in a row."""
for _glide, (_first, _second) in {
    "aw": ("aa", "uw"), "ay": ("aa", "ih"), "ey": ("eh", "iy"), "ow": ("ao", "uw"),
    "oy": ("ao", "ih"),
}.items():  # fmt: skip
    VISEMES[_glide] = VISEMES[_first] + VISEMES[_second]

VOWELS = frozenset(
    ("aa", "ae", "ah", "ao", "aw", "ax", "ay", "eh", "er", "ey", "ih", "iy", "ow", "oy", "uh", "uw")
)
_RELEASE = {"p": 0.7, "b": 0.85, "m": 1.0, "f": 1.0, "v": 1.0}
"""Share of the phone after which the contact opens; a stop's sound goes on after its burst."""


class Mouth(NamedTuple):
    """The mouth at `FINE_HZ`, or after `at_frames` at the video's rate."""

    opening: Curve
    """(n, 6) values of `MOUTH` before contacts, 0 to 1."""
    closed: Curve
    """(n,) 0 no contact ... 1 both lips together (p b m)."""
    bitten: Curve
    """(n,) 0 no contact ... 1 lower lip at the upper teeth (f v)."""


def mouth_curves(phones: Sequence[Phone], duration_s: float) -> Mouth:
    """Blend the phones' targets; amounts are those of a middling speaker.

    Args:
        phones: in order, without gaps.
        duration_s: how much to cover; what lies after the last phone is silence.

    Raises:
        BadInput: a phone is none of `VISEMES`.
    """
    if unknown := sorted({phone.name for phone in phones} - VISEMES.keys()):
        raise BadInput(f"no mouth shape is known for the phone {unknown[0]!r}")
    points = fine_points(duration_s)
    opening = _blend(_visible_intervals(phones), points)
    return Mouth(
        opening,
        closed=_contacts(phones, points, ("p", "b", "m")),
        bitten=_contacts(phones, points, ("f", "v")),
    )


def with_contacts(mouth: Mouth) -> Curve:
    """(n, 6) values of `MOUTH` with the contacts imposed."""
    values = mouth.opening.copy()
    closed, bitten = mouth.closed, mouth.bitten
    for control, shut, biting in ((JAW, 0.02, 0.08), (UPPER, 0.0, 0.22), (LOWER, 0.0, 0.02)):
        values[:, control] += bitten * (biting - values[:, control])
        values[:, control] += closed * (shut - values[:, control])
    values[:, PRESSED] = np.maximum(values[:, PRESSED], 0.9 * closed)
    values[:, WIDE] *= 1 - 0.5 * closed
    return np.clip(values, 0, 1)


def at_frames(curve: Curve, frames: int) -> Curve:
    """Values at the centres of video frames: frame i covers samples 640 i to 640 (i + 1).

    Args:
        curve: (n, ...) whose moment j is at (j + 0.5) / FINE_HZ seconds.
        frames: how many; needs n >= 8 frames.
    """
    # With 8 moments to a frame its centre lies between moments 3 and 4.
    step = FINE_HZ // FPS
    first = np.arange(frames) * step + step // 2
    return (curve[first - 1] + curve[first]) / 2


def fine_points(duration_s: float) -> int:
    """Moments at `FINE_HZ` that cover whole frames for a duration."""
    return int(np.ceil(round(duration_s * FPS, 6))) * (FINE_HZ // FPS)


def _visible_intervals(phones: Sequence[Phone]) -> list[Phone]:
    """Borders as the eye sees them: speech starts before it is heard and ends after."""
    moved = list(phones)
    for number, (before, after) in enumerate(itertools.pairwise(phones)):
        border = before.end_s
        if before.name == SILENCE and after.name != SILENCE:
            border -= min(ANTICIPATION_S, 0.5 * (before.end_s - before.start_s))
        elif after.name == SILENCE and before.name != SILENCE:
            border += min(LINGER_S, 0.3 * (after.end_s - after.start_s))
        moved[number] = moved[number]._replace(end_s=border)
        moved[number + 1] = moved[number + 1]._replace(start_s=border)
    return moved


def _blend(phones: Sequence[Phone], points: int) -> Curve:
    """Weighted means of targets under Gaussian dominance, (points, 6)."""
    rest = VISEMES[SILENCE][0]
    targets = np.tile(np.array(rest[:6]), (points, 1))
    strengths = np.tile(_strengths(rest), (points, 1))
    for phone in phones:
        parts = VISEMES[phone.name]
        edges = np.linspace(phone.start_s, phone.end_s, len(parts) + 1)
        for viseme, (start, end) in zip(parts, itertools.pairwise(edges), strict=True):
            span = slice(round(start * FINE_HZ), round(end * FINE_HZ))
            targets[span] = viseme[:6]
            strengths[span] = _strengths(viseme)
    blended = np.empty_like(targets)
    for control in range(len(MOUTH)):
        sigma = _SPREAD_S[control] * FINE_HZ
        pull = ndimage.gaussian_filter1d(
            targets[:, control] * strengths[:, control], sigma, mode="nearest"
        )
        weight = ndimage.gaussian_filter1d(strengths[:, control], sigma, mode="nearest")
        blended[:, control] = pull / weight
    return blended


def _strengths(viseme: Viseme) -> Curve:
    jaw, corner, lip = viseme[6:]
    return np.array([jaw, corner, corner, lip, lip, lip])


def _contacts(phones: Sequence[Phone], points: int, names: tuple[str, ...]) -> Curve:
    """1 while a contact of these phones is held, with raised-cosine ramps beside it."""
    time = (np.arange(points) + 0.5) / FINE_HZ
    contact = np.zeros(points)
    for phone in phones:
        if phone.name in names:
            start, end = held_interval(phone)
            distance = np.maximum(np.maximum(start - time, time - end), 0) / RAMP_S
            ramp = 0.5 + 0.5 * np.cos(np.pi * np.minimum(distance, 1))
            contact = np.maximum(contact, ramp)
    return contact


def held_interval(phone: Phone) -> tuple[float, float]:
    """When the contact of p b m f v is complete, in seconds: 50 to 120 ms up to its release.

    A shorter phone closes before it is heard.
    """
    length = phone.end_s - phone.start_s
    release = phone.start_s + _RELEASE[phone.name] * length
    start = max(phone.start_s, release - LONGEST_CLOSURE_S)
    return min(start, release - SHORTEST_CLOSURE_S), release

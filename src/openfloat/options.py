"""How a clip is drawn: frozen values, free of torch so that `--help` is quick."""

import bisect
import functools
import itertools
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal, get_args

from tyro.conf import OmitArgPrefixes

from openfloat.config import CONTROLS
from openfloat.mood import Mood

SolverName = Literal["euler", "midpoint", "heun", "rk4", "ab2"]
RegionName = Literal["all", "face", "head", "lips", "eyes", "exp", "pose", "lip"]
MOST_POINTS = 20_000
"""Of one curve."""
MOST_BLINKS = 60
BackgroundName = Literal["photo", "green", "transparent"]
Precision = Literal["float32", "bfloat16", "float16", "int8"]
FillName = Literal["edge", "reflect", "black"]
Ranges = dict[str, tuple[float, float]]
"""What numbers may be, lowest and highest, by field; forms make sliders of them."""


def _check_ranges(options: object, ranges: Ranges) -> None:
    """A ValueError that names the first number outside of its range."""
    for name, (low, high) in ranges.items():
        value = getattr(options, name)
        if value is not None and not low <= value <= high:
            raise ValueError(f"{name}={value:g} is not between {low} and {high}")


EDITS: Ranges = {
    "head": (0, 3), "mouth": (0, 3), "yaw": (-30, 30), "pitch": (-25, 25), "roll": (-30, 30),
    "smile": (-1, 1), "brows": (-1, 1), "gaze_x": (-1, 1), "gaze_y": (-1, 1),
}  # fmt: skip
"""What can be asked for by name, and over time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MotionEdit:
    """What is changed about motion that was drawn, where the model's controls have names."""

    ranges: ClassVar[Ranges] = EDITS

    head: float = 1.0
    """How much the head moves: 0 holds still, 1 as drawn, 2 twice as far."""
    mouth: float = 1.0
    """How much the lips move: 0 to 3."""
    yaw: float = 0.0
    """Degrees added, positive towards the right of the picture."""
    pitch: float = 0.0
    """Degrees added, positive looks up."""
    roll: float = 0.0
    """Degrees added, positive turns clockwise."""
    smile: float = 0.0
    """Added: 1 a broad smile, -1 corners down."""
    brows: float = 0.0
    """Added: 1 raised, -1 frowning."""
    gaze_x: float | None = None
    """Where the eyes look instead of wandering: -1 left to 1 right of the picture."""
    gaze_y: float | None = None
    """-1 up to 1 down."""
    region: RegionName = "all"
    """What moves at all: lips, eyes, face (everything but the head), head, all. LivePortrait's
    words lip, exp and pose mean lips, face and head."""
    curve: tuple[str, ...] = ()
    """Options above that change over the clip, as NAME=SECONDS:VALUE,SECONDS:VALUE, for example
    yaw=0:-10,2:10; straight lines in between, the ends are held."""
    edit: tuple[str, ...] = ()
    """Raw coefficients added, as NUMBER:AMOUNT, for example 6:+1.5."""

    def __post_init__(self) -> None:
        _check_ranges(self, self.ranges)
        if self.region not in get_args(RegionName):
            known = ", ".join(get_args(RegionName))
            raise ValueError(f"region={self.region[:40]!r} is none of {known}")
        _ = self.directions, self.curves

    @property
    def directions(self) -> tuple[tuple[int, float], ...]:
        """The raw edits as numbers of directions and amounts; a ValueError for any other form."""
        found = []
        for text in self.edit:
            match = re.fullmatch(r"([0-9]{1,4}):([+-]?[0-9]{1,4}(?:\.[0-9]{1,9})?)", text)
            if match is None or int(match[1]) >= len(CONTROLS) or abs(float(match[2])) > 20:
                raise ValueError(
                    f"edit={text[:40]!r} is not NUMBER:AMOUNT, 0 to {len(CONTROLS) - 1} and at "
                    "most 20"
                )
            found.append((int(match[1]), float(match[2])))
        return tuple(found)

    @property
    def curves(self) -> tuple["Curve", ...]:
        """The curves as numbers; a ValueError for any other form."""
        found = tuple(Curve.parse(text) for text in self.curve)
        if len({one.name for one in found}) < len(found):
            raise ValueError("curve: two of them are of the same option")
        return found

    def at(self, time_s: float) -> "MotionEdit":
        """What is asked for at one moment, seconds from the clip's first frame."""
        if not self.curve:
            return self
        values = {one.name: one.value(time_s) for one in _curves_of(self)}
        return replace(self, curve=(), **values)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Curve:
    """One option over time."""

    name: str
    times_s: tuple[float, ...]
    """Rising."""
    values: tuple[float, ...]

    @classmethod
    def parse(cls, text: str) -> "Curve":
        """Read NAME=SECONDS:VALUE,SECONDS:VALUE; a ValueError for any other form."""
        name, _, points = text.partition("=")
        name = name.replace("-", "_")
        number = r"[+-]?\d+(?:\.\d+)?"
        if name not in EDITS or not re.fullmatch(
            rf"{number}:{number}(?:,{number}:{number})*", points
        ):
            raise ValueError(
                f"curve={text[:60]!r} is not NAME=SECONDS:VALUE,SECONDS:VALUE with one of "
                f"{', '.join(EDITS)}"
            )
        pairs = [point.split(":") for point in points.split(",")]
        return cls.of(name, [float(t) for t, _ in pairs], [float(v) for _, v in pairs])

    @classmethod
    def of(cls, name: str, times_s: list[float], values: list[float]) -> "Curve":
        """Checked; a ValueError where times do not rise or values are out of range."""
        low, high = EDITS[name]
        if len(times_s) > MOST_POINTS:
            raise ValueError(f"curve: {name} has more than {MOST_POINTS} points")
        if any(later <= sooner for sooner, later in itertools.pairwise(times_s)):
            raise ValueError(f"curve: the times of {name} do not rise")
        if bad := [value for value in values if not low <= value <= high]:
            raise ValueError(f"curve: {name}={bad[0]:g} is not between {low:g} and {high:g}")
        return cls(name, tuple(times_s), tuple(values))

    def value(self, time_s: float) -> float:
        """On the straight line between the points around a moment."""
        after = bisect.bisect_right(self.times_s, time_s)
        if after == 0:
            return self.values[0]
        if after == len(self.times_s):
            return self.values[-1]
        start, end = self.times_s[after - 1], self.times_s[after]
        share = (time_s - start) / (end - start)
        return self.values[after - 1] + share * (self.values[after] - self.values[after - 1])

    def text(self) -> str:
        """The form that `parse` reads."""
        points = zip(self.times_s, self.values, strict=True)
        return f"{self.name}=" + ",".join(f"{t:.6f}:{v:.6f}" for t, v in points)


@functools.lru_cache(maxsize=16)
def _curves_of(edit: MotionEdit) -> tuple[Curve, ...]:
    return edit.curves


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleOptions:
    """How motion is drawn."""

    ranges: ClassVar[Ranges] = {
        "audio_scale": (0, 20), "emotion_scale": (0, 20), "pose_scale": (0, 20), "steady": (0, 20),
        "emotion_window": (0, 30),
        "hush": (0, 1),
    }  # fmt: skip

    seed: int = 15
    """Fixes the result on any device and any batch size."""
    nfe: int = 10
    """Evaluations of the vector field per window."""
    solver: SolverName = "euler"
    """Integration method; midpoint and heun use 2 evaluations a step, rk4 uses 4, ab2 uses 1 and
    remembers the one before."""
    audio_scale: float = 2.0
    """Guidance towards the speech; 1 is none, larger moves the lips more."""
    emotion_scale: float = 1.0
    """Guidance towards the emotion; 0 ignores it, larger exaggerates it."""
    pose_scale: float = 2.0
    """Guidance towards the head pose, where one is given; 0 ignores it, 1 turns only part of the
    way."""
    guidance_interval: tuple[float, float] = (0.0, 1.0)
    """Flow times, from noise at 0 to motion at 1, between which the scales count; elsewhere
    all are 1, at a third of the cost."""
    emotion: str = "auto"
    """Expression to show: auto (as the voice sounds), photo (as the photo looks: happy,
    surprised or neutral), angry, disgust, fear, happy, neutral, sad, surprise; a mixture
    (happy:0.7,surprise:0.3); or a schedule (0-2.5:neutral,2.5-:happy)."""
    emotion_window: float = 0.0
    """Seconds of voice, at least 1, around each moment by which auto judges it, once a second; 0
    judges once for the whole clip, by its first half minute."""
    blink: str = "natural"
    """Lids, where the model's controls have names: natural blinks at the rate of people, a number
    blinks so often a minute, off keeps the portrait's lids, drawn leaves them to the model."""
    steady: float = 1.5
    """Frames (standard deviation) over which head and slow expression are smoothed, where the
    model's controls have names; 0 leaves them as drawn."""
    hush: float = 1.0
    """How far the lips rest where nothing is heard, where the model's controls have names: 0 leaves
    them as drawn."""
    edit: OmitArgPrefixes[MotionEdit] = MotionEdit()

    def __post_init__(self) -> None:
        stages = {"euler": 1, "midpoint": 2, "heun": 2, "rk4": 4, "ab2": 1}
        if self.solver not in stages:
            raise ValueError(f"solver={self.solver[:40]!r} is none of {', '.join(stages)}")
        if self.nfe < 1 or self.nfe % stages[self.solver]:
            raise ValueError(
                f"nfe={self.nfe} is not a positive multiple of {stages[self.solver]}, "
                f"the evaluations of one {self.solver} step"
            )
        Mood.parse(self.emotion)
        if self.blink not in ("natural", "off", "drawn") and not (
            re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,9})?", self.blink)
            and float(self.blink) <= MOST_BLINKS
        ):
            raise ValueError(
                f"blink={self.blink[:40]!r} is none of natural, off, drawn, or a number of blinks "
                f"a minute up to {MOST_BLINKS}"
            )
        _check_ranges(self, self.ranges)
        if 0 < self.emotion_window < 1:
            raise ValueError(f"emotion_window={self.emotion_window:g} is neither 0 nor at least 1")
        first, last = self.guidance_interval
        if not 0 <= first < last <= 1:
            raise ValueError(
                f"guidance_interval={self.guidance_interval} is not two rising times from 0 to 1"
            )
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed={self.seed} is not between 0 and 2^63 - 1")

    @property
    def lids(self) -> str:
        """`blink`, or off where the region leaves out the eyes."""
        return self.blink if self.edit.region in ("all", "face", "exp", "eyes") else "off"


@dataclass(frozen=True, kw_only=True, slots=True)
class CropOptions:
    """How the face is cut out of the portrait."""

    ranges: ClassVar[Ranges] = {"margin": (0.5, 5)}

    crop: bool = True
    """Off: the whole picture is taken as the crop (squared and resized)."""
    margin: float = 1.6
    """Half side of the crop as a multiple of the face box's longer half side."""
    face: int | None = None
    """Which face, counted from the left from 0; none: the largest."""
    fill: FillName = "edge"
    """What stands where the crop leaves the picture: edge colours, a reflection, or black."""
    upright: bool = True
    """A head that is tilted by more than 10 degrees is turned upright before it is animated, and
    back where the whole photo is shown; not with black fill, the released program's way."""

    def __post_init__(self) -> None:
        _check_ranges(self, self.ranges)
        if self.face is not None and self.face < 0:
            raise ValueError(f"face={self.face} is negative")


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkOptions:
    """How the video says that it is generated."""

    mark: bool = True
    """Metadata, and a watermark that nobody sees; `openfloat detect` finds both."""
    label: bool = False
    """A small visible notice, "AI-generated", in a corner."""
    consent: Path | None = None
    """Text file in which the person shown agrees; its words and hash go into the video."""
    c2pa_cert: Path | None = None
    """Certificate chain (PEM) to sign a C2PA manifest with; needs openfloat[provenance]."""
    c2pa_key: Path | None = None
    """Private key (PEM, PKCS#8, P-256) of the certificate."""

    def __post_init__(self) -> None:
        if (self.c2pa_cert is None) != (self.c2pa_key is None):
            raise ValueError("c2pa_cert and c2pa_key go together: one of them is missing")
        if self.consent is not None and not self.mark:
            raise ValueError("mark is off, so there is nothing to bind the consent file to")
        if self.c2pa_cert is not None and not self.mark:
            raise ValueError("mark is off, so there is nothing to sign with c2pa_cert")


@dataclass(frozen=True, kw_only=True)
class DrawOptions:
    """How a face is drawn: all is optional."""

    sample: SampleOptions = SampleOptions()
    """How motion is drawn."""
    crop: CropOptions = CropOptions()
    """How the face is cut out of the portrait."""


@dataclass(frozen=True, kw_only=True)
class VideoOptions(DrawOptions):
    """How a video is drawn: all is optional."""

    paste_back: bool = False
    """Show the whole photo at its own size, up to 4096 pixels a side, instead of the crop."""

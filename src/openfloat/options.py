"""How a clip is drawn: frozen values, free of torch so that `--help` is quick."""

from dataclasses import dataclass
from typing import Literal

from openfloat.mood import Mood

SolverName = Literal["euler", "midpoint", "heun", "rk4", "ab2"]
BlinkName = Literal["natural", "off", "drawn"]
FillName = Literal["edge", "reflect", "black"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleOptions:
    """How motion is drawn."""

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
    guidance_interval: tuple[float, float] = (0.0, 1.0)
    """Flow times, from noise at 0 to motion at 1, between which the two scales count; elsewhere
    both are 1, at a third of the cost."""
    emotion: str = "auto"
    """Expression to show: auto (as the voice sounds), angry, disgust, fear, happy, neutral, sad,
    surprise; a mixture (happy:0.7,surprise:0.3); or a schedule (0-2.5:neutral,2.5-:happy)."""
    blink: BlinkName = "natural"
    """Lids, where the model's controls have names: natural blinks at the rate of people, off keeps
    the portrait's lids, drawn leaves them to the model."""
    steady: float = 1.5
    """Frames (standard deviation) over which head and slow expression are smoothed, where the
    model's controls have names; 0 leaves them as drawn."""

    def __post_init__(self) -> None:
        stages = {"euler": 1, "midpoint": 2, "heun": 2, "rk4": 4, "ab2": 1}
        if self.solver not in stages:
            raise ValueError(f"solver={self.solver!r} is none of {', '.join(stages)}")
        if self.nfe < 1 or self.nfe % stages[self.solver]:
            raise ValueError(
                f"nfe={self.nfe} is not a positive multiple of {stages[self.solver]}, "
                f"the evaluations of one {self.solver} step"
            )
        Mood.parse(self.emotion)
        if self.blink not in ("natural", "off", "drawn"):
            raise ValueError(f"blink={self.blink!r} is none of natural, off, drawn")
        for name in ("audio_scale", "emotion_scale", "steady"):
            if not 0 <= getattr(self, name) <= 20:
                raise ValueError(f"{name}={getattr(self, name)} is not between 0 and 20")
        first, last = self.guidance_interval
        if not 0 <= first < last <= 1:
            raise ValueError(
                f"guidance_interval={self.guidance_interval} is not two rising times from 0 to 1"
            )
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed={self.seed} is not between 0 and 2^63 - 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class CropOptions:
    """How the face is cut out of the portrait."""

    crop: bool = True
    """Off: the whole picture is taken as the crop (squared and resized)."""
    margin: float = 1.6
    """Half side of the crop as a multiple of the face box's longer half side."""
    face: int | None = None
    """Which face, counted from the left from 0; none: the largest."""
    fill: FillName = "edge"
    """What stands where the crop leaves the picture: edge colours, a reflection, or black."""

    def __post_init__(self) -> None:
        if not 0.5 <= self.margin <= 5:
            raise ValueError(f"margin={self.margin} is not between 0.5 and 5")
        if self.face is not None and self.face < 0:
            raise ValueError(f"face={self.face} is negative")

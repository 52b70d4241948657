"""What made clips are like; imports nothing heavy, so that the command line may read it."""

from dataclasses import dataclass

from openfloat.data.manifest import Split

SIZES = (64, 1024)
SHORTEST_S = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class SynthesisOptions:
    """Which clips are made, and how they look."""

    clips: int = 20
    """How many; more of them later continue the same folder."""
    seed: int = 0
    """With it and its number a clip is settled."""
    split: Split = "train"
    """Whose portraits; each split has voices and motion of its own."""
    size: int = 256
    """Height and width in pixels: an even number from 64 to 1024."""
    seconds: float | None = None
    """Cut clips that last longer to their first words; 5 to 12 s without."""
    jitter: bool = True
    """Slowly changing light, tint, blur, sensor noise and compression of varying strength."""

    def __post_init__(self) -> None:
        if self.clips < 1:
            raise ValueError(f"clips={self.clips} is below 1")
        if self.seed < 0:
            raise ValueError(f"seed={self.seed} is below 0")
        if self.size % 2 or not SIZES[0] <= self.size <= SIZES[1]:
            raise ValueError(f"size={self.size} is no even number from {SIZES[0]} to {SIZES[1]}")
        if self.seconds is not None and not self.seconds >= SHORTEST_S:
            raise ValueError(f"seconds={self.seconds} is below {SHORTEST_S}")

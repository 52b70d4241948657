"""What prepared clips are like; imports nothing heavy, so that the command line may read it."""

from dataclasses import dataclass

SIZES = (64, 1024)


@dataclass(frozen=True, kw_only=True, slots=True)
class PrepareOptions:
    """Which clips are kept, and what is written of them."""

    size: int = 256
    """Height and width of the crops in pixels: an even number from 64 to 1024."""
    shortest_s: float = 1.0
    """Shorter clips are left out."""
    longest_s: float = 10.0
    """Longer tracks are cut into equal parts."""
    smallest_face: int = 64
    """Longer side in pixels of the source below which a face is left out."""
    most_offset: int = 5
    """Frames by which lips may be early or late against the voice; videos that are surely off by
    more are left out."""
    least_agreement: float = -1.0
    """Correlation of lips and voice below which a clip with sound is left out; -1 keeps all."""
    need_voice: bool = False
    """Leave out clips without sound; phase 1 needs none."""
    heldout: float = 0.0
    """Share of the speakers, chosen by name, that is for measuring only, where neither folders nor
    a sidecar say it."""
    licence: str = ""
    """Of files that no sidecar knows the licence of."""
    origin: str = ""
    """Where they come from."""
    emotion: str = ""
    """Model whose classifier scores the voice's emotion; empty: no scores."""
    speech: str = ""
    """Model whose encoder's speech features are written too; empty: none."""

    def __post_init__(self) -> None:
        if self.size % 2 or not SIZES[0] <= self.size <= SIZES[1]:
            raise ValueError(f"size={self.size} is no even number from {SIZES[0]} to {SIZES[1]}")
        if not 0.2 <= self.shortest_s <= self.longest_s <= 60:
            raise ValueError(
                f"shortest_s={self.shortest_s} and longest_s={self.longest_s} are not in order "
                "between 0.2 and 60"
            )
        if self.smallest_face < 16:
            raise ValueError(f"smallest_face={self.smallest_face} is below 16")
        if not 0 <= self.most_offset <= 12:
            raise ValueError(f"most_offset={self.most_offset} is not between 0 and 12")
        if not 0 <= self.heldout <= 1:
            raise ValueError(f"heldout={self.heldout} is not between 0 and 1")
        if not -1 <= self.least_agreement <= 1:
            raise ValueError(f"least_agreement={self.least_agreement} is not between -1 and 1")

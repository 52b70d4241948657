"""What to measure: frozen values, free of torch so that `--help` is quick."""

from dataclasses import dataclass
from typing import Literal

from tyro.conf import Positional

from openfloat.options import Precision

Part = Literal["decoder", "field", "stages", "session", "command", "memory", "device"]
PARTS: tuple[Part, ...] = ("decoder", "field", "stages", "session", "command", "memory")


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchOptions:
    """What to measure, on what, how often."""

    parts: Positional[tuple[Part, ...]] = PARTS
    """decoder: float-512's against the released way; field: float-512's vector field against a
    naive one; stages: of one clip; session: first frame of a live session; command: whole animate,
    and the start; memory: a long recording against a short one, most of the pictures of both left
    out; device: float-512 on a GPU."""
    model: str = "openfloat-256"
    """Name or folder of the model for all but the decoder."""
    device: str = "cuda"
    """Of the part `device`; cpu is a dry run with a tiny model."""
    precision: Precision = "bfloat16"
    """Of the part `device`."""
    compile: bool = False
    """Compiled networks (torch.compile) in the parts `stages`, `session` and `device`."""
    sessions: int = 16
    """Live sessions at once in the part `device`."""
    rounds: int = 5
    """Of each measurement; the median and the spread are printed."""
    short: float = 60
    """Seconds of the short recording."""
    long: float = 3600
    """Seconds of the long one."""
    every: int = 40
    """Of the part `memory`: one piece of ten frames in so many is decoded, the others show it
    again; 1 decodes all, which takes about as long as the recording."""

    def __post_init__(self) -> None:
        if not 1 <= self.rounds <= 100:
            raise ValueError(f"rounds={self.rounds} is not between 1 and 100")
        if not 1 <= self.every <= 1000:
            raise ValueError(f"every={self.every} is not between 1 and 1000")
        if not 1 <= self.short <= self.long <= 3600:
            raise ValueError(f"short={self.short:g} and long={self.long:g} are not 1 to 3600 s")

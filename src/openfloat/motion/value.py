"""A clip's motion: coefficients over time, what they are called and what they are relative to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from openfloat.config import FPS
from openfloat.errors import BadInput
from openfloat.shapes import Float, Tensor

LONGEST_HOURS = 4
MOST_FRAMES = LONGEST_HOURS * 3600 * FPS
MOST_CONTROLS = 1024
MOST_LETTERS = 1000
"""Of a name or of the words on the origin."""

Frames = Float[Tensor, "t m"]
Still = Float[Tensor, " m"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Motion:
    """What moves in a clip, at 25 frames per second, whoever it is shown on.

    Attributes:
        coefficients: (t, m) float32 on the CPU, along the directions of a model's basis. Lips of
            named controls rest at zero.
        reference: (m,) float32: the coefficients that stand for a portrait as it is; none: those of
            the first frame.
        controls: names of the m coefficients; empty where the directions have none.
        model: name of the model whose directions they are.
        source: where it came from, in words.
        measured: whether the jaw says how far lips are apart in a video, as the controls define it,
            and not what a decoder is to be told: that differs from portrait to portrait.

    Raises:
        BadInput: a type, shape or size that is not allowed, or a number that is not finite.
    """

    coefficients: Frames
    reference: Still | None = None
    controls: tuple[str, ...] = ()
    model: str = ""
    source: str = ""
    measured: bool = False

    def __post_init__(self) -> None:
        shape = tuple(self.coefficients.shape)
        if (
            len(shape) != 2
            or not 1 <= shape[0] <= MOST_FRAMES
            or not 1 <= shape[1] <= MOST_CONTROLS
        ):
            raise BadInput(
                f"coefficients of shape {shape} are not 1 to {MOST_FRAMES} frames "
                f"of 1 to {MOST_CONTROLS} numbers"
            )
        if self.reference is not None and tuple(self.reference.shape) != shape[1:]:
            raise BadInput(
                f"a reference of shape {tuple(self.reference.shape)} "
                f"for coefficients of shape {shape}"
            )
        for name, tensor in (("coefficients", self.coefficients), ("reference", self.reference)):
            if tensor is None:
                continue
            if tensor.dtype != torch.float32:
                raise BadInput(f"the {name} are {tensor.dtype}, not torch.float32")
            if not torch.isfinite(tensor).all():
                raise BadInput(f"numbers of the {name} are not finite")
        self._check_words()

    def _check_words(self) -> None:
        if self.controls and len(self.controls) != self.num_controls:
            raise BadInput(f"{len(self.controls)} names for {self.num_controls} coefficients")
        if len(set(self.controls)) < len(self.controls):
            raise BadInput("two coefficients have the same name")
        for words in (*self.controls, self.model, self.source):
            if len(words) > MOST_LETTERS or not all(c.isprintable() for c in words):
                raise BadInput(f"a name is longer than {MOST_LETTERS} letters or cannot be printed")

    def __len__(self) -> int:
        """Frames."""
        return len(self.coefficients)

    @property
    def num_controls(self) -> int:
        """Coefficients of a frame."""
        return self.coefficients.shape[1]

    @property
    def start(self) -> Still:
        """(m,) what stands for a portrait as it is: the reference, or the first frame."""
        return self.coefficients[0] if self.reference is None else self.reference

    def shown_from(self, rest: Still, kept: Sequence[int] = ()) -> "Motion":
        """The motion on a portrait: its difference to the reference, added to the portrait's own.

        Args:
            rest: (m,) coefficients of the portrait; the reference of the result.
            kept: columns that stay as they are.
        """
        shift = rest - self.start
        shift[list(kept)] = 0
        return replace(self, coefficients=self.coefficients + shift, reference=rest)

    def columns(self, names: Sequence[str]) -> list[int]:
        """Columns of some controls.

        Raises:
            BadInput: the motion has no control of that name.
        """
        for name in names:
            if name not in self.controls:
                known = ", ".join(self.controls) or "its controls have no names"
                raise BadInput(f"the motion has no control {name!r} ({known})")
        return [self.controls.index(name) for name in names]


def printable(words: str) -> str:
    """Words fit for a motion's `source`: what cannot be printed is left out, the rest cut."""
    return "".join(letter for letter in words if letter.isprintable())[:MOST_LETTERS]

"""What an ablation is: a question, variants, and what the paper found."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from openfloat.laboratory.phase1 import PictureVariant
from openfloat.laboratory.variant import Variant


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A direction that the paper reports, as a comparison of two variants by one figure."""

    says: str
    """The paper's statement, with its figures."""
    better: str
    worse: str
    figure: str
    """By which the better one is better here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ablation:
    """Several variants of one thing."""

    name: str
    question: str
    variants: tuple[Variant, ...] | tuple[PictureVariant, ...]
    paper: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The paper's figures by variant and metric, at 512² on HDTF or RAVDESS."""
    claims: tuple[Claim, ...] = ()
    judged_on: tuple[str, str] = ("synthetic", "real")
    """Sets of clips on which claims are judged; the second one's may be missing."""

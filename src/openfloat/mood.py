"""Which emotion when: a name, a mixture, or a schedule over time, as users write it.

happy                            one emotion, all the time
happy:0.7,surprise:0.3           a mixture
0-2.5:neutral,2.5-:happy         one after the other; seconds
auto                             as the voice sounds; also wherever a schedule says nothing
photo                            as the photo looks
"""

import math
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from openfloat.config import EMOTIONS

AUTO, PHOTO = "auto", "photo"
SHOWN = 80
"""Letters of a user's text in an error."""
_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_PART = re.compile(
    rf"(?:(?P<start>{_NUMBER})-(?P<end>{_NUMBER})?:)?"
    rf"(?P<name>[a-z]+)(?::(?P<weight>{_NUMBER}))?"
)


class Span(NamedTuple):
    """A stretch of time and what is felt in it."""

    start_s: float
    end_s: float
    """Infinite where it lasts to the end of the clip."""
    shares: tuple[tuple[str, float], ...]
    """Emotions (or auto, photo) and their weights, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Mood:
    """Spans of time in order, none over another; where there is none the voice decides."""

    spans: tuple[Span, ...]

    @classmethod
    def parse(cls, text: str) -> "Mood":
        """Read what a user wrote.

        Raises:
            ValueError: it is not of that form, an emotion is unknown, weights add up to more than
                1, or spans overlap.
        """
        spans: list[Span] = []
        for part in text.split(","):
            found = _PART.fullmatch(part.strip())
            if found is None or found["name"] not in (AUTO, PHOTO, *EMOTIONS):
                raise ValueError(
                    f"emotion={_shown(text)}: {_shown(part.strip())} is not a name of {AUTO}, "
                    f"{PHOTO}, {', '.join(EMOTIONS)}, with :WEIGHT after or START-END: before it"
                )
            share = (found["name"], float(found["weight"] or 1))
            if found["start"] is not None:
                spans.append(Span(float(found["start"]), float(found["end"] or math.inf), (share,)))
            elif spans:
                spans[-1] = spans[-1]._replace(shares=(*spans[-1].shares, share))
            else:
                spans.append(Span(0.0, math.inf, (share,)))
        _check(text, spans)
        return cls(tuple(spans))

    @property
    def listens(self) -> bool:
        """Whether the voice decides at any time."""
        whole = self.spans[0].start_s == 0 and self.spans[-1].end_s == math.inf
        gaps = any(a.end_s < b.start_s for a, b in pairwise(self.spans))
        return AUTO in self._named or gaps or not whole

    @property
    def looks(self) -> bool:
        """Whether the photo decides at any time."""
        return PHOTO in self._named

    @property
    def _named(self) -> set[str]:
        return {name for span in self.spans for name, _ in span.shares}

    @property
    def constant(self) -> bool:
        """Whether it is the same at all times."""
        return len(self.spans) == 1 and self.spans[0][:2] == (0, math.inf)


def _shown(text: str) -> str:
    """What a user wrote, quoted and not too long."""
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}...")


def _check(text: str, spans: list[Span]) -> None:
    for span in spans:
        if not 0 < sum(weight for _, weight in span.shares) <= 1 + 1e-6:
            raise ValueError(f"emotion={_shown(text)}: the weights of a mixture add up to 0 ... 1")
        if span.end_s <= span.start_s:
            raise ValueError(
                f"emotion={_shown(text)}: {span.start_s:g}-{span.end_s:g} does not last"
            )
    for before, after in pairwise(spans):
        if after.start_s < before.end_s:
            raise ValueError(
                f"emotion={_shown(text)}: a span begins at {after.start_s:g} s, "
                "before the last has ended"
            )

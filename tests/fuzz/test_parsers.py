"""Whatever bytes come, a parser of ours accepts them or refuses in a sentence."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

for needed in ("fastapi", "pydantic"):
    pytest.importorskip(needed, reason="the extra 'serve' is not installed")

if True:  # imported once all is known to be there
    from parsers import PARSERS, mutated, survive


FOUND_ONCE = {"mp4 boxes": "AAAAAQD/AAD6/wEAAAL///8AZg=="}
"""What guided fuzzing has brought parsers down with."""


@pytest.mark.parametrize("name", FOUND_ONCE)
def test_what_was_mended_stays_mended(name: str) -> None:
    survive(name, base64.b64decode(FOUND_ONCE[name]))


@pytest.mark.parametrize("name", PARSERS)
def test_what_a_parser_likes_is_accepted_or_refused_and_what_is_made_of_it_too(name: str) -> None:
    survive(name, PARSERS[name].liked)
    for seed in range(60):
        survive(name, mutated(PARSERS[name].liked, seed))


@pytest.mark.parametrize("name", PARSERS)
def test_any_bytes_are_accepted_or_refused(name: str) -> None:
    @settings(max_examples=30, database=None)
    @given(
        st.binary(max_size=300) | st.text(max_size=100).map(lambda t: t.encode("utf-8", "ignore"))
    )
    def any_bytes(content: bytes) -> None:
        survive(name, content)

    any_bytes()

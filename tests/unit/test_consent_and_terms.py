"""A consent file is bound to the video; the terms are shown once."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from openfloat.errors import BadInput
from openfloat.marking.consent import MOST_BYTES, read_consent
from openfloat.marking.marker import marker
from openfloat.marking.provenance import Origin
from openfloat.marking.report import inspect_file
from openfloat.options import MarkOptions
from openfloat.terms import TERMS, show_terms_once
from openfloat.vision.video_writer import VideoWriter

WORDS = "I, Ada, agree to be shown\nreading the news, until 2027.\n"


def test_the_video_says_who_agreed_to_what(tmp_path: Path) -> None:
    file = tmp_path / "consent.txt"
    file.write_text(WORDS)
    finish = marker(MarkOptions(consent=file), Origin("tiny", 3))
    with VideoWriter(tmp_path / "a.mp4", 64, 64, finish=finish) as video:
        video.write(np.full((10, 64, 64, 3), 90, np.uint8))
    said = dict(inspect_file(tmp_path / "a.mp4").provenance.tags)
    assert said["openfloat_consent"] == "I, Ada, agree to be shown reading the news, until 2027."
    assert said["openfloat_consent_sha256"] == hashlib.sha256(WORDS.encode()).hexdigest()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "no such file"),
        (b"", "empty"),
        (b" \n\t\x00", "empty"),
        (b"\xff\xfe", "UTF-8"),
        (b"x" * (MOST_BYTES + 1), "at most"),
    ],
)
def test_what_is_no_consent_is_refused(
    content: bytes | None, sentence: str, tmp_path: Path
) -> None:
    file = tmp_path / "consent.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadInput, match=sentence):
        read_consent(file)
    with pytest.raises(BadInput, match=sentence):
        marker(MarkOptions(consent=file), Origin())


def test_nothing_is_bound_to_a_video_without_marks(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="consent"):
        MarkOptions(mark=False, consent=tmp_path / "consent.txt")


def test_the_terms_are_shown_once_and_again_where_that_cannot_be_remembered(
    tmp_path: Path,
) -> None:
    said: list[str] = []
    assert show_terms_once(said.append, tmp_path / "state")
    assert not show_terms_once(said.append, tmp_path / "state")
    assert said == [TERMS]
    assert show_terms_once(said.append, Path("/proc/nowhere"))
    assert show_terms_once(said.append, Path("/proc/nowhere"))

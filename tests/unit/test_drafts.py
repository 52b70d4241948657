"""What killed writers leave beside files that are complete."""

import subprocess
import sys
from pathlib import Path

import pytest

from openfloat.batch.ledger import ROWS, Ledger
from openfloat.data.claims import claim
from openfloat.drafts import SUFFIX, Draft

KILLED = """
import os, signal, sys
from pathlib import Path
from openfloat.drafts import Draft
draft = Draft(Path(sys.argv[1]))
draft.path.write_text("complete")
draft.path.replace(sys.argv[1])
os.kill(os.getpid(), signal.SIGKILL)
"""
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")


def killed_after_writing(final: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(final)], check=False)
    assert final.read_text() == "complete"
    assert len(drafts(final.parent)) == 1


def drafts(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix == SUFFIX]


def test_who_goes_on_with_a_folder_takes_away_what_nobody_writes(tmp_path: Path) -> None:
    settings = {"size": 64}
    claim(tmp_path / "settings.json", settings, "clips")
    killed_after_writing(tmp_path / "clip.mp4")
    busy = Draft(tmp_path / "other.mp4")
    claim(tmp_path / "settings.json", settings, "clips")
    assert drafts(tmp_path) == [busy.path.parent], "what is being written stays"
    busy.keep()
    names = {"settings.json", "clip.mp4", "other.mp4"}
    assert {path.name for path in tmp_path.iterdir()} == names


def test_a_batch_that_goes_on_leaves_no_draft(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "out")
    for final in (ledger.video("a"), tmp_path / "out" / ROWS / "a.json"):
        killed_after_writing(final)
    with ledger.held():
        assert not [*drafts(tmp_path / "out"), *drafts(tmp_path / "out" / ROWS)]

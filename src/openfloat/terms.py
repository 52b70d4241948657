"""What everybody who serves faces to others is told once."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

VERSION = 1
TERMS = """\
OpenFLOAT makes people appear to say what they did not say. By using it you agree that you
  - show real people only with their consent, and nobody in order to deceive, harass or defame;
  - say that a video is synthetic: videos are marked, and the law may ask you to say it visibly;
  - do not take a mark that is absent as a proof that a video is real.
The embedded model was trained on few people and fits some faces and voices worse than others.
More: docs/responsible-use.md and MODEL_CARD.md. This is shown once."""


def show_terms_once(say: Callable[[str], object], folder: Path | None = None) -> bool:
    """Show the terms at the first run of this user; again where that cannot be remembered.

    Args:
        say: shows a text.
        folder: where it is remembered; none: the user's folder for the state of programs.

    Returns:
        Whether they were shown.
    """
    seen = (folder or state_folder()) / f"terms-{VERSION}"
    with suppress(OSError):
        if seen.exists():
            return False
    say(TERMS)
    with suppress(OSError):  # a home that cannot be written hinders nobody
        seen.parent.mkdir(parents=True, exist_ok=True)
        seen.touch()
    return True


def state_folder() -> Path:
    """Where programs keep what they remember of a user (XDG base directories)."""
    chosen = os.environ.get("XDG_STATE_HOME", "")
    home = Path(chosen) if chosen else Path(os.path.expanduser("~")) / ".local" / "state"  # noqa: PTH111
    return home / "openfloat"

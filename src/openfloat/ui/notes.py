"""Short texts of the page, as HTML."""

from html import escape

from openfloat.errors import OpenFloatError
from openfloat.ui.drawing import Report


def note(text: str) -> str:
    """Something worth knowing."""
    return f'<div class="note" role="status">{escape(text)}</div>'


def mistake(error: OpenFloatError | str, names: dict[str, str] | None = None) -> str:
    """What went wrong, in one sentence.

    Args:
        error: what to tell.
        names: paths on the server, and what the visitor calls these files.
    """
    text = " ".join(str(error).split())
    for path, name in (names or {}).items():
        text = text.replace(path, name)
    return f'<div class="note" role="alert"><span class="wrong">{escape(text)}</span></div>'


def progress(report: Report) -> str:
    """A bar, what is done and how long the rest may take."""
    if not report.total:
        bar, text = "<progress></progress>", "Getting ready"
    else:
        bar = f'<progress value="{report.done}" max="{report.total}"></progress>'
        text = f"{report.done} of {report.total} frames"
    left = "" if report.left_s is None else f"{duration(report.left_s)} left"
    return (
        f'<div class="note" role="status" aria-label="Progress">{bar}'
        f'<div class="numbers"><span>{text}</span><span>{left}</span></div></div>'
    )


def duration(seconds: float) -> str:
    """A time in whole seconds or minutes and seconds."""
    whole = max(round(seconds), 1)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"

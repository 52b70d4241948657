"""`openfloat evaluate videos`: two folders compared, printed, and kept as JSON and HTML."""

import sys
from pathlib import Path

from openfloat.evaluation.video_options import PublishedWeights


def compare_videos(
    what: str,
    reference: Path | None,
    weights: PublishedWeights,
    *,
    json: Path | None,
    html: Path | None,
) -> None:
    """Measure a folder of videos, or what a model makes of the reference's voices.

    Args:
        what: a folder of videos, or the name or folder of a model.
        reference: folder of real videos; made ones of the same names are compared with them.
        weights: files of published networks.
        json: gets the figures and the rows behind them.
        html: gets a page; a model's videos are kept beside it.
    """
    from openfloat.codec import write_json
    from openfloat.errors import BadInput
    from openfloat.evaluation.html import write_html
    from openfloat.evaluation.videos import draw_videos, evaluate_videos, videos_table
    from openfloat.evaluation.watched import videos_by_name

    def said(step: str) -> None:
        print(step, file=sys.stderr)

    if reference is None:
        raise BadInput("evaluate videos needs --reference, a folder of real videos")
    videos_by_name(reference)
    folder = Path(what)
    if not folder.is_dir() or (folder / "config.json").is_file():
        kept = (html or json or Path("videos.html")).with_suffix(".videos")
        drawn = draw_videos(what, reference, kept, said)
        folder, reference = drawn / "made", drawn / "reference"
    report = evaluate_videos(folder, reference, weights, said=said)
    print(videos_table(report))
    if json is not None:
        write_json(report, json)
    if html is not None:
        write_html(report, folder, reference, html)

"""TensorBoard beside the JSON log: losses, speed and previews (extra `train`)."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from openfloat.errors import BadInput
from openfloat.vision.video_reader import probe, read_frames

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FOLDER = "tensorboard"


class Board:
    """Shows lines of the log and previews; without a folder it does nothing."""

    def __init__(self, run_dir: Path | None) -> None:
        self._folder = None if run_dir is None else run_dir / FOLDER
        self._writer: SummaryWriter | None = None

    def write(self, line: dict[str, Any]) -> None:
        """Show a line of the log over the samples seen."""
        if self._folder is not None:
            for name, value in line.items():
                if name != "clips":
                    self._open(line["clips"]).add_scalar(name, value, line["clips"])

    def show(self, preview: Path, clips: int) -> None:
        """Show a picture, or a video as a moving picture."""
        if self._folder is None:
            return
        writer = self._open(clips)
        if preview.suffix == ".mp4":
            _add_moving(writer, preview, clips)
            return
        with Image.open(preview) as picture:
            writer.add_image(
                "preview", np.asarray(picture.convert("RGB")), clips, dataformats="HWC"
            )

    def close(self) -> None:
        """Write what waits."""
        if self._writer is not None:
            self._writer.close()

    def _open(self, clips: int) -> "SummaryWriter":
        """Opened by the first line, which hides what a killed run had written beyond it."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            assert self._folder is not None
            self._writer = SummaryWriter(str(self._folder), purge_step=clips)
        return self._writer


def _add_moving(writer: "SummaryWriter", video: Path, clips: int) -> None:
    """A GIF in an image summary, which is how TensorBoard shows videos."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    frames = [Image.fromarray(frame) for frame in read_frames(video)]
    data = io.BytesIO()
    period_ms = 1000 / (probe(video).fps or 25)
    frames[0].save(data, "GIF", save_all=True, append_images=frames[1:], duration=period_ms, loop=0)
    width, height = frames[0].size
    picture = Summary.Image(
        height=height, width=width, colorspace=3, encoded_image_string=data.getvalue()
    )
    summary = Summary(value=[Summary.Value(tag="preview", image=picture)])
    writer._get_file_writer().add_summary(summary, clips)


@contextmanager
def open_board(run_dir: Path | None) -> Iterator[Board]:
    """A board in the run's folder; none without one.

    Raises:
        BadInput: TensorBoard is not installed.
    """
    if run_dir is not None:
        try:
            import tensorboard  # noqa: F401
        except ImportError:
            raise BadInput("TensorBoard is not installed: pip install 'openfloat[train]'") from None
    board = Board(run_dir)
    try:
        yield board
    finally:
        board.close()

"""Write video files with PyAV: H.264 and AAC in mp4, memory flat whatever the length."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image

from openfloat.drafts import Draft, not_written, sync_folder
from openfloat.errors import BadInput, NotWritten, OpenFloatError
from openfloat.vision.finish import Finish
from openfloat.vision.soundtrack import Soundtrack
from openfloat.vision.video_reader import RgbFrame

BT709 = 1
"""Primaries, transfer and matrix number of BT.709 in H.264."""
TV_RANGE = 1

RgbFrames = UInt8[ndarray, "t h w 3"]


class VideoWriter:
    """Context manager that writes an mp4 file frame by frame, with the sound of another file.

    H.264 yuv420p tagged BT.709, AAC of the original sound (its rate, mono or stereo), cut or
    padded with silence to the length of the video, index in front. The file appears under its name
    only when the block ends well; otherwise nothing is left behind.

    Args:
        path: an .mp4 file in an existing folder; replaced if it exists.
        width: even, in pixels.
        height: even, in pixels.
        fps: frames per second.
        audio: a sound or video file whose first sound track is added.
        crf: constant rate factor of x264, 0 (lossless) ... 51.
        preset: speed preset of x264.
        finish: changes frames and file last; none: they are written as they are.

    Raises:
        BadInput: an odd size, or a name that does not end in .mp4.
        BadMedia: sound that cannot be read.
        NotWritten: a folder that is missing or cannot be written, or a full disk.
    """

    def __init__(
        self,
        path: Path | str,
        width: int,
        height: int,
        fps: int | Fraction = 25,
        audio: Path | str | None = None,
        crf: int = 18,
        preset: str = "veryfast",
        finish: Finish | None = None,
    ) -> None:
        if width < 2 or height < 2 or width % 2 or height % 2:
            raise BadInput(f"a video of {width}x{height} pixels: both sides must be even")
        self._path = Path(path)
        if self._path.suffix.lower() != ".mp4":
            raise BadInput(f"{path}: the name of a video must end in .mp4")
        self._size, self._fps = (width, height), Fraction(fps)
        self._audio = None if audio is None else Path(audio)
        self._options = {"crf": str(crf), "preset": preset}
        self._finish = finish
        self._reformatter = VideoReformatter()  # one for all frames: setting one up takes as long
        self._num_frames = 0
        self._num_samples = 0
        self._sound: Soundtrack | None = None
        self._container: OutputContainer | None = None
        self._draft: Draft | None = None

    def __enter__(self) -> Self:
        try:
            if self._audio is not None:
                self._sound = Soundtrack(self._audio)
            with self._writing():
                self._container = self._new_container()
                self._open_streams(self._container)
        except BaseException:
            self._discard()
            raise
        return self

    def _new_container(self) -> OutputContainer:
        """Where to write."""
        self._draft = Draft(self._path)
        options = {"movflags": "+faststart+use_metadata_tags"}
        return av.open(f"file:{self._draft.path}", "w", format="mp4", options=options)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """What FFmpeg and the system say of a file that cannot be written, in our words."""
        try:
            yield
        except OpenFloatError:
            raise
        except (av.FFmpegError, OSError) as error:
            raise not_written(self._path, error) from error

    def _open_streams(self, container: OutputContainer) -> None:
        if self._finish is not None:
            container.metadata.update(self._finish.tags)
        video: VideoStream = container.add_stream("libx264", rate=self._fps, options=self._options)
        video.width, video.height = self._size
        video.pix_fmt = "yuv420p"
        context = video.codec_context
        context.time_base = 1 / self._fps
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = TV_RANGE
        self._video = video
        if self._sound is not None:
            sound: AudioStream = container.add_stream(
                "aac", rate=self._sound.rate, layout=self._sound.layout
            )
            sound.codec_context.time_base = Fraction(1, self._sound.rate)
            self._sound_stream = sound

    def write(self, frames: RgbFrames) -> None:
        """Add frames, and the sound up to their end.

        Args:
            frames: (t, height, width, 3) RGB bytes of the size given at the start.
        """
        width, height = self._size
        if frames.shape[1:] != (height, width, 3):
            raise BadInput(f"frames of shape {frames.shape[1:]} for a video of {width}x{height}")
        with self._writing():
            for pixels in frames:
                self._add_frame(pixels)
                self._add_sound(whole_pieces=True)

    def _add_frame(self, pixels: RgbFrame) -> None:
        assert self._container is not None
        if self._finish is not None:
            pixels = self._finish.frame(pixels, float(self._num_frames / self._fps))
        frame = self._reformatter.reformat(
            VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
        )
        frame.pts, frame.time_base = self._num_frames, 1 / self._fps
        self._container.mux(self._video.encode(frame))
        self._num_frames += 1

    def _add_sound(self, *, whole_pieces: bool) -> None:
        """Encode sound up to the end of the frames written, in pieces of the encoder's size."""
        if self._sound is None:
            return
        assert self._container is not None
        end = round(self._num_frames / self._fps * self._sound.rate)
        piece = self._sound_stream.codec_context.frame_size or 1024
        while (missing := end - self._num_samples) >= (piece if whole_pieces else 1):
            frame = self._sound.read(min(piece, missing))
            frame.pts, frame.time_base = self._num_samples, Fraction(1, self._sound.rate)
            self._num_samples += frame.samples
            self._container.mux(self._sound_stream.encode(frame))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                with self._writing():
                    self._complete()
        finally:
            self._discard()

    def _complete(self) -> None:
        assert self._container is not None
        if not self._num_frames:
            raise BadInput(f"{self._path}: no frames were written")
        self._add_sound(whole_pieces=False)
        self._container.mux(self._video.encode(None))
        if self._sound is not None:
            self._container.mux(self._sound_stream.encode(None))
        self._container.close()
        self._keep()

    def _keep(self) -> None:
        """The finished file gets its name."""
        assert self._draft is not None
        if self._finish is not None:
            self._finish.seal(self._draft.path)
        self._draft.keep()

    def _discard(self) -> None:
        """Close what is open and remove the temporary file; harmless after `_complete`."""
        try:
            if self._sound is not None:
                self._sound.close()
            if self._container is not None:
                self._container.close()
        except (av.FFmpegError, OSError):
            pass  # a container that was never started, or whose disk is full, cannot write its end
        finally:
            if self._draft is not None:
                self._draft.drop()


def write_png_frames(folder: Path | str, frames: Iterable[RgbFrame]) -> None:
    """Write frames as 000000.png, 000001.png ... into a new folder, which appears when complete.

    Raises:
        NotWritten: the folder exists already and is not empty, or cannot be made.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise NotWritten(f"{folder} exists already and is not an empty folder")
    if not folder.parent.is_dir():
        raise NotWritten(f"{folder.parent}: there is no such folder to write {folder.name} to")
    try:
        partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    except OSError as error:
        raise not_written(folder, error) from error
    try:
        for i, pixels in enumerate(frames):
            Image.fromarray(pixels).save(partial / f"{i:06d}.png", compress_level=1)
        sync_folder(partial)
        partial.chmod(0o755)
        partial.replace(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise

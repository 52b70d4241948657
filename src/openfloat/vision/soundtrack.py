"""The sound that goes into a video, as its encoder wants it."""

from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from openfloat.errors import BadMedia
from openfloat.vision.video_reader import open_media

AAC_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)


class Soundtrack:
    """The sound of a file, decoded piece by piece as 32-bit planes fit for AAC.

    The first decoded sample counts as time 0. Beyond the end comes silence.
    """

    def __init__(self, path: Path) -> None:
        with ExitStack() as opened:
            self._container = opened.enter_context(open_media(path))
            # PyAV's types do not know that there may be no decoder
            tracks = self._container.streams.audio
            streams = [t for t in tracks if cast(object, t.codec_context) is not None]
            if not streams:
                raise BadMedia(f"{path} holds no sound")
            self._opened = opened.pop_all()
        self._path, self._stream = path, streams[0]
        context = self._stream.codec_context
        self.rate = context.sample_rate if context.sample_rate in AAC_RATES else 48_000
        self.layout = "mono" if context.layout.nb_channels == 1 else "stereo"
        self._pieces = self._decode()
        self._ended = False
        self._fifo = AudioFifo()

    def read(self, num_samples: int) -> AudioFrame:
        """The next samples, exactly as many as asked for."""
        while not self._ended and self._fifo.samples < num_samples:
            piece = next(self._pieces, None)
            if piece is None:
                self._ended = True
            else:
                self._fifo.write(piece)
        channels = 1 if self.layout == "mono" else 2
        sound = np.zeros((channels, num_samples), dtype=np.float32)
        if held := min(self._fifo.samples, num_samples):
            frame = self._fifo.read(held)
            assert frame is not None
            sound[:, :held] = frame.to_ndarray()
        piece = AudioFrame.from_ndarray(sound, format="fltp", layout=self.layout)
        piece.sample_rate = self.rate
        return piece

    def close(self) -> None:
        """Let go of the file."""
        self._pieces.close()
        self._opened.close()

    def _decode(self) -> Generator[AudioFrame, None, None]:
        resampler = AudioResampler(format="fltp", layout=self.layout, rate=self.rate)
        try:
            for frame in self._container.decode(self._stream):
                # time stamps of damaged or cut files jump; samples are counted instead
                frame.pts = None
                for piece in resampler.resample(frame):
                    piece.pts = None
                    yield piece
            for piece in resampler.resample(None):
                piece.pts = None
                yield piece
        except av.FFmpegError as error:
            raise BadMedia(f"{self._path}: its sound cannot be decoded: {error}") from error

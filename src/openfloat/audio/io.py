"""Sound from files: anything that FFmpeg decodes, as mono float32 at 16 kHz; and to WAV files."""

import logging
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import av
import numpy as np
import soxr
from numpy.typing import NDArray

from openfloat.config import SAMPLE_RATE
from openfloat.containers import open_container
from openfloat.errors import BadMedia

logger = logging.getLogger(__name__)

Samples = NDArray[np.float32]

LONGEST_HOURS = 4
RATES_HZ = 1_000, 384_000
MOST_CHANNELS = 8
READ_BLOCK = 10 * SAMPLE_RATE
BAD_PACKETS_ALLOWED = 0.1
"""Share of undecodable packets up to which a damaged file is still used."""


def load_audio(path: str | Path) -> Samples:
    """The sound of an audio or video file: mono, 16 kHz, float32, (s,), about -1 ... 1.

    Raises:
        BadMedia: the file is missing, holds no sound, is damaged, is longer than four hours, has
            a rate outside of 1 to 384 kHz or more than 8 channels, holds values that are not
            numbers, or nothing but exact silence.
    """
    waveform = np.empty(0, np.float32)
    for block in stream_audio(path, READ_BLOCK):
        length = len(waveform)
        waveform.resize(length + len(block), refcheck=False)  # in place: never two copies
        waveform[length:] = block
    if not waveform.any():
        raise silent(path)
    return waveform


def silent(path: str | Path) -> BadMedia:
    """What to raise for a file of exact silence."""
    return BadMedia(f"{path}: the recording is silent from start to end")


def write_wave(path: str | Path, waveform: Samples) -> None:
    """Write mono 16 kHz samples (s,) as a 16-bit WAV file; what exceeds -1 ... 1 is cut."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes((waveform.clip(-1, 1) * 32767).astype("<i2").tobytes())


def stream_audio(path: str | Path, block_samples: int) -> Iterator[Samples]:
    """The same numbers as `load_audio` block by block, so that memory stays flat.

    Every block has block_samples samples, the last one 1 to block_samples. Exact silence is let
    through, because it shows only at the end.

    Raises:
        BadMedia: as `load_audio`, in part only when the place is reached.
    """
    waiting: list[Samples] = []
    length = total = 0
    for piece in _resampled(Path(path)):
        total += len(piece)
        if total > LONGEST_HOURS * 3600 * SAMPLE_RATE:
            raise BadMedia(f"{path}: the recording is longer than {LONGEST_HOURS} hours")
        waiting.append(piece)
        length += len(piece)
        if length >= block_samples:
            joined = np.concatenate(waiting)
            cut = length - length % block_samples
            yield from np.split(joined[:cut], cut // block_samples)
            waiting, length = [joined[cut:]], length - cut
    if not total:
        raise BadMedia(f"{path}: the recording has no samples")
    if length:
        yield np.concatenate(waiting)


def _resampled(path: Path) -> Iterator[Samples]:
    """Decoded, mixed and resampled pieces of any length."""
    resampler: soxr.ResampleStream | None = None
    rate = 0
    for samples, new_rate in _decoded(path):
        if resampler is None:
            rate = new_rate
            resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
        if new_rate != rate:
            raise BadMedia(f"{path}: the sample rate changes from {rate} to {new_rate} Hz")
        if not np.isfinite(samples).all():
            raise BadMedia(f"{path}: some samples are not finite numbers")
        yield resampler.resample_chunk(samples)
    if resampler is not None:
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _decoded(path: Path) -> Iterator[tuple[Samples, int]]:
    """Mono pieces as they come out of the decoder, with their sample rate."""
    good = bad = 0
    with open_container(path) as container:
        stream = container.streams.best("audio")
        if not isinstance(stream, av.AudioStream) or cast(object, stream.codec_context) is None:
            raise BadMedia(f"{path}: the file holds no sound")
        _refuse_long(container, stream, path)
        for packet in _packets(container, stream, path):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                bad += 1
                continue
            good += 1
            for frame in frames:
                _refuse_wide(frame.sample_rate, frame.layout.nb_channels, path)
                yield _mono(frame), frame.sample_rate
    if bad > BAD_PACKETS_ALLOWED * (good + bad):
        raise BadMedia(f"{path}: the sound is damaged, {bad} of {good + bad} packets do not decode")
    if bad:
        logger.warning("%s: %d of %d packets do not decode", path, bad, good + bad)


def _refuse_long(
    container: av.container.InputContainer, stream: av.AudioStream, path: Path
) -> None:
    """What a file says of itself may be enough not to begin; it may also be a lie."""
    context = stream.codec_context
    _refuse_wide(context.sample_rate, context.layout.nb_channels, path)
    if (container.duration or 0) / av.time_base > LONGEST_HOURS * 3600:
        raise BadMedia(f"{path}: the recording is longer than {LONGEST_HOURS} hours")


def _refuse_wide(rate_hz: int, channels: int, path: Path) -> None:
    if rate_hz and not RATES_HZ[0] <= rate_hz <= RATES_HZ[1]:
        raise BadMedia(
            f"{path}: the sample rate of {rate_hz} Hz is not between {RATES_HZ[0]} and "
            f"{RATES_HZ[1]} Hz"
        )
    if channels > MOST_CHANNELS:
        raise BadMedia(f"{path}: {channels} channels are more than {MOST_CHANNELS}")


def _packets(
    container: av.container.InputContainer, stream: av.AudioStream, path: Path
) -> Iterator["av.Packet[av.AudioStream]"]:
    try:
        yield from container.demux(stream)
    except av.FFmpegError as error:
        raise BadMedia(f"{path}: the file is damaged") from error


def _mono(frame: av.AudioFrame) -> Samples:
    """Mean of the channels in -1 ... 1, whatever the decoder's sample format.

    FFmpeg's own mixing to mono would be 1.41 times louder than the mean.
    """
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, frame.layout.nb_channels).T
    if values.dtype == np.uint8:
        values = values.astype(np.float32) / 128 - 1
    elif values.dtype.kind == "i":
        values = values.astype(np.float32) / 2.0 ** (8 * values.itemsize - 1)
    return values.mean(axis=0, dtype=np.float32)

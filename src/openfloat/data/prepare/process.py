"""From one raw video to its clips."""

import hashlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

from openfloat.audio.frames import num_samples
from openfloat.audio.io import load_audio
from openfloat.config import FPS, SAMPLE_RATE
from openfloat.data.prepare.agreement import SEARCHED, Curve, agreement, lag_curve
from openfloat.data.prepare.masks import component_masks
from openfloat.data.prepare.options import PrepareOptions
from openfloat.data.prepare.sample import ClipAbout, pack_masks, sample_files
from openfloat.data.prepare.sources import Source
from openfloat.data.prepare.timing import Span, at_video_rate, find_spans
from openfloat.data.prepare.track import Seen, watch
from openfloat.errors import BadMedia
from openfloat.vision.face import cut_square
from openfloat.vision.geometry import Box, apply, box_matrix, square_around
from openfloat.vision.measure import mouth_aperture
from openfloat.vision.timed_frames import read_timed_frames
from openfloat.vision.video_reader import RgbFrame, open_media, probe
from openfloat.vision.video_writer import VideoWriter

LONGEST_HOURS = 2
MOST_PIXELS = 4096 * 2304
"""Of a frame."""
QUALITY = 14
"""Constant rate factor of the crops: little is lost."""

Files = dict[str, bytes]
"""A sample's files by extension."""


class Refused(NamedTuple):
    """A clip, or all of a video, that is left out."""

    file: str
    reason: str
    start_s: float | None = None


class Planned(NamedTuple):
    """A stretch of a video that is to become a clip."""

    span: Span
    box: Box
    face_px: float
    waveform: NDArray[np.float32] | None
    curve: Curve | None
    """How lips and voice agree at every lag."""
    lag: int | None = None
    """Frames that the lips of the whole video are late."""


def prepare_video(
    path: Path, source: Source, options: PrepareOptions
) -> Iterator[tuple[ClipAbout, Files] | Refused]:
    """Find the clips of a video and write their files, one clip after the other.

    The video is read twice: once to see its shots and its face, once to cut. Frames are never held.

    Raises:
        BadMedia: it cannot be read, or is larger or longer than allowed.
    """
    _check_bounds(path)
    seen = watch(at_video_rate(read_timed_frames(path)))
    shortest, longest = round(options.shortest_s * FPS), round(options.longest_s * FPS)
    spans = find_spans(seen.there, seen.cuts, shortest, longest)
    if not spans:
        yield Refused(source.file, f"no face is in sight for {options.shortest_s:g} s")
        return
    sound = _sound(path)
    planned = []
    for span in spans:
        plan = _plan(seen, span, sound, options)
        if isinstance(plan, str):
            yield Refused(source.file, plan, span.start / FPS)
        else:
            planned.append(plan)
    planned, off = _in_time(planned, options)
    for plan, reason in off:
        yield Refused(source.file, reason, plan.span.start / FPS)
    if planned:
        frames = at_video_rate(read_timed_frames(path))
        yield from _cut_all(frames, planned, seen, source, options)


def _check_bounds(path: Path) -> None:
    about = probe(path)
    if about.width * about.height > MOST_PIXELS:
        raise BadMedia(f"{path}: {about.width}x{about.height} pixels are more than 4096x2304")
    if about.duration_s > LONGEST_HOURS * 3600:
        raise BadMedia(f"{path}: the video is longer than {LONGEST_HOURS} hours")


def _sound(path: Path) -> NDArray[np.float32] | None:
    """The video's sound from its first frame on; none where it has none, or none that is heard."""
    late_s = _sound_start_s(path)
    if late_s is None:
        return None
    try:
        waveform = load_audio(path)
    except BadMedia:
        return None
    late = round(late_s * SAMPLE_RATE)
    return np.concatenate([np.zeros(max(late, 0), np.float32), waveform[max(-late, 0) :]])


def _sound_start_s(path: Path) -> float | None:
    """How much later than the picture the sound begins; none without sound."""
    with open_media(path) as container:
        if not container.streams.audio:
            return None
        starts = []
        for stream in (container.streams.audio[0], container.streams.video[0]):
            known = stream.start_time is not None and stream.time_base is not None
            starts.append(float(stream.start_time * stream.time_base) if known else 0.0)  # type: ignore[operator]
        late = starts[0] - starts[1]
        return late if abs(late) < 60 else 0.0


def _plan(
    seen: Seen, span: Span, sound: NDArray[np.float32] | None, options: PrepareOptions
) -> Planned | str:
    """What becomes of a stretch: a clip, or the reason why none."""
    face = seen.box(*span)
    face_px = max(face.width, face.height)
    if face_px < options.smallest_face:
        return f"the face is only {face_px:.0f} pixels large"
    box = square_around(face)
    points = seen.points[span.start : span.stop]
    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    if low[0] < box.left or low[1] < box.top or high[0] > box.right or high[1] > box.bottom:
        return "the face leaves the crop"
    waveform = None
    if sound is not None:
        start, stop = num_samples(span.start), num_samples(span.stop)
        waveform = sound[start:stop]
        waveform = np.pad(waveform, (0, stop - start - len(waveform)))
    if waveform is None or not waveform.any():
        return (
            "there is no sound" if options.need_voice else Planned(span, box, face_px, None, None)
        )
    curve = lag_curve(mouth_aperture(points.astype(np.float64)), waveform)
    return Planned(span, box, face_px, waveform, curve)


def _in_time(
    planned: list[Planned], options: PrepareOptions
) -> tuple[list[Planned], list[tuple[Planned, str]]]:
    """Clips whose lips and voice go together, and the others with the reason."""
    heard = [plan for plan in planned if plan.curve is not None]
    if not heard:
        return planned, []
    curves = [plan.curve for plan in heard if plan.curve is not None]
    lengths = [plan.span.stop - plan.span.start for plan in heard]
    whole = agreement(curves, lengths, options.most_offset)
    kept: list[Planned] = []
    off: list[tuple[Planned, str]] = []
    for plan in planned:
        if plan.curve is None:
            kept.append(plan)
        elif whole.is_off:
            late = f"lips are {whole.lag} frames late against the voice (r = {whole.r:.2f})"
            off.append((plan, late))
        elif (r := plan.curve[SEARCHED + whole.lag]) < options.least_agreement:
            off.append((plan, f"lips do not follow the voice (r = {r:.2f})"))
        else:
            kept.append(plan._replace(lag=whole.lag))
    return kept, off


def _cut_all(
    frames: Iterator[RgbFrame],
    planned: list[Planned],
    seen: Seen,
    source: Source,
    options: PrepareOptions,
) -> Iterator[tuple[ClipAbout, Files]]:
    """Read the video again and write each clip as its frames go by."""
    number = 0
    with tempfile.TemporaryDirectory(prefix="openfloat-") as folder:
        for plan in planned:
            video = Path(folder) / "clip.mp4"
            with VideoWriter(video, options.size, options.size, FPS, crf=QUALITY) as writer:
                while number < plan.span.stop:
                    image = next(frames, None)
                    if image is None:
                        raise BadMedia(f"{source.file}: the file has changed while it was read")
                    if number >= plan.span.start:
                        writer.write(cut_square(image, plan.box, options.size, "edge")[None])
                    number += 1
            about = _about(plan, source, options)
            yield about, _files(about, video.read_bytes(), plan, seen, options)


def _about(plan: Planned, source: Source, options: PrepareOptions) -> ClipAbout:
    name = re.sub(r"[^A-Za-z0-9]+", "_", Path(source.file).stem)[:60].strip("_")
    mark = hashlib.sha256(source.file.encode()).hexdigest()[:6]
    return ClipAbout(
        key=f"{name}-{mark}-{plan.span.start:06d}",
        source=source.file, corpus=source.corpus, person=source.person, split=source.split,
        licence=source.licence, origin=source.origin, emotion=source.emotion,
        start_s=plan.span.start / FPS, num_frames=plan.span.stop - plan.span.start,
        size=options.size, face_px=round(plan.face_px, 1),
        box=(int(plan.box.left), int(plan.box.top), int(plan.box.right), int(plan.box.bottom)),
        voice=plan.waveform is not None,
        lip_voice_r=None if plan.lag is None else _at_lag(plan.curve, plan.lag),
        lip_voice_lag=plan.lag,
    )  # fmt: skip


def _at_lag(curve: Curve | None, lag: int) -> float:
    assert curve is not None, "a lag comes from curves"
    return round(float(curve[SEARCHED + lag]), 3)


def _files(
    about: ClipAbout, video: bytes, plan: Planned, seen: Seen, options: PrepareOptions
) -> Files:
    points = seen.points[plan.span.start : plan.span.stop]
    landmarks = apply(box_matrix(plan.box, 1), points.astype(np.float64)).astype(np.float32)
    numbers: dict[str, NDArray[Any]] = {
        "landmarks": landmarks, "masks": pack_masks(component_masks(landmarks)),
    }  # fmt: skip
    if plan.waveform is not None and (options.emotion or options.speech):
        from openfloat.data.prepare.voice_numbers import voice_numbers

        numbers |= voice_numbers(plan.waveform, about.num_frames, options.emotion, options.speech)
    return sample_files(about, video, plan.waveform, numbers)


def problem_of(error: Exception) -> str:
    """One sentence for the report."""
    if isinstance(error, av.FFmpegError | OSError | MemoryError):
        return f"it cannot be read ({error})"
    return str(error)

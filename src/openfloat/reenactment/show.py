"""A motion decoded with any portrait, and a portrait that does what a video does."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from openfloat.clip import Portrait
from openfloat.config import FPS, ModelConfig
from openfloat.data.observed import LIPS
from openfloat.errors import BadInput
from openfloat.marking.marker import marker
from openfloat.marking.provenance import Origin
from openfloat.motion.edits import blend, cut, loop
from openfloat.motion.value import Motion
from openfloat.nn.cores import one_core_each
from openfloat.options import CropOptions, MarkOptions, SampleOptions
from openfloat.pipeline import DECODE_BATCH, FloatPipeline, PictureLike
from openfloat.reenactment.draw import draw_motion, lip_gaps, rest_of
from openfloat.reenactment.read import Progress, read_motion
from openfloat.reenactment.rest import JAW, jaws_for
from openfloat.vision.background import BackgroundWriter
from openfloat.vision.finish import Finish
from openfloat.vision.video_reader import probe
from openfloat.vision.video_writer import VideoWriter

LOOP_FADE = 25
"""Frames over which a head that must go on for longer returns to its beginning."""


def render_motion(
    pipeline: FloatPipeline,
    portrait: PictureLike | Portrait,
    motion: Motion,
    output: str | Path,
    *,
    sound: str | Path | None = None,
    absolute: bool = False,
    crop: CropOptions = CropOptions(),
    progress: Callable[[int, int], None] | None = None,
    marks: MarkOptions = MarkOptions(),
) -> int:
    """Write an mp4 of a portrait with a motion as it is; memory does not grow with the pictures.

    Args:
        pipeline: the model.
        portrait: a file, RGB bytes, or what `encode` returned.
        motion: drawn or read, of controls that the model has.
        output: the mp4 file; it appears when it is complete, or not at all.
        sound: a sound or video file whose sound goes into the mp4; none: it is silent.
        absolute: as in `placed`.
        crop: how the face is cut out.
        progress: called with frames done and frames in all.
        marks: how the video says that it is generated.

    Returns:
        Number of frames.

    Raises:
        BadInput: the motion is not of the model's controls, or the name is none of an mp4 file.
        BadMedia: a file cannot be used.
        NoFaceFound: the picture shows no face.
    """
    check_fits(pipeline.config, motion)
    ready = pipeline.encode(portrait, crop)
    shown = placed(pipeline, ready, motion, absolute=absolute)
    finish = marker(marks, Origin(pipeline.config.name), ready.picture)
    with _writer(pipeline, output, sound, finish) as writer:
        return _decode(pipeline, ready, shown, writer, progress)


def reenact(
    pipeline: FloatPipeline,
    portrait: PictureLike | Portrait,
    video: str | Path,
    output: str | Path,
    *,
    lips: str | Path | None = None,
    absolute: bool = False,
    options: SampleOptions = SampleOptions(),
    crop: CropOptions = CropOptions(),
    reading: Progress | None = None,
    progress: Callable[[int, int], None] | None = None,
    marks: MarkOptions = MarkOptions(),
) -> int:
    """Write an mp4 in which a portrait does what the face of a video does, with its sound.

    Args:
        pipeline: the model.
        portrait: a file, RGB bytes, or what `encode` returned.
        video: a file with a face, of any size, length and frame rate.
        output: the mp4 file; it appears when it is complete, or not at all.
        lips: a sound or video file that the lips speak instead; its sound goes into the mp4, which
            becomes as long: the head is cut, or begins again.
        absolute: as in `placed`.
        options: how lips are drawn.
        crop: how the face is cut out.
        reading: called while the video is read.
        progress: called with frames done and frames in all.
        marks: how the video says that it is generated.

    Returns:
        Number of frames.

    Raises:
        BadInput: lips are asked for of a model whose controls have no names.
        BadMedia: a file cannot be used.
        NoFaceFound: the picture or the video shows no face.
    """
    if lips is not None and not pipeline.config.controls:
        raise BadInput(
            f"the controls of {pipeline.config.name} have no names, "
            f"so lips of one source cannot go with the head of another"
        )
    video = Path(video)
    sound = lips if lips is not None else video if probe(video).audio_rate else None
    ready = pipeline.encode(portrait, crop)
    seed = None if lips is None else options.seed
    finish = marker(marks, Origin(pipeline.config.name, seed), ready.picture)
    with _writer(pipeline, output, sound, finish) as writer:
        read = read_motion(pipeline, video, reading)
        motion = placed(pipeline, ready, read, absolute=absolute)
        if lips is not None:
            motion = with_lips(motion, draw_motion(pipeline, ready, lips, options))
        return _decode(pipeline, ready, motion, writer, progress)


def placed(
    pipeline: FloatPipeline, portrait: Portrait, motion: Motion, *, absolute: bool = False
) -> Motion:
    """A motion on a portrait, whose lips open as far as those of a video that it was read off.

    Args:
        pipeline: the model.
        portrait: what its `encode` returned.
        motion: of the model's controls.
        absolute: head, eyes and expression are where the motion has them. Otherwise the motion's
            difference to its reference is added to the portrait's own. Named lips always start from
            the portrait's closed mouth.
    """
    rest = rest_of(pipeline, portrait)
    if motion.measured:
        motion = as_far_open(pipeline, portrait, motion)
    if not absolute:
        return motion.shown_from(rest)
    named = bool(motion.controls)
    kept = [k for k in range(motion.num_controls) if not (named and k in LIPS)]
    return motion.shown_from(rest, kept)


def as_far_open(pipeline: FloatPipeline, portrait: Portrait, motion: Motion) -> Motion:
    """A motion with measured lips, told so that it opens the portrait's as far as the video's.

    A few frames are decoded to learn how the portrait answers.
    """
    if (gaps := lip_gaps(pipeline, portrait)) is None:
        return replace(motion, measured=False)
    coefficients = motion.coefficients.clone()
    coefficients[:, JAW] = torch.from_numpy(jaws_for(coefficients[:, JAW].numpy(), gaps))
    return replace(motion, coefficients=coefficients, measured=False)


def with_lips(head: Motion, spoken: Motion) -> Motion:
    """The head of one motion and the lips of another, as long as the latter.

    Args:
        head: cut, or begun again with a soft return.
        spoken: whose lips are taken.
    """
    length = len(spoken)
    if len(head) < length:
        head = loop(head, length, min(LOOP_FADE, len(head) // 2))
    names = [head.controls[column] for column in LIPS]
    return blend(cut(head, 0, length), spoken, dict.fromkeys(names, 1.0))


def check_fits(config: ModelConfig, motion: Motion) -> None:
    """Raise BadInput unless a motion is of a model's controls."""
    ours = config.autoencoder.num_directions
    if motion.num_controls != ours:
        raise BadInput(
            f"the motion has {motion.num_controls} controls, but {config.name} has {ours}"
        )
    if motion.controls != config.controls:
        raise BadInput(f"the controls of the motion have other names than those of {config.name}")
    if not motion.controls and motion.model != config.name:
        raise BadInput(
            f"the motion is of {motion.model!r}; controls without names fit no other model, "
            f"and so not {config.name!r}"
        )


def _writer(
    pipeline: FloatPipeline, output: str | Path, sound: str | Path | None, finish: Finish | None
) -> BackgroundWriter:
    size = pipeline.config.autoencoder.size
    audio = None if sound is None else Path(sound)
    return BackgroundWriter(VideoWriter(Path(output), size, size, FPS, audio, finish=finish))


@torch.inference_mode()
def _decode(
    pipeline: FloatPipeline,
    portrait: Portrait,
    motion: Motion,
    writer: BackgroundWriter,
    progress: Callable[[int, int], None] | None,
) -> int:
    """Decode all frames, a few at a time."""
    done = 0
    with one_core_each():
        for piece in motion.coefficients.split(DECODE_BATCH):
            tokens = piece.to(pipeline.device)
            if pipeline.config.motion_space == "latent":
                tokens = pipeline.model.autoencoder.basis.motion(tokens)
            writer.write(pipeline.decode(portrait, tokens))
            done += len(piece)
            if progress is not None:
                progress(done, len(motion))
    return done

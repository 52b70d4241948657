"""Motion drawn from a voice, whole and without decoding a frame."""

import numpy as np
import torch

from openfloat.audio.given import SoundLike
from openfloat.clip import Portrait
from openfloat.data.observed import LIPS
from openfloat.motion.pose import HeadPose
from openfloat.motion.value import Motion, printable
from openfloat.options import SampleOptions
from openfloat.pipeline import FloatPipeline
from openfloat.reenactment.rest import JAW, SWEEP, opening_point
from openfloat.vision.face import detect_faces, refine
from openfloat.vision.measure import mouth_aperture


@torch.inference_mode()
def draw_motion(
    pipeline: FloatPipeline,
    portrait: Portrait,
    speech: SoundLike,
    options: SampleOptions = SampleOptions(),
    pose: HeadPose | None = None,
) -> Motion:
    """What `FloatPipeline.motion` draws, as a value; what lies outside the basis is dropped.

    Args:
        pipeline: the model.
        portrait: what its `encode` returned; the motion is drawn around it.
        speech: a sound or video file, or mono samples at 16 kHz.
        options: how it is drawn.
        pose: what the head does; None: as it likes.

    Raises:
        BadMedia: the sound cannot be used.
    """
    drawn = torch.cat([piece.cpu() for piece in pipeline.motion(portrait, speech, options, pose)])
    if pipeline.config.motion_space == "latent":
        drawn = pipeline.model.autoencoder.basis.coefficients(drawn.to(pipeline.device)).cpu()
    words = getattr(speech, "name", None) or (speech if isinstance(speech, str) else "samples")
    return Motion(
        coefficients=drawn.clone(),
        reference=rest_of(pipeline, portrait),
        controls=pipeline.config.controls,
        model=pipeline.config.name,
        source=printable(f"drawn from {words}"),
    )


@torch.inference_mode()
def rest_of(pipeline: FloatPipeline, portrait: Portrait) -> torch.Tensor:
    """(m,) coefficients that stand for a portrait at rest.

    Where the controls have names, its lips are relaxed and about to open; a few frames are decoded
    to find out when they do.

    Args:
        pipeline: the model.
        portrait: what its `encode` returned.
    """
    rest = portrait.coefficients[0].cpu().clone()
    if not pipeline.config.controls:
        return rest
    rest[LIPS] = 0
    tried = rest.repeat(len(SWEEP), 1)
    tried[:, JAW] = torch.from_numpy(SWEEP)
    frames = pipeline.decode(portrait, tried.to(pipeline.device))
    if faces := detect_faces(frames[0]):
        face = max(faces, key=lambda one: one.size)
        gaps = [float(mouth_aperture(refine(frame, [face])[0].points)) for frame in frames]
        rest[JAW] = opening_point(np.array(gaps, np.float32))
    return rest

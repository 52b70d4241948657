"""Motion drawn from a voice, whole and without decoding a frame."""

import numpy as np
import torch
from jaxtyping import Float32
from numpy import ndarray

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
    gaps = lip_gaps(pipeline, portrait)
    if gaps is not None:
        rest[JAW] = opening_point(gaps)
    return rest


@torch.inference_mode()
def lip_gaps(pipeline: FloatPipeline, portrait: Portrait) -> Float32[ndarray, " n"] | None:
    """How far a portrait's relaxed lips open at each jaw of `SWEEP`, in eye distances.

    None where the decoded portrait shows no face.

    Args:
        pipeline: a model whose controls have names.
        portrait: what its `encode` returned.
    """
    rest = portrait.coefficients[0].cpu().clone()
    rest[LIPS] = 0
    tried = rest.repeat(len(SWEEP), 1)
    tried[:, JAW] = torch.from_numpy(SWEEP)
    frames = pipeline.decode(portrait, tried.to(pipeline.device))
    faces = detect_faces(frames[0])
    if not faces:
        return None
    face = max(faces, key=lambda one: one.size)
    gaps = [float(mouth_aperture(refine(frame, [face])[0].points)) for frame in frames]
    return np.array(gaps, np.float32)

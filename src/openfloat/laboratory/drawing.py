"""Motion for heard clips, drawn by a variant: window after window, all clips in one batch."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from openfloat.config import POSE
from openfloat.flow.diffusion import Diffusion
from openfloat.flow.noise import seeded_noise
from openfloat.flow.solver import METHODS, integrate, steps_for
from openfloat.flow.times import uniform_grid
from openfloat.laboratory.learning import token_directions
from openfloat.laboratory.listening import HeardClip, emotion_of
from openfloat.laboratory.variant import Variant
from openfloat.models.transformer import VectorField
from openfloat.sampling import Carry, guided_field
from openfloat.shapes import Motion

POSES = len(POSE)
Predict = Callable[[Tensor, Tensor], Tensor]


@torch.inference_mode()
def draw(
    field: VectorField, variant: Variant, clips: Sequence[HeardClip], *, windows: int, seed: int
) -> Motion:
    """Coefficients (n, windows x window frames, 20) for the first frames of every clip.

    Args:
        field: trained for the variant; one that can be told a pose is told the clip's.
        variant: how it is drawn from.
        clips: shorter ones go on with their last frame's sound.
        windows: drawn for each clip, each after the one before.
        seed: of the noise; clip i has seed + i.
    """
    config = field.config
    size = config.window_frames
    directions = token_directions(variant.latent_dim) if variant.latent_dim else None
    speech = torch.stack([_stretched(clip.speech, windows * size) for clip in clips])
    poses = torch.stack([_stretched(clip.motion, windows * size) for clip in clips])[..., :POSES]
    emotion = torch.stack([emotion_of(clip, variant.emotion) for clip in clips])
    reference = torch.stack([clip.reference for clip in clips])
    if directions is not None:
        reference = reference @ directions.T
    carry, made = Carry.start(config, reference), []
    solve = _solver(variant)
    for number in range(windows):
        heard = speech[:, number * size : (number + 1) * size]
        turned = poses[:, number * size : (number + 1) * size]
        predict = guided_field(
            field,
            heard,
            carry,
            reference=reference,
            emotion=emotion,
            options=variant.options,
            pose=None if field.pose is None else turned,
        )
        noise = seeded_noise(
            [seed * 1000 + place for place in range(len(clips))],
            number,
            frames=size,
            width=config.motion_dim,
        )
        motion = solve(predict, noise)
        carry = carry.after(motion, heard)
        made.append(motion)
    drawn = torch.cat(made, dim=1)
    return drawn if directions is None else drawn @ directions


def _solver(variant: Variant) -> Callable[[Predict, Motion], Motion]:
    if variant.objective != "flow":
        diffusion = Diffusion(target=variant.objective)
        return lambda predict, noise: diffusion.ddim(predict, noise, variant.evaluations)
    method = METHODS[variant.options.solver]
    times = uniform_grid(steps_for(method, variant.options.nfe))
    return lambda predict, noise: integrate(predict, noise, times, method)


def _stretched(frames: Tensor, count: int) -> Tensor:
    """The first frames; a shorter clip repeats its last."""
    index = torch.arange(count).clamp(max=len(frames) - 1)
    return frames[index]

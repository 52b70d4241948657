"""Speech in, motion out: window after window, guided, each sample with its own noise."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from einops import rearrange, repeat

from openfloat.config import POSE, VectorFieldConfig
from openfloat.errors import BadInput
from openfloat.flow.guidance import guide, needed_branches
from openfloat.flow.noise import MAX_SEED, seeded_noise
from openfloat.flow.solver import METHODS, integrate, steps_for
from openfloat.flow.times import uniform_grid
from openfloat.models.transformer import VectorField
from openfloat.options import SampleOptions
from openfloat.shapes import Emotion, Float, Motion, Pose, Speech, Tensor


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Carry:
    """What one window hands to the next: the last `past_frames` frames, finished."""

    past_motion: Float[Tensor, "b p f"]
    past_speech: Float[Tensor, "b p a"]
    window: int
    """Number of the window to come, from 0."""

    @classmethod
    def start(cls, config: VectorFieldConfig, reference: Float[Tensor, "b f"]) -> Self:
        """Before the first window: zeros, on the reference's device."""
        batch = reference.shape[0]
        return cls(
            past_motion=reference.new_zeros(batch, config.past_frames, config.motion_dim),
            past_speech=reference.new_zeros(batch, config.past_frames, config.speech_dim),
            window=0,
        )

    def after(self, motion: Motion, speech: Speech) -> Self:
        """What is handed on once these frames, 1 or more, are finished."""
        past_frames = self.past_motion.shape[1]
        return type(self)(
            past_motion=torch.cat([self.past_motion, motion], dim=1)[:, -past_frames:],
            past_speech=torch.cat([self.past_speech, speech], dim=1)[:, -past_frames:],
            window=self.window + 1,
        )


def guided_field(
    field: VectorField,
    speech: Speech,
    carry: Carry,
    *,
    reference: Float[Tensor, "b f"],
    emotion: Emotion | Float[Tensor, "b t e"],
    options: SampleOptions,
    pose: Pose | None = None,
) -> Callable[[Tensor, Motion], Motion]:
    """The field that a solver walks: (t, x) -> guided velocity of one window (paper, 3.3).

    Args:
        field: the network.
        speech: a whole window.
        carry: its past motion and past speech are read.
        reference: the portrait's own motion.
        emotion: all zero where none is given; (b e), or of every frame of the window.
        options: its scales and their interval are read.
        pose: of every frame of the window, where the head is told one.
    """

    def under(scales: tuple[float, ...]) -> Callable[[Tensor, Motion], Motion]:
        return _field_under(
            scales, field, speech, carry, reference=reference, emotion=emotion, pose=pose
        )

    scales: tuple[float, ...] = (options.audio_scale, options.emotion_scale)
    if pose is not None:
        scales = (options.pose_scale, *scales)
    guided = under(scales)
    first, last = options.guidance_interval
    if (first, last) == (0, 1):
        return guided
    plain = under((1.0,) * len(scales))
    return lambda t, x: (guided if first <= t <= last else plain)(t, x)


def _field_under(
    scales: tuple[float, ...],
    field: VectorField,
    speech: Speech,
    carry: Carry,
    *,
    reference: Float[Tensor, "b f"],
    emotion: Emotion | Float[Tensor, "b t e"],
    pose: Pose | None,
) -> Callable[[Tensor, Motion], Motion]:
    """The field under the same scales (of a pose if there is one, audio, emotion) at all times.

    Branches, from none to all: nothing; pose, if there is one; with speech; with emotion. The past
    and the reference stay in every branch. Those that count go through the network in one batch.
    """
    kept, steps = needed_branches(scales)
    dtype = field.dtype
    turned = None if pose is None or field.pose is None else field.pose(pose.to(dtype))

    def branches(condition: Tensor, since: int) -> Tensor:
        """The condition in the branches from one on, counted from the last; zeros before."""
        blank = torch.zeros_like(condition)
        first = len(scales) - since
        return torch.cat([condition if k >= first else blank for k in kept])

    prepared = field.prepare(
        speech=branches(speech, 1).to(dtype),
        emotion=branches(emotion, 0).to(dtype),
        pose=None if turned is None else branches(turned, 2),
        past=_branched(carry.past_motion, len(kept)).to(dtype),
        past_speech=_branched(carry.past_speech, len(kept)).to(dtype),
        reference=_branched(reference, len(kept)).to(dtype),
        drawing=True,
    )

    def velocity(t: Tensor, x: Motion) -> Motion:
        # The flow's state keeps the precision of the noise, whatever the field computes in.
        window = field.velocity(_branched(x, len(kept)).to(dtype), t[None], prepared).to(x)
        return guide(rearrange(window, "(n b) t f -> n b t f", n=len(kept)).unbind(), steps)

    return velocity


def sample_window(
    field: VectorField,
    speech: Speech,
    carry: Carry,
    *,
    reference: Float[Tensor, "b f"],
    emotion: Emotion | Float[Tensor, "b t e"],
    options: SampleOptions,
    noise: Motion,
    pose: Pose | None = None,
) -> tuple[Motion, Carry]:
    """One window of motion, and what the next one needs.

    Args:
        field: the network.
        speech: 1 to `window_frames` frames; a shorter piece is padded by repeating its last frame
            and the result is cut to it.
        carry: from the window before, or `Carry.start`.
        reference: the portrait's own motion.
        emotion: all zero where none is given; (b e), or of every frame of the window.
        options: scales, solver and evaluations.
        noise: the start of the flow, a whole window.
        pose: of every frame of the window, where the head is told one.
    """
    config = field.config
    num_frames = speech.shape[1]
    missing = config.window_frames - num_frames
    padding = repeat(speech[:, -1], "b a -> b t a", t=missing)
    velocity = guided_field(
        field,
        torch.cat([speech, padding], dim=1),
        carry,
        reference=reference,
        emotion=emotion,
        options=options,
        pose=pose,
    )
    method = METHODS[options.solver]
    times = uniform_grid(
        steps_for(method, options.nfe), device=reference.device, dtype=reference.dtype
    )
    motion = integrate(velocity, noise.to(reference), times, method)[:, :num_frames]
    return motion, carry.after(motion, speech)


def sample_motion(
    field: VectorField,
    speech: Iterable[Speech],
    *,
    reference: Float[Tensor, "b f"],
    emotion: Emotion | Float[Tensor, "b n e"] | None,
    options: SampleOptions,
    seeds: Sequence[int],
    noise: Callable[[int], Motion] | None = None,
    carry: Carry | None = None,
    pose: Float[Tensor, "b n 6"] | None = None,
) -> Iterator[Motion]:
    """Motion windows for speech of any length, as it comes (paper, section 3.3).

    Sample i of a batch is what it would be alone. Whether gradients are kept is the caller's
    choice of mode.

    Args:
        field: the network.
        speech: pieces of the clip in order, each `window_frames` long, the last one 1 to
            `window_frames`; the next piece is taken when its window is asked for.
        reference: the portrait's own motion; its device and dtype are those of the result.
        emotion: weights of the emotions, or of every frame of the clip, the last of which goes on
            beyond its end; none: no emotion is given.
        options: scales, solver and evaluations; `seed` and `emotion` are the caller's to resolve.
        seeds: one for each sample, 0 to 2^63 - 1.
        noise: instead of the seeds, a source of whole windows by window number.
        carry: continues an earlier clip; none: starts afresh.
        pose: of the frames of the clip, as many as there are; beyond its end it goes back to its
            beginning and on again, to and fro. None: the head moves as it likes.

    Returns:
        One motion window for each piece, as long as the piece.

    Raises:
        BadInput: seeds, emotion, pose or a piece of speech do not fit.
    """
    config = field.config
    batch = reference.shape[0]
    if len(seeds) != batch:
        raise BadInput(f"{len(seeds)} seeds do not fit a batch of {batch}")
    if bad := [seed for seed in seeds if not 0 <= seed <= MAX_SEED]:
        raise BadInput(f"seed {bad[0]} is not between 0 and 2^63 - 1")
    if emotion is None:
        emotion = reference.new_zeros(batch, config.num_emotions)
    if (emotion.shape[0], emotion.shape[-1]) != (batch, config.num_emotions) or emotion.ndim > 3:
        raise BadInput(
            f"emotion of shape {tuple(emotion.shape)} is not {(batch, config.num_emotions)}"
        )
    if pose is not None and (field.pose is None or pose.shape[::2] != (batch, len(POSE))):
        raise BadInput(
            "this model cannot be told a pose: it was trained without"
            if field.pose is None
            else f"pose of shape {tuple(pose.shape)} is not ({batch}, frames, {len(POSE)})"
        )

    def draw(window: int) -> Motion:
        return seeded_noise(seeds, window, frames=config.window_frames, width=config.motion_dim)

    return _windows(
        field,
        _checked(speech, config, batch),
        carry or Carry.start(config, reference),
        noise or draw,
        reference=reference,
        emotion=emotion,
        options=options,
        pose=pose,
    )


def _windows(
    field: VectorField,
    speech: Iterable[Speech],
    carry: Carry,
    noise: Callable[[int], Motion],
    *,
    reference: Float[Tensor, "b f"],
    emotion: Emotion | Float[Tensor, "b t e"],
    options: SampleOptions,
    pose: Float[Tensor, "b n 6"] | None,
) -> Iterator[Motion]:
    start, size = 0, field.config.window_frames
    for piece in speech:
        felt = emotion if emotion.ndim == 2 else _stretch(emotion, start, size)
        turned = None if pose is None else _to_and_fro(pose, start, size)
        start += size
        motion, carry = sample_window(
            field,
            piece,
            carry,
            reference=reference,
            emotion=felt,
            options=options,
            noise=noise(carry.window),
            pose=turned,
        )
        yield motion


def _stretch(frames: Float[Tensor, "b n e"], start: int, count: int) -> Float[Tensor, "b t e"]:
    """Some frames of a clip; its last one stands for those beyond its end."""
    index = torch.arange(start, start + count, device=frames.device)
    return frames[:, index.clamp(max=frames.shape[1] - 1)]


def _to_and_fro(frames: Float[Tensor, "b n c"], start: int, count: int) -> Float[Tensor, "b t c"]:
    """Some frames of what goes to its end, back to its beginning and on again, without a jump."""
    last = frames.shape[1] - 1
    index = torch.arange(start, start + count, device=frames.device) % max(1, 2 * last)
    return frames[:, last - (last - index).abs()]


def _checked(speech: Iterable[Speech], config: VectorFieldConfig, batch: int) -> Iterator[Speech]:
    """The same pieces; refuses one that does not fit, or that follows a short one."""
    ended = False
    for number, piece in enumerate(speech):
        if piece.ndim != 3 or piece.shape[0] != batch or piece.shape[2] != config.speech_dim:
            raise BadInput(
                f"speech piece {number} of shape {tuple(piece.shape)} is not "
                f"({batch}, frames, {config.speech_dim})"
            )
        if ended:
            raise BadInput(
                f"speech piece {number - 1} is shorter than {config.window_frames} frames "
                "and not the last"
            )
        if not 1 <= piece.shape[1] <= config.window_frames:
            raise BadInput(
                f"speech piece {number} has {piece.shape[1]} frames, "
                f"not 1 to {config.window_frames}"
            )
        ended = piece.shape[1] < config.window_frames
        yield piece


def _branched(x: Tensor, count: int) -> Tensor:
    """The same values for every branch, branches outermost in the batch."""
    return repeat(x, "b ... -> (n b) ...", n=count)

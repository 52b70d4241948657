"""Motions cut, joined, mixed, smoothed and retimed: every function returns a new motion."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from openfloat.editing.steadying import reach_of, smoothed
from openfloat.errors import BadInput
from openfloat.motion.value import MOST_FRAMES, Frames, Motion, printable

JAW = "jaw_open"
WIDEST = 250
"""Frames of the widest filter's standard deviation."""


def cut(motion: Motion, start: int, end: int) -> Motion:
    """Frames from `start` up to but not including `end`.

    Raises:
        BadInput: unless 0 <= start < end <= frames.
    """
    if not 0 <= start < end <= len(motion):
        raise BadInput(f"frames {start} to {end} are not within a motion of {len(motion)} frames")
    return replace(motion, coefficients=motion.coefficients[start:end])


def concatenate(motions: Sequence[Motion], fade: int = 0) -> Motion:
    """One after the other.

    The reference stays where all have the same; otherwise the first frame stands for it.

    Args:
        motions: of one model's controls.
        fade: frames over which the end of each turns into the beginning of the next; the result
            is that much shorter at every joint.

    Raises:
        BadInput: there are none, their controls differ, lips of only some are measured, or one is
            shorter than the fade.
    """
    if not motions:
        raise BadInput("there is no motion to join")
    first = motions[0]
    joined = first.coefficients
    for motion in motions[1:]:
        _check_alike(first, motion)
        if first.measured != motion.measured:
            raise BadInput("lips read off a video and drawn lips do not follow one another")
        _check_fade(fade, min(len(motion), len(joined)))
        before, tail = joined[: len(joined) - fade], joined[len(joined) - fade :]
        mixed = _faded(tail, motion.coefficients[:fade])
        joined = torch.cat([before, mixed, motion.coefficients[fade:]])
    return replace(
        first,
        coefficients=joined,
        reference=first.reference if _one_reference(motions) else None,
        source=_both([motion.source for motion in motions]),
    )


def loop(motion: Motion, frames: int, fade: int = 5) -> Motion:
    """The motion over and over without a jump, `frames` long.

    Args:
        motion: what is repeated; one round takes its frames minus the fade.
        frames: of the result.
        fade: frames over which the end turns into the beginning.

    Raises:
        BadInput: fewer than one frame, or a fade of more than half the motion.
    """
    _check_frames(frames)
    _check_fade(fade, len(motion) // 2)
    whole = motion.coefficients
    end = len(whole) - fade
    cycle = torch.cat([_faded(whole[end:], whole[:fade]), whole[fade:end]])
    rounds = [whole[:end], *[cycle] * (frames // len(cycle))]
    return replace(motion, coefficients=torch.cat(rounds)[:frames])


def blend(first: Motion, second: Motion, weights: float | Mapping[str, float]) -> Motion:
    """A mixture of two motions of the same length.

    Args:
        first: gives the reference, the length and whatever no weight is given for.
        second: of the same controls.
        weights: of the second: one for all, or by name of a control; 0 leaves the first.

    Raises:
        BadInput: lengths or controls differ, or there is no control of a name.
    """
    _check_alike(first, second)
    if len(first) != len(second):
        raise BadInput(
            f"motions of {len(first)} and {len(second)} frames cannot be mixed; cut or retime one"
        )
    if isinstance(weights, Mapping):
        share = torch.zeros(first.num_controls)
        share[first.columns(list(weights))] = torch.tensor(list(weights.values()))
    else:
        share = torch.full((first.num_controls,), float(weights))
    jaw = first.controls.index(JAW) if JAW in first.controls else 0
    return replace(
        first,
        coefficients=torch.lerp(first.coefficients, second.coefficients, share),
        source=_both([first.source, second.source]),
        measured=second.measured if share[jaw] > 0.5 else first.measured,
    )


def smooth(motion: Motion, deviation: float, names: Sequence[str] | None = None) -> Motion:
    """A Gaussian filter over time; the first and the last frame stand for what lies beyond.

    Args:
        motion: any.
        deviation: of the filter, frames; 0 changes nothing.
        names: controls to smooth; none: all.

    Raises:
        BadInput: a negative deviation, or there is no control of a name.
    """
    if not 0 <= deviation <= WIDEST:
        raise BadInput(f"a filter of {deviation} frames is not between 0 and {WIDEST}")
    columns = range(motion.num_controls) if names is None else motion.columns(names)
    reach, frames = reach_of(deviation), motion.coefficients
    ends = (frames[:1].expand(reach, -1), frames[-1:].expand(reach, -1))
    padded = torch.cat([ends[0], frames, ends[1]])
    return replace(motion, coefficients=smoothed(padded, deviation, columns))


def retime(motion: Motion, *, speed: float | None = None, frames: int | None = None) -> Motion:
    """Played faster or slower, linear between frames.

    Args:
        motion: any.
        speed: 2 takes half the frames; the number of frames is rounded.
        frames: of the result; give one of the two.

    Raises:
        BadInput: neither or both are given, or the result would have no or too many frames.
    """
    if (speed is None) == (frames is None):
        raise BadInput("retiming needs either a speed or a number of frames")
    if speed is not None:
        if not 0 < speed < float("inf"):
            raise BadInput(f"a speed of {speed}")
        frames = max(1, round(min(len(motion) / speed, MOST_FRAMES + 1)))
    assert frames is not None
    _check_frames(frames)
    pace = len(motion) / frames if speed is None else speed
    times = (torch.arange(frames, dtype=torch.float64) + 0.5) * pace - 0.5
    return replace(motion, coefficients=_at(motion.coefficients, times))


def _at(coefficients: Frames, times: torch.Tensor) -> Frames:
    """Linear interpolation at times (n,) in frames; the ends stand for what lies beyond."""
    times = times.clamp(0, len(coefficients) - 1)
    before = times.long()
    after = (before + 1).clamp(max=len(coefficients) - 1)
    share = (times - before).float()[:, None]
    return torch.lerp(coefficients[before], coefficients[after], share)


def _faded(old: Frames, new: Frames) -> Frames:
    """From old to new over their n frames: shares 1 / (n + 1) ... n / (n + 1)."""
    shares = torch.arange(1, len(new) + 1) / (len(new) + 1)
    return torch.lerp(old, new, shares[:, None])


def _check_alike(first: Motion, other: Motion) -> None:
    if first.controls != other.controls or first.num_controls != other.num_controls:
        raise BadInput("the two motions are not of the same controls")
    if not first.controls and first.model != other.model:
        raise BadInput(
            f"motions of {first.model!r} and {other.model!r}, "
            f"whose controls have no names, do not fit together"
        )


def _check_fade(fade: int, most: int) -> None:
    if not 0 <= fade <= most:
        raise BadInput(f"a fade of {fade} frames is not between 0 and {most}")


def _check_frames(frames: int) -> None:
    if not 1 <= frames <= MOST_FRAMES:
        raise BadInput(f"{frames} frames are not between 1 and {MOST_FRAMES}")


def _one_reference(motions: Sequence[Motion]) -> bool:
    own = motions[0].reference
    return own is not None and all(
        motion.reference is not None and motion.reference.equal(own) for motion in motions
    )


def _both(sources: Sequence[str]) -> str:
    """Different origins in one line, cut to what a motion may hold."""
    return printable(" + ".join(dict.fromkeys(filter(None, sources))))

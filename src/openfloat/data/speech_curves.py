"""Hours of speech with known motion and no pictures: synthetic voices, or GRID's real one.

A clip is a voice and its twenty control curves as motion coefficients (`MotionClip`). The curves
come from the phones' times by rules (`visemes`, `manner`), so they are what the rules say and not
what a camera saw; what a network learns from them is when the mouth does what.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from openfloat.config import EMOTIONS
from openfloat.data.manifest import read_manifest
from openfloat.data.manner import draw_emotion
from openfloat.data.motion import MotionClip
from openfloat.data.speech_grid import grid_clip, read_words
from openfloat.data.speech_motion import motion_for
from openfloat.data.speech_shards import Job, read_shards, run_jobs
from openfloat.data.text import draw_sentence
from openfloat.data.voices import Phone, Utterance, cut, join, silence, trim
from openfloat.data.voices_acoustics import background, change_speed, colour
from openfloat.data.voices_cast import ProgramName, draw_voice, installed_programs, speak
from openfloat.errors import BadInput

T = TypeVar("T")

CLIP_S = (5.0, 12.0)
PAUSE_S = (0.2, 1.5)
LONG_PAUSE_S = (1.5, 4.0)
LONG_PAUSE_SHARE = 0.12
QUIET_SHARE = 0.08
"""Of clips in which nobody speaks: background alone must leave the lips at rest."""
SPEED = 0.08
"""Standard deviation of the logarithm of the playing speed, which shifts pitch and formants."""
SHARD_CLIPS = 100

__all__ = [
    "SpokenClip", "read_shards", "synthesize_clip", "synthesize_spoken", "write_grid_shards",
    "write_shards",
]  # fmt: skip


class SpokenClip(NamedTuple):
    """A synthetic clip and what is said in it."""

    clip: MotionClip
    phones: tuple[Phone, ...]
    """In order and without gaps, from 0 to the end of the sound."""


def synthesize_clip(seed: int, programs: Sequence[ProgramName] | None = None) -> MotionClip:
    """`synthesize_spoken` without the phones."""
    return synthesize_spoken(seed, programs).clip


def synthesize_spoken(seed: int, programs: Sequence[ProgramName] | None = None) -> SpokenClip:
    """One clip of 5 to 12 s: none to several sentences by one synthetic speaker, and its motion.

    The label `emotion` colours the face fully but the voice only in mean rate and pitch
    (`voices_cast.PROSODY`).

    Args:
        seed: decides everything; the same seed and synthesisers give the same clip.
        programs: which synthesisers to draw from; all that are installed when left out.

    Raises:
        BadInput: no synthesiser is installed, or one refuses to speak.
    """
    generator = np.random.default_rng(seed)
    programs = installed_programs() if programs is None else programs
    emotion = draw_emotion(generator)
    voice = draw_voice(generator, emotion, programs)
    speed = float(np.exp(generator.normal(0, SPEED)))
    length_s = float(generator.uniform(*CLIP_S))
    if generator.random() < QUIET_SHARE:
        return _quiet_clip(length_s, emotion, generator)
    parts: list[Utterance] = [silence(_pause_s(generator))]
    while sum(part.duration_s for part in parts) < length_s:
        sentence = change_speed(trim(speak(draw_sentence(generator), voice)), speed)
        parts += [sentence, silence(_pause_s(generator))]
    clean = cut(join(parts), 0.0, length_s)
    motion = motion_for(clean, emotion, generator)
    waveform = colour(clean.waveform, generator)
    clip = MotionClip(waveform, motion, EMOTIONS.index(emotion), f"{voice.program}/{voice.name}")
    return SpokenClip(clip, clean.phones)


def _quiet_clip(length_s: float, emotion: str, generator: np.random.Generator) -> SpokenClip:
    """Somebody who only listens, and a microphone that hears the room."""
    nothing = silence(length_s)
    motion = motion_for(nothing, emotion, generator)
    waveform = background(len(nothing.waveform), generator)
    clip = MotionClip(waveform, motion, EMOTIONS.index(emotion), "quiet")
    return SpokenClip(clip, nothing.phones)


def write_shards(folder: Path, *, clips: int, seed: int, workers: int = 1) -> None:
    """Make synthetic clips and keep them in a folder as `synthetic-00000.safetensors` ...

    Shards that are already there are kept, so that an interrupted run goes on where it was; the
    marker `synthetic.json` is written when all are done.

    Args:
        folder: made if need be.
        clips: how many, 100 to a shard.
        seed: clip i has its own generator, derived from this and i.
        workers: processes.

    Raises:
        BadInput: no synthesiser is installed, a number is below 1, or the folder holds a run with
            other settings.
    """
    _check_counts(clips, workers)
    programs = installed_programs()
    jobs = [
        Job(synthesize_clip, tuple((number, programs) for number in clip_seeds))
        for clip_seeds in _in_shards(seeds_for(seed, clips))
    ]
    settings = {"clips": clips, "seed": seed, "programs": list(programs)}
    run_jobs(folder, "synthetic", jobs, settings=settings, workers=workers)


def write_grid_shards(
    folder: Path, *, data_dir: Path, clips: int, seed: int, workers: int = 1
) -> None:
    """The same for recordings of GRID's speaker: a real voice, curves by rule from word times.

    Args:
        folder: made if need be; may be the one of `write_shards`.
        data_dir: the data pack.
        clips: how many; recordings of the train split in random order, again and again in another
            room and manner when there are fewer.
        seed: decides order and everything about each clip.
        workers: processes.

    Raises:
        BadInput: there is no GRID in the data pack, a number is below 1, or as `write_shards`.
    """
    _check_counts(clips, workers)
    words = read_words(data_dir)
    rows = [
        row
        for row in read_manifest(data_dir).clips
        if row.split == "train" and Path(row.file).stem in words
    ]
    if not rows:
        raise BadInput(f"{data_dir} lists no GRID recordings with word times in its train split")
    generator = np.random.default_rng(seed)
    rounds = -(-clips // len(rows))
    order = np.concatenate([generator.permutation(len(rows)) for _ in range(rounds)])[:clips]
    tasks = [
        (data_dir / rows[row].file, words[Path(rows[row].file).stem], clip_seed)
        for row, clip_seed in zip(order, seeds_for(seed, clips), strict=True)
    ]
    jobs = [Job(grid_clip, tuple(part)) for part in _in_shards(tasks)]
    run_jobs(folder, "grid", jobs, settings={"clips": clips, "seed": seed}, workers=workers)


def seeds_for(seed: int, clips: int) -> list[int]:
    """A seed for each clip; those of the first clips do not depend on how many there are."""
    return [
        int(np.random.SeedSequence((seed, number)).generate_state(1, np.uint64)[0])
        for number in range(clips)
    ]


def _in_shards(items: Sequence[T]) -> list[Sequence[T]]:
    return [items[first : first + SHARD_CLIPS] for first in range(0, len(items), SHARD_CLIPS)]


def _pause_s(generator: np.random.Generator) -> float:
    """Mostly short, now and then a long one in which somebody else might speak."""
    if generator.random() < LONG_PAUSE_SHARE:
        return float(generator.uniform(*LONG_PAUSE_S))
    low, high = PAUSE_S
    return low + (high - low) * float(generator.beta(1.2, 2.5))


def _check_counts(clips: int, workers: int) -> None:
    for name, count in (("clips", clips), ("workers", workers)):
        if count < 1:
            raise BadInput(f"{name}={count} is below 1")

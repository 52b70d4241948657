"""Clips as the ablations see them: motion, and speech features that a frozen network heard once."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from openfloat.config import EMOTIONS
from openfloat.data.manner import overlays
from openfloat.data.motion import MotionClip
from openfloat.data.speech_curves import write_shards
from openfloat.data.speech_shards import read_shards
from openfloat.data.windows import calmed
from openfloat.laboratory.variant import EmotionSource
from openfloat.pipeline import FloatPipeline

TRAIN_CLIPS, TRAIN_SEED = 480, 11
TEST_CLIPS, TEST_SEED = 12, 13
OVERLAYS = torch.from_numpy(overlays())


class HeardClip(NamedTuple):
    """One utterance."""

    motion: Tensor
    """(t, 20) coefficients."""
    speech: Tensor
    """(t, a) features of the embedded model's speech network."""
    emotion: int
    """Index of its label, or -1."""
    voice: Tensor
    """(e,) what the embedded model's speech-emotion network takes it for."""
    reference: Tensor
    """(20,) what the field is told of the portrait: a frame without the labelled expression."""
    face: Tensor
    """(20,) the same frame as it is."""


@torch.inference_mode()
def hear(pipeline: FloatPipeline, clips: Sequence[MotionClip]) -> list[HeardClip]:
    """Run speech and emotion network once over every clip.

    Args:
        pipeline: the embedded model.
        clips: voices with motion.
    """
    heard = []
    for clip in clips:
        motion = torch.from_numpy(clip.motion)
        sound = torch.from_numpy(clip.waveform)[None]
        first = clip.motion[0]
        calm = first if clip.emotion < 0 else calmed(first, OVERLAYS[clip.emotion].numpy())
        heard.append(
            HeardClip(
                motion,
                pipeline.model.speech(sound, len(motion))[0].clone(),
                clip.emotion,
                pipeline.model.emotion(sound)[0].softmax(-1).clone(),
                torch.from_numpy(calm),
                motion[0],
            )
        )
    return heard


def synthetic_clips(folder: Path, *, count: int, seed: int) -> list[MotionClip]:
    """Synthetic voices of a seed; made where they are missing (half a second of a core each).

    Raises:
        BadInput: no speech program is installed, or the folder holds others.
    """
    write_shards(folder, clips=count, seed=seed)
    return read_shards(folder)


def emotion_of(clip: HeardClip, source: EmotionSource) -> Tensor:
    """(e,) weights of the emotions that the field is told; zeros where it is told nothing.

    `face` is the nearest of the data engine's expressions to the portrait's own frame.
    """
    none = torch.zeros(len(EMOTIONS))
    if source == "none":
        return none
    if source == "voice":
        return clip.voice
    chosen = clip.emotion if source == "label" else nearest_expression(clip.face)
    if chosen >= 0:
        none[chosen] = 1
    return none


def nearest_expression(coefficients: Tensor) -> int:
    """Index of the emotion whose expression in the data engine lies nearest.

    Coefficients (20,) of lips and head do not count.
    """
    shown = OVERLAYS.abs().sum(dim=0) > 0
    distance = (OVERLAYS - coefficients)[:, shown].square().sum(dim=1)
    return int(distance.argmin())


class HeardBatch(NamedTuple):
    """Windows with their past."""

    past: Tensor
    """(b p 20)."""
    reference: Tensor
    """(b 20)."""
    speech: Tensor
    """(b t a)."""
    past_speech: Tensor
    """(b p a)."""
    emotion: Tensor
    """(b e)."""
    window: Tensor
    """(b t 20) what is to be drawn."""


class HeardWindows:
    """Draws windows of heard clips; every frame of a window lies within its clip.

    Args:
        clips: at least one as long as a window and its past.
        past_frames: before the window.
        window_frames: of the window.
    """

    def __init__(self, clips: Sequence[HeardClip], *, past_frames: int, window_frames: int) -> None:
        self._past, self._total = past_frames, past_frames + window_frames
        self._clips = [clip for clip in clips if len(clip.motion) >= self._total]
        starts = [len(clip.motion) - self._total + 1 for clip in self._clips]
        self._ends = torch.tensor(starts).cumsum(0)

    def draw(self, batch: int, generator: torch.Generator) -> HeardBatch:
        """One batch; chance comes from the generator alone."""
        places = torch.randint(int(self._ends[-1]), (batch,), generator=generator)
        numbers = torch.searchsorted(self._ends, places, right=True).tolist()
        rows = [self._window(number, generator) for number in numbers]
        motion, speech, reference, emotion = (torch.stack(part) for part in zip(*rows, strict=True))
        past = self._past
        return HeardBatch(
            past=motion[:, :past],
            reference=reference,
            speech=speech[:, past:],
            past_speech=speech[:, :past],
            emotion=emotion,
            window=motion[:, past:],
        )

    def _window(self, number: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        clip = self._clips[number]
        start = int(torch.randint(len(clip.motion) - self._total + 1, (), generator=generator))
        frame = int(torch.randint(len(clip.motion), (), generator=generator))
        reference = clip.motion[frame]
        if clip.emotion >= 0:
            overlay = OVERLAYS[clip.emotion]
            reference = reference - torch.minimum(overlay, reference.clamp(min=0))
        stretch = slice(start, start + self._total)
        return clip.motion[stretch], clip.speech[stretch], reference, emotion_of(clip, "label")

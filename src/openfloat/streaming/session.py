"""One live session: a portrait that listens and speaks for as long as sound comes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from openfloat.audio.frames import num_frames, num_samples
from openfloat.audio.normalise import Levels
from openfloat.clip import Chunk, Portrait
from openfloat.config import EMOTIONS, FPS
from openfloat.editing.hush import hushed
from openfloat.editing.mood_curves import mood_weights
from openfloat.editing.steadying import steady_piece, steady_rest
from openfloat.errors import BadInput
from openfloat.finite import finite
from openfloat.flow.noise import seeded_noise
from openfloat.mood import Mood
from openfloat.options import MotionEdit, SampleOptions
from openfloat.pipeline import FloatPipeline, PictureLike
from openfloat.sampling import Carry, sample_window
from openfloat.shapes import Motion, Speech, Tensor
from openfloat.streaming.hearing import KEPT_FRAMES, Ear, Heard
from openfloat.streaming.state import SessionState

JUDGED_EVERY = 2 * FPS
"""Frames after which the voice's emotion is judged anew."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """How soon a frame is drawn after its sound; sooner knows less of what comes."""

    fresh_frames: int = 10
    """Frames drawn per step: 1 to the model's window."""
    look_ahead_frames: int = 8
    """Frames of sound beyond them that are waited for."""

    def __post_init__(self) -> None:
        if not 1 <= self.fresh_frames <= 250:
            raise ValueError(f"fresh_frames={self.fresh_frames} is not between 1 and 250")
        if not 0 <= self.look_ahead_frames <= 250:
            raise ValueError(f"look_ahead_frames={self.look_ahead_frames} is not 0 to 250")

    @property
    def delay_s(self) -> float:
        """Seconds of sound that the first frame needs, smoothing and computing aside."""
        return (self.fresh_frames + self.look_ahead_frames) / FPS


LOW_LATENCY = Timing(fresh_frames=3, look_ahead_frames=2)


class Pending(NamedTuple):
    """A window that can be drawn now; windows of several sessions make one batch."""

    speech: Speech
    """(1, window_frames, a), the last known frame repeated."""
    num_frames: int
    """Frames of it that are known."""
    carry: Carry
    reference: Tensor
    emotion: Tensor
    """(1, window_frames, 7)."""
    noise: Motion
    quiet: Tensor
    """(fresh,) how far the lips rest in the frames that will be shown, 0 to 1."""


class StreamingSession:
    """Sound in, frames out, a state that can be kept; not for several threads at once.

    Frame i shows sound samples 640 i to 640 (i + 1); its presentation time is i / 25 seconds.
    The frames do not depend on how the sound was cut into pieces.
    """

    def __init__(
        self,
        pipeline: FloatPipeline,
        portrait: PictureLike | Portrait,
        options: SampleOptions = SampleOptions(),
        timing: Timing = Timing(),
        *,
        levels: Levels | None = None,
        state: SessionState | bytes | None = None,
    ) -> None:
        """Begin, or go on from a state.

        Args:
            pipeline: the loaded model.
            portrait: a file, RGB bytes, or what `encode` returned.
            options: how motion is drawn; "auto" judges the last eight seconds of the voice, or its
                last `emotion_window` if that is less.
            timing: when it is drawn.
            levels: of the whole sound where that is known beforehand; else its running level.
            state: of an earlier session with the same portrait, options and timing.

        Raises:
            BadInput: the timing does not fit the model's window, or the state not the model.
        """
        window = pipeline.config.motion.window_frames
        if timing.fresh_frames > window:
            raise BadInput(f"fresh_frames={timing.fresh_frames} exceeds the window of {window}")
        self._pipeline, self._options, self._timing = pipeline, options, timing
        self._portrait = pipeline.encode(portrait)
        self._mood = Mood.parse(options.emotion)
        self._edit = pipeline.editor(self._portrait, options)
        self._photo = pipeline.shown_emotion(self._portrait, self._mood)
        if isinstance(state, bytes):
            state = SessionState.from_bytes(state, pipeline.config, pipeline.device)
        self._state = state or self._begin()
        self._ear = Ear(pipeline.model.speech, self._state.heard, levels)

    @property
    def state(self) -> SessionState:
        """All that the session remembers; `to_bytes` it before going on."""
        return self._state

    @property
    def waiting_frames(self) -> int:
        """Frames of sound that are heard and not drawn."""
        return num_frames(self._state.heard.num_samples) - self._state.drawn

    @property
    def finished(self) -> bool:
        """Whether it has ended and every frame is shown."""
        return self._state.ended and self._state.waiting is None and self.waiting_frames <= 0

    @property
    def drawing(self) -> SampleOptions:
        """The options with what only this session uses left out: equal ones share a batch."""
        return replace(
            self._options,
            seed=0,
            emotion="auto",
            emotion_window=0,
            blink="off",
            steady=0,
            hush=0,
            edit=MotionEdit(),
        )

    def push(self, sound: NDArray[np.float32] | NDArray[np.int16]) -> Iterator[Chunk]:
        """Hear a piece of sound of any length; the frames are drawn as they are asked for.

        Args:
            sound: (s,) mono at 16 kHz, float32 in [-1, 1] or 16-bit integers.

        Raises:
            BadInput: other samples, or the session has ended.
        """
        self.hear(sound)
        return self._chunks()

    def idle(self, frames: int) -> Iterator[Chunk]:
        """So many frames of silence: the face goes on living, and what was heard is shown."""
        return self.push(np.zeros(num_samples(frames), np.float32))

    def interrupt(self) -> None:
        """Forget the sound whose motion is not drawn yet; the face goes on from where it is."""
        self._state.heard.unhear(self._state.drawn)

    def flush(self) -> Iterator[Chunk]:
        """No more sound will come: all remaining frames."""
        self.end()
        return self._chunks()

    def hear(self, sound: NDArray[np.float32] | NDArray[np.int16]) -> None:
        """As `push`, drawing nothing."""
        self._state.heard.add(self._checked(sound))

    def end(self) -> None:
        """As `flush`, drawing nothing."""
        self._state.ended = True

    def _begin(self) -> SessionState:
        pipeline = self._pipeline
        emotion = torch.zeros(1, len(EMOTIONS))
        emotion[0, EMOTIONS.index("neutral")] = 1
        return SessionState(
            heard=Heard.nothing(),
            carry=Carry.start(pipeline.config.motion, pipeline.own_motion(self._portrait)),
            drawn=0,
            shown=0,
            waiting=None,
            emotion=emotion,
            judged=0,
            ended=False,
        )

    def _checked(self, sound: NDArray[np.float32] | NDArray[np.int16]) -> NDArray[np.float32]:
        if self._state.ended:
            raise BadInput("the session has ended: begin another one")
        if sound.ndim != 1 or sound.dtype not in (np.float32, np.int16):
            raise BadInput(f"{sound.dtype} of shape {sound.shape} is not one channel of sound")
        if not np.isfinite(sound).all():
            raise BadInput("some samples are not finite numbers")
        scale = np.float32(32768 if sound.dtype == np.int16 else 1)
        return (sound / scale).astype(np.float32, copy=False)

    def _chunks(self) -> Iterator[Chunk]:
        """Whatever can be drawn now."""
        while (pending := self.pending()) is not None:
            yield from self.accept(draw(self._pipeline, pending, self._options), pending)
        yield from self.rest()

    @torch.inference_mode()
    def pending(self) -> Pending | None:
        """The next window, if enough is heard; to be drawn, then given to `accept`."""
        state, timing, config = self._state, self._timing, self._pipeline.config.motion
        heard = self._ear.speech(
            state.drawn,
            fresh=timing.fresh_frames,
            look_ahead=timing.look_ahead_frames,
            ended=state.ended,
            device=self._pipeline.device,
        )
        if heard is None:
            return None
        self._judge()
        speech = heard[:, : config.window_frames]
        missing = config.window_frames - speech.shape[1]
        noise = seeded_noise(
            [self._options.seed], state.carry.window,
            frames=config.window_frames, width=config.motion_dim,
        )  # fmt: skip
        return Pending(
            torch.cat([speech, speech[:, -1:].expand(-1, missing, -1)], dim=1),
            speech.shape[1],
            state.carry,
            self._pipeline.own_motion(self._portrait),
            self._felt(),
            noise,
            self._quiet(),
        )

    def accept(self, motion: Motion, pending: Pending) -> Iterator[Chunk]:
        """Take a drawn window (1, t, f): the frames that it completes.

        Raises:
            NotFinite: it is not finite.
        """
        finite("drawing the motion", motion)
        state = self._state
        fresh = min(self._timing.fresh_frames, pending.num_frames)
        motion = motion[:, :fresh]
        state.carry = pending.carry.after(motion, pending.speech[:, :fresh])
        state.drawn += fresh
        shown = hushed(motion[0], pending.quiet) if self._pipeline.config.controls else motion[0]
        ready, state.waiting = steady_piece(state.waiting, shown, self._deviation)
        return self._shown(ready)

    def rest(self) -> Iterator[Chunk]:
        """At the end of the sound, the frames that waited to be smoothed."""
        state = self._state
        if not state.ended or state.waiting is None:
            return iter(())
        rest, state.waiting = steady_rest(state.waiting, self._deviation), None
        return self._shown(rest)

    def _felt(self) -> Tensor:
        """(1, t, 7) weights of the emotions in the next window."""
        count, voice = self._pipeline.config.motion.window_frames, self._state.emotion.numpy()
        weights = mood_weights(self._mood, self._state.drawn, count, voice, self._photo)
        return torch.from_numpy(weights)[None].to(self._pipeline.device)

    def _quiet(self) -> Tensor:
        """(fresh,) how far the lips rest."""
        timing = self._timing
        return self._options.hush * self._ear.quiet(
            self._state.drawn,
            fresh=timing.fresh_frames,
            look_ahead=timing.look_ahead_frames,
        )

    def _judge(self) -> None:
        """Now and then, what emotion the voice has, where the options ask for that."""
        state = self._state
        if not self._mood.listens or state.drawn < state.judged + JUDGED_EVERY:
            return
        state.judged = state.drawn
        kept = min(KEPT_FRAMES, round(self._options.emotion_window * FPS) or KEPT_FRAMES)
        heard = state.heard.cut(max(state.heard.first, state.drawn - kept), state.drawn)
        state.emotion = (
            self._pipeline.model.emotion(heard.to(self._pipeline.device)).softmax(-1).cpu()
        )

    @property
    def _deviation(self) -> float:
        return self._options.steady if self._pipeline.config.controls else 0.0

    def _shown(self, motion: Tensor) -> Iterator[Chunk]:
        """Decoded, with lids, in pieces."""
        state = self._state
        if not len(motion):
            return
        start = state.shown
        motion = self._edit(motion, start)
        state.shown += len(motion)
        yield from self._pipeline.chunks(self._portrait, motion, start)


@torch.inference_mode()
def draw(pipeline: FloatPipeline, pending: Pending, options: SampleOptions) -> Motion:
    """The whole window of motion (b, t, f) of one or several pending ones."""
    motion, _ = sample_window(
        pipeline.model.motion,
        pending.speech,
        pending.carry,
        reference=pending.reference,
        emotion=pending.emotion,
        options=options,
        noise=pending.noise,
    )
    return motion

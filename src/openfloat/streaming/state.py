"""All that a session remembers between two pieces of sound, as a value and as bytes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from openfloat.config import EMOTIONS, ModelConfig
from openfloat.errors import BadInput
from openfloat.sampling import Carry
from openfloat.shapes import Emotion, Tensor
from openfloat.streaming.hearing import REMEMBERED_FRAMES, Heard

MOST_BYTES = 16 * 2**20
"""No session of a model of ours comes near it."""
CLOCK = ("first", "measured", "window", "drawn", "shown", "judged", "ended")

Arrays = dict[str, NDArray[Any]]


@dataclass(eq=False, kw_only=True, slots=True)
class SessionState:
    """A session between two steps; `to_bytes` and `from_bytes` carry it to another process.

    Attributes:
        heard: the sound that is still needed, and its levels.
        carry: motion and speech features of the last frames drawn.
        drawn: frames whose motion is drawn.
        shown: frames given out, fewer by those that wait to be smoothed.
        waiting: (n, m) motion that waits, none before the first frame.
        emotion: (1, 7) what the voice sounded like, on the processor.
        judged: frame up to which the voice was last judged.
        ended: no more sound will come.
    """

    heard: Heard
    carry: Carry
    drawn: int
    shown: int
    waiting: Tensor | None
    emotion: Emotion
    judged: int
    ended: bool

    def to_bytes(self) -> bytes:
        """The state as a safetensors file in memory: a few hundred kB."""
        clock = {
            "first": self.heard.first, "measured": self.heard.measured,
            "window": self.carry.window, "drawn": self.drawn, "shown": self.shown,
            "judged": self.judged, "ended": int(self.ended),
        }  # fmt: skip
        past = self.carry.past_motion
        waiting = past.new_empty(0, past.shape[-1]) if self.waiting is None else self.waiting
        tensors = {
            "past_motion": past, "past_speech": self.carry.past_speech,
            "waiting": waiting, "emotion": self.emotion,
        }  # fmt: skip
        arrays: Arrays = {name: t.contiguous().cpu().numpy() for name, t in tensors.items()}
        arrays |= {
            "samples": self.heard.samples, "levels": self.heard.frames,
            "moments": self.heard.moments,
            "clock": np.array([clock[name] for name in CLOCK], np.int64),
        }  # fmt: skip
        return save({name: np.ascontiguousarray(array) for name, array in arrays.items()})

    @classmethod
    def from_bytes(
        cls, content: bytes, config: ModelConfig, device: torch.device
    ) -> "SessionState":
        """Read a state of the same model.

        Raises:
            BadInput: the bytes are no state, or one of another model.
        """
        arrays = _read(content)
        _check(arrays, config)
        clock = dict(zip(CLOCK, arrays["clock"].tolist(), strict=True))
        tensors = {
            name: torch.from_numpy(arrays[name].copy()).to(device)
            for name in ("past_motion", "past_speech", "waiting")
        }
        return cls(
            heard=Heard(
                samples=arrays["samples"].copy(),
                first=clock["first"],
                measured=clock["measured"],
                frames=arrays["levels"].copy(),
                moments=arrays["moments"].copy(),
            ),
            carry=Carry(
                past_motion=tensors["past_motion"],
                past_speech=tensors["past_speech"],
                window=clock["window"],
            ),
            drawn=clock["drawn"],
            shown=clock["shown"],
            waiting=tensors["waiting"] if clock["drawn"] else None,
            emotion=torch.from_numpy(arrays["emotion"].copy()),
            judged=clock["judged"],
            ended=bool(clock["ended"]),
        )


def _read(content: bytes) -> Arrays:
    if len(content) > MOST_BYTES:
        raise BadInput(f"{len(content)} bytes are too many for the state of a session")
    try:
        return load(content)
    except (SafetensorError, ValueError, KeyError, TypeError) as problem:
        raise BadInput("the bytes are not the state of a session") from problem


def _check(arrays: Arrays, config: ModelConfig) -> None:
    """Refuse whatever a session of this model could not have written."""
    motion = config.motion
    shapes: dict[str, tuple[type, tuple[int | None, ...]]] = {
        "past_motion": (np.float32, (1, motion.past_frames, motion.motion_dim)),
        "past_speech": (np.float32, (1, motion.past_frames, motion.speech_dim)),
        "waiting": (np.float32, (None, motion.motion_dim)),
        "emotion": (np.float32, (1, len(EMOTIONS))),
        "samples": (np.float32, (None,)),
        "levels": (np.float32, (None,)),
        "moments": (np.float64, (3,)),
        "clock": (np.int64, (len(CLOCK),)),
    }
    if arrays.keys() != shapes.keys():
        raise BadInput("the bytes are not the state of a session")
    for name, (kind, wanted) in shapes.items():
        array = arrays[name]
        fits = array.ndim == len(wanted) and all(
            w is None or w == s for s, w in zip(array.shape, wanted, strict=True)
        )
        if array.dtype != kind or not fits:
            raise BadInput(f"the state is of another model: its {name} is {array.shape}")
        if not np.isfinite(array).all():
            raise BadInput(f"the state's {name} is not finite")
    drawn, shown = (int(arrays["clock"][CLOCK.index(name)]) for name in ("drawn", "shown"))
    if arrays["clock"].min() < 0 or shown > drawn or len(arrays["levels"]) > REMEMBERED_FRAMES:
        raise BadInput("the state's clock does not fit what it holds")
    if arrays["moments"][0] <= 0 or not len(arrays["levels"]):
        raise BadInput("the state has never heard anything")

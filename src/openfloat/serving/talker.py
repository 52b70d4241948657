"""Turns of live sessions by who remembers none of them: state in, state out."""

import hashlib
import tempfile
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from openfloat.audio.frames import num_frames
from openfloat.clip import Portrait
from openfloat.errors import BadInput, OpenFloatError
from openfloat.pipeline import FloatPipeline
from openfloat.serving.live import LONGEST_WAITING
from openfloat.serving.schema import LiveOptions, read_options
from openfloat.serving.sentences import sentence
from openfloat.serving.sessions import jpegs
from openfloat.streaming.engine import Engine

MOST_TOGETHER = 8
"""Turns drawn as one batch."""
REMEMBERED = 32
"""Portraits whose encoding is kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """A piece of a live session.

    Attributes:
        portrait: the photo, as a file's bytes.
        sound: 16 kHz, mono, signed 16-bit little-endian.
        options: JSON of `LiveOptions`, the same in all turns of a session.
        state: what the turn before gave, empty in the first.
        interrupt: forget first what was heard and not drawn.
        end: no more sound will come.
    """

    portrait: bytes
    sound: bytes = b""
    options: str = "{}"
    state: bytes = b""
    interrupt: bool = False
    end: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What a turn gave.

    Attributes:
        frames: each as in a message of the server's WebSocket: index, milliseconds, JPEG.
        state: for the next turn.
        error: one sentence where the turn could not be drawn.
    """

    frames: tuple[bytes, ...] = ()
    state: bytes = b""
    error: str = ""


class Talker:
    """Draws turns of any sessions, several as one batch.

    Args:
        pipeline: the loaded model.
        most_nfe: evaluations of the vector field that a turn may ask for.
    """

    def __init__(self, pipeline: FloatPipeline, most_nfe: int) -> None:
        self._pipeline, self._most_nfe = pipeline, most_nfe
        self._engine = Engine(pipeline, most_sessions=MOST_TOGETHER)
        self._portraits = OrderedDict[tuple[bytes, object], Portrait]()

    def talk(self, turns: Sequence[Turn]) -> list[Reply]:
        """A reply to each of at most `MOST_TOGETHER` turns; one that fails fails alone."""
        opened: list[int | OpenFloatError] = []
        for turn in turns:
            try:
                opened.append(self._open(turn))
            except OpenFloatError as error:
                opened.append(error)
        while self._engine.step():
            pass
        return [Reply(error=sentence(number)) if isinstance(number, OpenFloatError)
                else self._close(number) for number in opened]  # fmt: skip

    def _open(self, turn: Turn) -> int:
        """A seat in the engine that has heard a turn's sound."""
        options = read_options(LiveOptions, turn.options, self._most_nfe)
        if len(turn.sound) % 2:
            raise BadInput("the sound is no whole number of 16-bit samples")
        sound = np.frombuffer(turn.sound, "<i2").astype(np.int16)
        if num_frames(len(sound)) > LONGEST_WAITING:
            raise BadInput(f"a turn has more than {LONGEST_WAITING} frames of sound")
        portrait = self._portrait(turn.portrait, options)
        number = self._engine.open(portrait, options.sample, options.timing, turn.state or None)
        try:
            if turn.interrupt:
                self._engine.interrupt(number)
            if len(sound):
                self._engine.push(number, sound)
            if turn.end:
                self._engine.flush(number)
        except OpenFloatError:
            self._engine.close(number)
            raise
        return number

    def _close(self, number: int) -> Reply:
        """What a seat has drawn; it is free then."""
        try:
            chunks = self._engine.take(number)
        except OpenFloatError as error:
            self._engine.close(number)
            return Reply(error=sentence(error))
        frames = tuple(message for chunk in chunks for message in jpegs(chunk))
        return Reply(frames=frames, state=self._engine.close(number))

    def _portrait(self, data: bytes, options: LiveOptions) -> Portrait:
        """A portrait, encoded; the last ones are remembered."""
        key = (hashlib.sha256(data).digest(), options.crop)
        if key not in self._portraits:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "portrait")
                path.write_bytes(data)
                try:
                    self._portraits[key] = self._pipeline.encode(path, options.crop)
                except OpenFloatError as error:
                    raise type(error)(sentence(error, path.parent)) from error
        self._portraits.move_to_end(key)
        while len(self._portraits) > REMEMBERED:
            self._portraits.popitem(last=False)
        return self._portraits[key]

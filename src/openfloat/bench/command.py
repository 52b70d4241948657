"""Whole commands: speed, start and memory of real processes, and how soon a session answers."""

import os
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from openfloat.audio.frames import num_frames, num_samples
from openfloat.audio.io import load_audio
from openfloat.audio.recording import Recording
from openfloat.bench.timing import Timed, in_turns
from openfloat.config import FPS, SAMPLE_RATE
from openfloat.errors import OpenFloatError
from openfloat.marking.code import Payload
from openfloat.marking.watermark import Watermark
from openfloat.options import SampleOptions
from openfloat.pipeline import DECODE_BATCH, FloatPipeline
from openfloat.streaming.session import LOW_LATENCY, StreamingSession
from openfloat.weights.hub import resolve_model
from openfloat.weights.store import load_config

DEMO = Path(__file__).parent.parent / "assets" / "demo"
PORTRAIT, SPEECH = DEMO / "portrait.jpg", DEMO / "speech.wav"
PIECE = SAMPLE_RATE // 50
"""Samples that a microphone hands over at a time: 20 ms."""
LIVE = SampleOptions(solver="ab2", nfe=4, steady=0)
"""What the low-latency setting draws: fewer evaluations, nothing that waits to be smoothed."""
START = """
from openfloat import FloatPipeline
pipeline = FloatPipeline.from_pretrained({model!r})
next(pipeline.stream({portrait!r}, {speech!r}))
"""


def command_rows(model: str, rounds: int) -> dict[str, Timed | float]:
    """Frames per second of `openfloat animate`, and seconds from nothing to a first frame.

    Marking is what the same takes longer than with `--no-mark`, of the whole.
    """
    size = load_config(resolve_model(model)).autoencoder.size
    frames = num_frames(len(load_audio(SPEECH)))
    started = START.format(model=model, portrait=str(PORTRAIT), speech=str(SPEECH))
    with tempfile.TemporaryDirectory() as folder:
        whole = _animate(model, SPEECH, Path(folder))
        pairs = [(_run(whole)[0], _run([*whole, "--no-mark"])[0]) for _ in range(rounds)]
    starts = [_run([sys.executable, "-c", started])[0] for _ in range(rounds)]
    return {
        f"animate_{size}_fps": Timed.of([frames / marked for marked, _ in pairs]),
        "marking_share": Timed.of([1 - unmarked / marked for marked, unmarked in pairs]),
        "start_s": Timed.of(starts),
    }


def memory_rows(model: str, short_s: float, long_s: float) -> dict[str, Timed | float]:
    """Peak memory of a short and a long recording, MB, and their ratio."""
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        for seconds in (short_s, long_s):
            sound = Path(folder) / f"{seconds:g}.wav"
            repeated(SPEECH, sound, seconds)
            peaks.append(_run(_animate(model, sound, Path(folder)))[1])
    return {
        "memory_short_mb": peaks[0],
        "memory_long_mb": peaks[1],
        "memory_ratio_long_short": peaks[1] / peaks[0],
    }


def stage_rows(pipeline: FloatPipeline, rounds: int) -> dict[str, Timed | float]:
    """What a clip of two seconds costs once everything is loaded, milliseconds."""
    frames = 2 * FPS
    recording = Recording.open(load_audio(SPEECH)[: num_samples(frames)])
    portrait = pipeline.encode(PORTRAIT)

    def motion() -> list[Tensor]:
        return list(pipeline.motion(portrait, recording, SampleOptions()))

    pieces = torch.cat(motion()).split(DECODE_BATCH)
    shown = np.concatenate([pipeline.decode(portrait, piece) for piece in pieces])
    mark = Watermark(shown.shape[2], shown.shape[1], Payload.of(pipeline.config.name, 15))
    seconds = in_turns(
        {
            "portrait": lambda: pipeline.encode(PORTRAIT),
            "motion": motion,
            "decode": lambda: [pipeline.decode(portrait, piece) for piece in pieces],
            "marking": lambda: [mark(frame, k / FPS) for k, frame in enumerate(shown)],
        },
        rounds,
    )
    each = [a + b for a, b in zip(seconds["motion"], seconds["decode"], strict=True)]
    return {
        "portrait_ms": Timed.of([s * 1e3 for s in seconds["portrait"]]),
        "motion_ms_per_frame": Timed.of([s * 1e3 / frames for s in seconds["motion"]]),
        "decode_ms_per_frame": Timed.of([s * 1e3 / frames for s in seconds["decode"]]),
        "loaded_fps": Timed.of([frames / s for s in each]),
        "marking_ms_per_frame": Timed.of([s * 1e3 / frames for s in seconds["marking"]]),
        "marking_percent": Timed.of(
            [100 * s / rest for s, rest in zip(seconds["marking"], each, strict=True)]
        ),
    }


def session_rows(pipeline: FloatPipeline, rounds: int) -> dict[str, Timed | float]:
    """Milliseconds from the first sound to the first frame, sound coming as from a microphone.

    Before the sound the session has idled for a second, as it would have in a conversation.
    """
    sound = load_audio(SPEECH)
    portrait = pipeline.encode(PORTRAIT)
    waits = []
    for _ in range(rounds):
        session = StreamingSession(pipeline, portrait, LIVE, LOW_LATENCY)
        for _ in session.idle(FPS):
            pass
        waits.append(_first_answer(session, sound) * 1e3)
    return {"first_frame_ms": Timed.of(waits)}


def _first_answer(session: StreamingSession, sound: np.ndarray) -> float:
    """Seconds of real time until a frame of the new sound is there."""
    answered = num_frames(session.state.heard.num_samples)
    started = time.perf_counter()
    for number, begin in enumerate(range(0, len(sound), PIECE)):
        time.sleep(max(0.0, started + (number + 1) * PIECE / SAMPLE_RATE - time.perf_counter()))
        for chunk in session.push(sound[begin : begin + PIECE]):
            if chunk.start + len(chunk.frames) > answered:
                return time.perf_counter() - started
    raise OpenFloatError("the session gave no frame of the sound")


def repeated(source: Path, target: Path, seconds: float) -> None:
    """Write the source's sound again and again until it lasts so long."""
    with wave.open(str(source)) as sound:
        parameters, once = sound.getparams(), sound.readframes(sound.getnframes())
    size = int(seconds * parameters.framerate) * parameters.sampwidth * parameters.nchannels
    with wave.open(str(target), "wb") as sound:
        sound.setparams(parameters)
        sound.writeframes((once * (size // len(once) + 1))[:size])


def _animate(model: str, sound: Path, folder: Path) -> list[str]:
    command = [sys.executable, "-m", "openfloat", "animate", str(PORTRAIT), str(sound)]
    return [*command, "-o", str(folder / "out.mp4"), "--model", model]


def _run(command: list[str]) -> tuple[float, float]:
    """Wall seconds and peak resident memory in MB of a process.

    Raises:
        OpenFloatError: it failed.
    """
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise OpenFloatError(f"{' '.join(command)} ended with status {process.returncode}")
    return time.perf_counter() - started, usage.ru_maxrss / 1024

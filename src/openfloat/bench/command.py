"""Whole commands: speed, start and memory of real processes, and how soon a session answers."""

import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from openfloat.audio.frames import num_frames, num_samples
from openfloat.audio.io import load_audio
from openfloat.audio.recording import Recording
from openfloat.bench.thinned import thinned
from openfloat.bench.timing import Timed, timed_items
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
USUAL_S = 20
"""Seconds of sound of a usual clip."""
STARTER = """
import resource, subprocess, sys, time
started = time.perf_counter()
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""
START = """
from openfloat import FloatPipeline
pipeline = FloatPipeline.from_pretrained({model!r})
next(pipeline.stream({portrait!r}, {speech!r}))
"""


def command_rows(model: str, rounds: int) -> dict[str, Timed | float]:
    """Frames per second of `openfloat animate`, and seconds from nothing to a first frame.

    Of `USUAL_S` seconds of sound, and of the bundled few, in which starting counts for much.
    Marking is what the same takes longer than with `--no-mark`, of the whole.
    """
    size = load_config(resolve_model(model)).autoencoder.size
    started = START.format(model=model, portrait=str(PORTRAIT), speech=str(SPEECH))
    with tempfile.TemporaryDirectory() as folder:
        usual = Path(folder) / "usual.wav"
        repeated(SPEECH, usual, USUAL_S)
        whole, few = (_animate(model, sound, Path(folder)) for sound in (usual, SPEECH))
        pairs = [(_run(whole)[0], _run([*whole, "--no-mark"])[0]) for _ in range(rounds)]
        shorts = [_run(few)[0] for _ in range(rounds)]
    starts = [_run([sys.executable, "-c", started])[0] for _ in range(rounds)]
    few_frames = num_frames(len(load_audio(SPEECH)))
    return {
        f"animate_{size}_fps": Timed.of([USUAL_S * FPS / marked for marked, _ in pairs]),
        f"animate_{size}_fps_short": Timed.of([few_frames / seconds for seconds in shorts]),
        "marking_share": Timed.of([1 - unmarked / marked for marked, unmarked in pairs]),
        "start_s": Timed.of(starts),
    }


def memory_rows(model: str, short_s: float, long_s: float, every: int) -> dict[str, Timed | float]:
    """Peak memory of a short and a long recording, MB, and their ratio.

    Both with `thinned` pictures and one evaluation of the vector field, so that an hour of sound
    takes minutes; and the short one as `animate` makes it, with nothing left out.
    """
    jobs = (("whole", short_s, 1), ("short", short_s, every), ("long", long_s, every))
    rows: dict[str, Timed | float] = {}
    peaks: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, seconds, decoded in jobs:
            sound = Path(folder) / f"{seconds:g}.wav"
            repeated(SPEECH, sound, seconds)
            few = [] if decoded == 1 else ["--nfe", "1"]
            command = _animate(model, sound, Path(folder), decoded)
            taken, peaks[name] = _run([*command, *few])
            rows[f"memory_{name}_mb"], rows[f"memory_{name}_minutes"] = peaks[name], taken / 60
    return rows | {"memory_ratio_long_short": peaks["long"] / peaks["short"]}


def stage_rows(pipeline: FloatPipeline, rounds: int) -> dict[str, Timed | float]:
    """What a clip of two seconds costs once everything is loaded, milliseconds.

    Motion is timed as a whole, decoding piece by piece, marking frame by frame.
    """
    recording = Recording.open(load_audio(SPEECH)[: num_samples(2 * FPS)])
    found = [_stages(pipeline, recording) for _ in range(rounds + 1)][1:]  # the first warms up
    frames = recording.num_frames
    drawing = [stages.motion + sum(stages.decode) for stages in found]
    return {
        "portrait_ms": Timed.of([1e3 * stages.portrait for stages in found]),
        "motion_ms_per_frame": Timed.of([1e3 * stages.motion / frames for stages in found]),
        "decode_ms_per_frame": Timed.of(
            [1e3 * piece / DECODE_BATCH for stages in found for piece in stages.decode]
        ),
        "loaded_fps": Timed.of([frames / s for s in drawing]),
        "real_time_factor": Timed.of([frames / s / FPS for s in drawing]),
        "marking_ms_per_frame": Timed.of([1e3 * s for stages in found for s in stages.marking]),
        "marking_percent": Timed.of(
            [100 * sum(stages.marking) / s for stages, s in zip(found, drawing, strict=True)]
        ),
    }


class Stages(NamedTuple):
    """Seconds of a clip's stages; of each piece of ten frames, of each frame."""

    portrait: float
    motion: float
    decode: list[float]
    marking: list[float]


def _stages(pipeline: FloatPipeline, recording: Recording) -> Stages:
    """One clip, stage after stage."""
    portrait, encoded = timed_items(pipeline.encode(PORTRAIT) for _ in range(1))
    windows, drawn = timed_items(pipeline.motion(portrait[0], recording, SampleOptions()))
    pieces = torch.cat(windows).split(DECODE_BATCH)
    shown, decoded = timed_items(pipeline.decode(portrait[0], piece) for piece in pieces)
    frames = np.concatenate(shown)
    mark = Watermark(frames.shape[2], frames.shape[1], Payload.of(pipeline.config.name, 15))
    _, marked = timed_items(mark(frame, k / FPS) for k, frame in enumerate(frames))
    return Stages(encoded[0], sum(drawn), decoded, marked)


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


def _animate(model: str, sound: Path, folder: Path, every: int = 1) -> list[str]:
    output = str(folder / "out.mp4")
    arguments = ["animate", str(PORTRAIT), str(sound), "-o", output, "--model", model]
    return thinned(arguments, every)


def _run(command: list[str]) -> tuple[float, float]:
    """Wall seconds and peak resident memory in MB of a process.

    A small process starts it: Linux counts what the starting process held as the peak of the new
    one, which would be all that was measured before.

    Raises:
        OpenFloatError: it failed.
    """
    started = [sys.executable, "-c", STARTER, *command]
    done = subprocess.run(started, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise OpenFloatError(f"{' '.join(command)} ended with status {done.returncode}")
    seconds, kilobytes = map(float, done.stdout.split())
    return seconds, kilobytes / 1024

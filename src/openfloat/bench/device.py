"""`float-512` on a GPU: decoding alone, the whole pipeline without a file, many live sessions.

Weights are random: time does not depend on them. Where there is no GPU the same code runs with a
small model, which shows that it works and nothing else.
"""

import functools
import time
from dataclasses import replace

import numpy as np
import torch

from openfloat.audio.frames import num_frames
from openfloat.audio.io import load_audio
from openfloat.bench.command import PORTRAIT, SPEECH
from openfloat.bench.command import session_rows as first_frame_rows
from openfloat.bench.decoder import best_rates, flops
from openfloat.bench.options import BenchOptions
from openfloat.bench.timing import Timed, in_turns
from openfloat.config import FPS, SAMPLE_RATE, ModelConfig
from openfloat.models.model import FloatModel
from openfloat.options import Precision, SampleOptions
from openfloat.pipeline import FloatPipeline
from openfloat.streaming.engine import Engine
from openfloat.streaming.session import LOW_LATENCY, Timing

BATCHES = (8, 32, 64)
LIVE = SampleOptions(solver="ab2", nfe=6, emotion="neutral")


def device_rows(options: BenchOptions) -> dict[str, Timed | float]:
    """Decoding, the pipeline and live sessions, each session at 25 frames a second for 10 s."""
    pipeline = _random_pipeline(options.device, options.precision, compiled=options.compile)
    rows = decode_rows(pipeline, options.rounds)
    rows |= whole_rows(pipeline, options.rounds)
    rows |= first_frame_rows(pipeline, options.rounds)
    rows |= session_rows(pipeline, options.sessions)
    if pipeline.device.type == "cuda":
        rows["peak_memory_gb"] = torch.cuda.max_memory_allocated(pipeline.device) / 1e9
    return rows


def decode_rows(pipeline: FloatPipeline, rounds: int) -> dict[str, Timed | float]:
    """Frames per second of decoding in batches, and the best one's share of the device's rate."""
    portrait, device = pipeline.encode(PORTRAIT), str(pipeline.device)
    width = pipeline.config.motion.motion_dim
    rows: dict[str, Timed | float] = {}
    fastest = 0.0
    for batch in BATCHES:
        motion = torch.randn(batch, width, device=pipeline.device)
        decode = functools.partial(pipeline.decode, portrait, motion)
        seconds = in_turns({"x": decode}, rounds, device)
        found = Timed.of([batch / s for s in seconds["x"]])
        rows[f"decode_fps_batch_{batch}"] = found
        fastest = max(fastest, found.median)
    work = flops(pipeline.config.autoencoder)
    rate = Timed.of(best_rates(rounds, device, pipeline.dtype)).median
    return rows | {
        "gflop_per_frame": work / 1e9,
        "best_gflop_per_s": rate / 1e9,
        "decode_share_of_peak": work * fastest / rate,
    }


def whole_rows(pipeline: FloatPipeline, rounds: int) -> dict[str, Timed | float]:
    """Frames per second from sound to pictures in the processor's memory, no file written."""
    portrait, device = pipeline.encode(PORTRAIT), str(pipeline.device)
    sound = load_audio(SPEECH)
    frames = num_frames(len(sound))

    def motion() -> list[torch.Tensor]:
        return list(pipeline.motion(portrait, sound, SampleOptions()))

    def clip() -> int:
        return sum(len(chunk.frames) for chunk in pipeline.stream(portrait, sound))

    seconds = in_turns({"motion": motion, "clip": clip}, rounds, device)
    fps = [frames / s for s in seconds["clip"]]
    return {
        "motion_ms_per_frame": Timed.of([1e3 * s / frames for s in seconds["motion"]]),
        "pipeline_fps": Timed.of(fps),
        "real_time_factor": Timed.of([found / FPS for found in fps]),
    }


def device_name(device: str) -> str:
    """What is measured: the GPU's name; or that it is a dry run."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    return f"{device}: a dry run with a tiny model"


def session_rows(pipeline: FloatPipeline, sessions: int, seconds: float = 10) -> dict[str, float]:
    """How late frames are when so many sessions hear sound in real time, milliseconds.

    A frame is due when the sound that its step waits for is there; with frames that come in steps
    that is later than the frame's own time by the delay of the timing.
    """
    portrait = pipeline.encode(PORTRAIT)
    engine = Engine(pipeline, most_sessions=sessions)
    timing = Timing(fresh_frames=5, look_ahead_frames=LOW_LATENCY.look_ahead_frames)
    options = replace(LIVE, steady=0)
    numbers = [engine.open(portrait, replace(options, seed=n), timing) for n in range(sessions)]
    sound = np.tile(load_audio(SPEECH), 4)[: int(seconds * SAMPLE_RATE)]
    late: list[float] = []
    piece = SAMPLE_RATE // FPS
    began = time.perf_counter()
    for number, start in enumerate(range(0, len(sound), piece)):
        time.sleep(max(0.0, began + (number + 1) / FPS - time.perf_counter()))
        for session in numbers:
            engine.push(session, sound[start : start + piece])
        engine.step()
        now = time.perf_counter() - began
        for session in numbers:
            for chunk in engine.take(session):
                step = chunk.start // timing.fresh_frames * timing.fresh_frames
                due = (step + timing.fresh_frames + timing.look_ahead_frames) / FPS
                late += [max(0.0, now - due) * 1e3] * len(chunk.frames)
    return {
        "sessions": float(sessions),
        "sessions_late_p50_ms": float(np.percentile(late, 50)),
        "sessions_late_p95_ms": float(np.percentile(late, 95)),
    }


def _random_pipeline(device: str, precision: Precision, *, compiled: bool) -> FloatPipeline:
    config = ModelConfig.float_512() if device.startswith("cuda") else ModelConfig.tiny()
    torch.manual_seed(0)
    where = torch.device(device)
    return FloatPipeline(FloatModel(config), config, where, precision, compiled=compiled)

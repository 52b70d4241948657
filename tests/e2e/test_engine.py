"""Many sessions in one engine: as if each were alone, and none hurts another."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from openfloat import FloatPipeline, SampleOptions
from openfloat.audio.io import load_audio
from openfloat.clip import Chunk, Portrait
from openfloat.errors import BadInput, Busy, OpenFloatError
from openfloat.nn.cores import one_core_each
from openfloat.streaming.engine import LONGEST_OUTBOX, Engine
from openfloat.streaming.session import StreamingSession, Timing

DEMO = Path(__file__).parents[2] / "src" / "openfloat" / "assets" / "demo"
PIECE = 3200
TIMING = Timing(fresh_frames=5, look_ahead_frames=5)


@pytest.fixture(scope="module")
def pipeline() -> FloatPipeline:
    return FloatPipeline.from_pretrained()


@pytest.fixture(scope="module")
def portrait(pipeline: FloatPipeline) -> Portrait:
    return pipeline.encode(DEMO / "portrait.jpg")


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return load_audio(DEMO / "speech.wav")[5_000:21_000]


def options(seed: int, emotion: str = "happy") -> SampleOptions:
    return SampleOptions(nfe=2, seed=seed, emotion=emotion)  # type: ignore[arg-type]


def motion_of(chunks: list[Chunk]) -> torch.Tensor:
    return torch.cat([chunk.motion for chunk in chunks])


def test_a_session_among_others_is_what_it_is_alone(
    pipeline: FloatPipeline, portrait: Portrait, sound: np.ndarray
) -> None:
    engine = Engine(pipeline)
    sounds = [sound, sound[::-1].copy(), 0.1 * sound]
    numbers = [engine.open(portrait, options(seed), TIMING) for seed in range(3)]
    got: dict[int, list[Chunk]] = {number: [] for number in numbers}
    for begin in range(0, len(sound), PIECE):
        for number, own in zip(numbers, sounds, strict=True):
            engine.push(number, own[begin : begin + PIECE])
        while engine.step():
            for number in numbers:
                got[number] += engine.take(number)
    for number in numbers:
        engine.flush(number)
    while engine.step() or any(got[n].extend(c) for n in numbers if (c := engine.take(n))):
        pass
    assert max(engine.metrics.batch) == 3, "windows were drawn together"
    for seed, (number, own) in enumerate(zip(numbers, sounds, strict=True)):
        session = StreamingSession(pipeline, portrait, options(seed), TIMING)
        alone = [*session.push(own), *session.flush()]
        got[number] += engine.take(number)
        assert sum(len(chunk.frames) for chunk in got[number]) == 25
        torch.testing.assert_close(motion_of(got[number]), motion_of(alone), rtol=0, atol=1e-4)


def test_frames_can_be_taken_while_the_rest_of_their_window_is_decoded(
    pipeline: FloatPipeline, portrait: Portrait, sound: np.ndarray
) -> None:
    taken: list[int] = []

    def take(number: int) -> None:
        taken.extend(len(chunk.frames) for chunk in engine.take(number))

    engine = Engine(pipeline, on_frames=take)
    timing = Timing(fresh_frames=20, look_ahead_frames=5)
    number = engine.open(portrait, replace(options(1), steady=0), timing)
    engine.push(number, sound)
    assert engine.step() == 1
    assert taken == [10, 10], "in two pieces, each as soon as it was there"
    assert not engine.take(number)
    assert len(engine.metrics.first_frame) == 1


def test_a_portrait_encoded_beside_work_that_keeps_to_one_core_is_decoded_on_all() -> None:
    torch.set_num_threads(2)
    try:
        loaded = FloatPipeline.from_pretrained()
        with one_core_each(), ThreadPoolExecutor(1) as pool:  # torch tells new threads: one
            ready = pool.submit(loaded.encode, DEMO / "portrait.jpg").result()
    finally:
        torch.set_num_threads(1)
    assert ready.decoder is not None
    assert ready.decoder._cores == 2


def test_a_broken_session_breaks_alone(
    pipeline: FloatPipeline, portrait: Portrait, sound: np.ndarray
) -> None:
    engine = Engine(pipeline)
    good, bad = (engine.open(portrait, options(1), TIMING) for _ in range(2))
    engine._seats[bad].session.state.carry.past_motion[:] = torch.nan
    for number in (good, bad):
        engine.push(number, sound[:10_000])
    assert [engine.step(), engine.step()] == [2, 1]
    assert engine.take(good)
    with pytest.raises(OpenFloatError, match="not finite"):
        engine.take(bad)
    with pytest.raises(OpenFloatError, match="broken"):
        engine.push(bad, sound)
    engine.push(good, sound[10_000:])
    assert engine.step() == 1
    assert motion_of(engine.take(good)).isfinite().all()


def test_a_window_that_cannot_be_drawn_ends_its_session_alone(
    pipeline: FloatPipeline, portrait: Portrait, sound: np.ndarray
) -> None:
    engine = Engine(pipeline)
    first, bad, last = (engine.open(portrait, options(seed), TIMING) for seed in (1, 2, 3))
    state = engine._seats[bad].session.state
    state.carry = replace(state.carry, past_motion=state.carry.past_motion[..., :7])
    for number in (first, bad, last):
        engine.push(number, sound[:10_000])
    while engine.step():
        pass
    with pytest.raises(OpenFloatError, match="broken"):
        engine.push(bad, sound)
    for number, seed in ((first, 1), (last, 3)):
        alone = StreamingSession(pipeline, portrait, options(seed), TIMING)
        expected = motion_of(list(alone.push(sound[:10_000])))
        torch.testing.assert_close(motion_of(engine.take(number)), expected, rtol=0, atol=1e-4)


def test_no_more_sessions_than_allowed_and_none_that_is_not_there(
    pipeline: FloatPipeline, portrait: Portrait, sound: np.ndarray
) -> None:
    engine = Engine(pipeline, most_sessions=1)
    number = engine.open(portrait)
    with pytest.raises(Busy, match="1 sessions are taken"):
        engine.open(portrait)
    engine.close(number)
    with pytest.raises(BadInput, match="no session"):
        engine.push(number, sound)
    assert engine.open(portrait) != number


def test_a_client_that_takes_nothing_is_not_drawn_for_ever(
    pipeline: FloatPipeline, portrait: Portrait
) -> None:
    engine = Engine(pipeline)
    number = engine.open(portrait, options(1), Timing(fresh_frames=50, look_ahead_frames=0))
    engine.push(number, np.zeros(40 * 16_000, np.float32))
    steps = 0
    while engine.step():
        steps += 1
    assert steps == LONGEST_OUTBOX // 50 + 1
    assert sum(len(chunk.frames) for chunk in engine.take(number)) <= LONGEST_OUTBOX + 50
    assert engine.step() == 1, "it goes on once the frames are taken"


def test_a_session_moves_to_another_engine(
    pipeline: FloatPipeline, portrait: Portrait, sound: np.ndarray
) -> None:
    first, second = Engine(pipeline), Engine(pipeline)
    number = first.open(portrait, options(4), TIMING)
    first.push(number, sound[:9000])
    while first.step():
        pass
    before = first.take(number)
    moved = second.open(portrait, options(4), TIMING, state=first.close(number))
    second.push(moved, sound[9000:])
    while second.step():
        pass
    alone = list(StreamingSession(pipeline, portrait, options(4), TIMING).push(sound))
    made = before + second.take(moved)
    torch.testing.assert_close(motion_of(made), motion_of(alone), rtol=0, atol=1e-4)
    assert len(first) == 0
    metrics = second.metrics
    assert all(len(kind) for kind in (metrics.queue_wait, metrics.motion, metrics.decode))
    assert len(metrics.first_frame) == 1

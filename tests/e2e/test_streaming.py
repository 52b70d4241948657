"""A live session: the same frames however the sound comes, and a face that never freezes."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from openfloat import FloatPipeline, SampleOptions
from openfloat.audio.io import load_audio
from openfloat.audio.normalise import measure
from openfloat.clip import Chunk, Portrait
from openfloat.config import EMOTIONS, ModelConfig
from openfloat.data.controls import INDEX
from openfloat.errors import BadInput
from openfloat.models.model import FloatModel
from openfloat.streaming.session import LOW_LATENCY, StreamingSession, Timing
from openfloat.streaming.state import SessionState

OPTIONS = SampleOptions(nfe=2, seed=3, emotion="happy")
FRAME = 640
DEMO = Path(__file__).parents[2] / "src" / "openfloat" / "assets" / "demo"


@pytest.fixture(scope="module")
def pipeline() -> FloatPipeline:
    return FloatPipeline.from_pretrained()


@pytest.fixture(scope="module")
def portrait(pipeline: FloatPipeline) -> Portrait:
    return pipeline.encode(DEMO / "portrait.jpg")


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return load_audio(DEMO / "speech.wav")[:47_100]


def joined(chunks: list[Chunk]) -> tuple[torch.Tensor, np.ndarray]:
    for before, after in pairwise(chunks):
        assert after.start == before.start + len(before.frames)
    return torch.cat([c.motion for c in chunks]), np.concatenate([c.frames for c in chunks])


def cut(sound: np.ndarray, sizes: Iterator[int]) -> Iterator[np.ndarray]:
    start = 0
    while start < len(sound):
        size = next(sizes)
        yield sound[start : start + size]
        start += size


def play(session: StreamingSession, pieces: Iterator[np.ndarray]) -> list[Chunk]:
    chunks = [chunk for piece in pieces for chunk in session.push(piece)]
    return chunks + list(session.flush())


@pytest.mark.parametrize("timing", [Timing(), LOW_LATENCY, Timing(fresh_frames=1)])
def test_pieces_of_any_size_give_the_same_frames(
    pipeline: FloatPipeline, portrait: Portrait, sound: np.ndarray, timing: Timing
) -> None:
    short = sound[:16_100]
    whole = play(StreamingSession(pipeline, portrait, OPTIONS, timing), iter([short]))
    sizes = np.random.default_rng(1)
    parts = play(
        StreamingSession(pipeline, portrait, OPTIONS, timing),
        cut(short, iter(lambda: int(sizes.integers(1, 1500)), None)),
    )
    (motion, frames), (motion_too, frames_too) = joined(whole), joined(parts)
    assert len(frames) == -(-len(short) // FRAME)
    assert torch.equal(motion, motion_too)
    np.testing.assert_array_equal(frames, frames_too)


def test_with_all_sound_at_hand_it_is_the_finished_clip(
    pipeline: FloatPipeline, portrait: Portrait, sound: np.ndarray
) -> None:
    clip = pipeline(portrait, sound, OPTIONS)
    all_known = Timing(
        fresh_frames=pipeline.config.motion.window_frames,
        look_ahead_frames=pipeline.model.speech.margin_frames,
    )
    levels = measure([torch.from_numpy(sound)[None]])
    session = StreamingSession(pipeline, portrait, OPTIONS, all_known, levels=levels)
    motion, frames = joined(play(session, cut(sound, iter(lambda: 3777, None))))
    torch.testing.assert_close(motion, clip.motion, rtol=0, atol=1e-6)
    assert abs(frames.astype(int) - clip.frames).max() <= 1


def test_a_resumed_session_goes_on_as_if_never_stopped(
    pipeline: FloatPipeline, portrait: Portrait, sound: np.ndarray
) -> None:
    options = SampleOptions(nfe=2, seed=3)
    uninterrupted = play(
        StreamingSession(pipeline, portrait, options), cut(sound, iter(lambda: 5000, None))
    )
    kept: bytes | None = None
    chunks: list[Chunk] = []
    for piece in cut(sound, iter(lambda: 5000, None)):
        session = StreamingSession(pipeline, portrait, options, state=kept)
        chunks += session.push(piece)
        kept = session.state.to_bytes()
    assert kept is not None
    assert len(kept) < 2**20
    chunks += StreamingSession(pipeline, portrait, options, state=kept).flush()
    for ours, theirs in zip(joined(chunks), joined(uninterrupted), strict=True):
        assert np.array_equal(np.asarray(ours), np.asarray(theirs))


def test_silence_lives_and_speech_goes_on_from_it(
    pipeline: FloatPipeline, portrait: Portrait, sound: np.ndarray
) -> None:
    session = StreamingSession(pipeline, portrait, SampleOptions(nfe=4, seed=1))
    idle, frames = joined(list(session.idle(250)))
    assert len(frames) > 200
    assert (np.abs(np.diff(frames.astype(np.int16), axis=0)).max(axis=(1, 2, 3)) > 0).mean() > 0.9
    assert idle[:, INDEX["blink"]].max() > 2, "it blinks"
    speaking, _ = joined(list(session.push(sound)))
    jaw = INDEX["jaw_open"]
    assert idle[:, jaw].mean() < 0.5 * speaking[:, jaw].mean()
    step = (speaking[0, :3] - idle[-1, :3]).abs().max()
    assert step < 0.5, "the head does not jump where speech begins"


def test_an_interruption_forgets_what_is_not_drawn(
    pipeline: FloatPipeline, portrait: Portrait, sound: np.ndarray
) -> None:
    session = StreamingSession(pipeline, portrait, OPTIONS)
    before = list(session.push(sound[:20_000]))
    session.push(sound)  # heard, not drawn
    session.interrupt()
    drawn = session.state.drawn
    assert session.state.heard.num_samples == drawn * FRAME
    after = list(session.idle(40))
    motion, frames = joined(before + after)
    assert len(frames) == session.state.shown <= drawn + 40
    assert motion[-10:, INDEX["jaw_open"]].mean() < 0.5


def test_16_bit_sound_is_the_same_sound(
    pipeline: FloatPipeline, portrait: Portrait, sound: np.ndarray
) -> None:
    integers = (sound[:16_000] * 32767).astype(np.int16)
    floats = integers.astype(np.float32) / 32768
    made = [
        joined(play(StreamingSession(pipeline, portrait, OPTIONS), iter([kind])))[0]
        for kind in (integers, floats)
    ]
    assert torch.equal(*made)


def test_an_unnamed_latent_model_with_wav2vec_streams_too() -> None:
    torch.manual_seed(0)
    config = ModelConfig.tiny()
    pipeline = FloatPipeline(FloatModel(config), config, torch.device("cpu"))
    session = StreamingSession(pipeline, DEMO / "portrait.jpg", SampleOptions(nfe=2), LOW_LATENCY)
    chunks = play(session, cut(load_audio(DEMO / "speech.wav")[:30_000], iter(lambda: 7000, None)))
    motion, frames = joined(chunks)
    assert len(frames) == 47
    assert motion.isfinite().all()


def test_what_no_session_can_use_is_refused(pipeline: FloatPipeline, portrait: Portrait) -> None:
    session = StreamingSession(pipeline, portrait, OPTIONS)
    for bad in (np.zeros((2, 10), np.float32), np.zeros(10), np.full(9, np.nan, np.float32)):
        with pytest.raises(BadInput):
            session.push(bad)
    list(session.flush())
    with pytest.raises(BadInput, match="has ended"):
        session.push(np.zeros(10, np.float32))
    with pytest.raises(BadInput, match="window"):
        StreamingSession(pipeline, portrait, OPTIONS, Timing(fresh_frames=200))


def test_states_of_another_kind_are_refused(pipeline: FloatPipeline, portrait: Portrait) -> None:
    good = StreamingSession(pipeline, portrait, OPTIONS).state.to_bytes()
    cpu = torch.device("cpu")
    assert SessionState.from_bytes(good, pipeline.config, cpu).drawn == 0
    with pytest.raises(BadInput, match="another model"):
        SessionState.from_bytes(good, ModelConfig.tiny(), cpu)
    for bad in (b"", b"\x80\x04pickle", good[:-9], b"x" * 2**25):
        with pytest.raises(BadInput):
            SessionState.from_bytes(bad, pipeline.config, cpu)
    broken = good.replace(np.float32(1.0).tobytes(), np.float32(np.nan).tobytes())
    with pytest.raises(BadInput, match="not finite"):
        SessionState.from_bytes(broken, pipeline.config, cpu)
    assert len(EMOTIONS) == 7

"""The benchmark measures what it says."""

import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from openfloat.bench.command import PORTRAIT, _run, stage_rows
from openfloat.bench.decoder import decoder_rows
from openfloat.bench.device import session_rows
from openfloat.bench.released_way import decode_frame
from openfloat.bench.thinned import thin
from openfloat.bench.timing import Timed, in_turns, ratios
from openfloat.config import AutoencoderConfig, ModelConfig
from openfloat.models.autoencoder import FloatAutoencoder
from openfloat.models.model import FloatModel
from openfloat.options import Precision
from openfloat.pipeline import FloatPipeline

PLAIN = replace(AutoencoderConfig.tiny(), painted=False, edge_goes_on=False)


@pytest.mark.parametrize("size", [64, 128])
def test_the_baseline_draws_the_same_pictures(size: int) -> None:
    model = FloatAutoencoder(replace(PLAIN, size=size)).eval().requires_grad_(requires_grad=False)
    for name, parameter in model.decoder.named_parameters():
        if name.endswith("bias") or "flow.weight" in name:
            parameter.add_(0.3 * torch.randn_like(parameter))
    features = model.encode(torch.rand(1, 3, size, size) * 2 - 1).features
    latent = torch.randn(1, model.config.latent_dim)
    expected = model.decode(latent, features)
    assert expected.std() > 0.05
    torch.testing.assert_close(
        decode_frame(model.decoder, latent, features), expected, rtol=0, atol=1e-4
    )


def test_turns_are_timed_one_after_the_other() -> None:
    order: list[str] = []

    def call(name: str, seconds: float) -> None:
        order.append(name)
        time.sleep(seconds)

    found = in_turns({"a": lambda: call("a", 0.02), "b": lambda: call("b", 0.01)}, 3)
    assert order == ["a", "b"] * 4
    assert [len(seconds) for seconds in found.values()] == [3, 3]
    assert ratios(found["a"], found["b"]).median == pytest.approx(2, rel=0.3)


def test_the_rows_of_a_decoder_fit_together() -> None:
    rows = decoder_rows(2, PLAIN)
    assert rows["decode_apart"] < 1e-4
    assert 0 < rows["decode_share_of_peak"] < 1.5
    assert rows["gflop_per_frame"] > 0
    speedup, slow, fast = rows["decode_speedup"], rows["baseline_ms"], rows["fast_ms"]
    assert isinstance(speedup, Timed)
    assert isinstance(slow, Timed)
    assert isinstance(fast, Timed)
    assert slow.low / fast.high <= speedup.median <= slow.high / fast.low


def test_sessions_in_real_time_are_measured_to_be_late_or_not() -> None:
    rows = session_rows(_tiny_pipeline("bfloat16"), sessions=2, seconds=1.2)
    assert rows["sessions"] == 2
    assert 0 <= rows["sessions_late_p50_ms"] <= rows["sessions_late_p95_ms"]


def test_thinned_pictures_are_those_of_one_piece_in_so_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pipeline = _tiny_pipeline()
    portrait = pipeline.encode(PORTRAIT)
    motion = torch.randn(35, pipeline.config.motion.motion_dim)
    exact = np.concatenate([chunk.frames for chunk in pipeline.chunks(portrait, motion, 0)])
    monkeypatch.setattr(FloatPipeline, "decode", FloatPipeline.decode)  # undone afterwards
    thin(2)
    found = np.concatenate([chunk.frames for chunk in pipeline.chunks(portrait, motion, 0)])
    assert found.shape == exact.shape
    for start in (0, 20):
        np.testing.assert_array_equal(found[start : start + 10], exact[start : start + 10])
    np.testing.assert_array_equal(found[10:20], exact[:10])
    np.testing.assert_array_equal(found[30:], exact[20:25])


def test_stages_are_timed_piece_by_piece() -> None:
    rows = stage_rows(_tiny_pipeline(), 1)
    decode, whole = rows["decode_ms_per_frame"], rows["loaded_fps"]
    assert isinstance(decode, Timed)
    assert isinstance(whole, Timed)
    assert 0 < decode.low <= decode.median <= decode.p95 <= decode.high
    assert whole.median < 1e3 / decode.low
    factor = rows["real_time_factor"]
    assert isinstance(factor, Timed)
    assert factor.median == pytest.approx(whole.median / 25)


def test_the_memory_of_a_process_is_its_own() -> None:
    held = np.ones(40_000_000)  # 320 MB, written to
    seconds, megabytes = _run([sys.executable, "-c", "import time; time.sleep(0.2)"])
    assert held.all()
    assert 0.2 <= seconds < 60
    assert 1 < megabytes < 100


def _tiny_pipeline(precision: Precision = "float32") -> FloatPipeline:
    torch.manual_seed(0)
    config = ModelConfig.tiny()
    return FloatPipeline(FloatModel(config), config, torch.device("cpu"), precision)

"""The benchmark measures what it says."""

import time
from dataclasses import replace

import pytest
import torch

from openfloat.bench.decoder import decoder_rows
from openfloat.bench.device import session_rows
from openfloat.bench.released_way import decode_frame
from openfloat.bench.timing import Timed, in_turns, ratios
from openfloat.config import AutoencoderConfig, ModelConfig
from openfloat.models.autoencoder import FloatAutoencoder
from openfloat.models.model import FloatModel
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
    torch.manual_seed(0)
    config = ModelConfig.tiny()
    pipeline = FloatPipeline(FloatModel(config), config, torch.device("cpu"), "bfloat16")
    rows = session_rows(pipeline, sessions=2, seconds=1.2)
    assert rows["sessions"] == 2
    assert 0 <= rows["sessions_late_p50_ms"] <= rows["sessions_late_p95_ms"]

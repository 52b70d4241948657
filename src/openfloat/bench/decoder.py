"""`float-512`'s decoder: the fast one against the released way, and both against the machine."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from openfloat.bench.released_way import decode_frame
from openfloat.bench.timing import Timed, in_turns, ratios
from openfloat.config import AutoencoderConfig, ModelConfig
from openfloat.models.autoencoder import FloatAutoencoder
from openfloat.models.fast import FastDecoder

SHAPES = ((512, 32), (256, 128), (128, 256), (64, 512))
"""Channels and size of the convolutions tried for the machine's best rate."""
FRAMES = 4


@torch.inference_mode()
def decoder_rows(rounds: int, config: AutoencoderConfig | None = None) -> dict[str, Timed | float]:
    """Milliseconds per frame, how many times faster, work per frame, share of the best rate.

    Weights are random: time does not depend on them.

    Args:
        rounds: of each measurement.
        config: none: that of float-512.
    """
    config = config or ModelConfig.float_512().autoencoder
    torch.manual_seed(0)
    network = FloatAutoencoder(config).eval()
    picture = torch.rand(1, 3, config.size, config.size) * 2 - 1
    appearance = network.encode(picture)
    latents = appearance.identity + network.basis.motion(torch.randn(FRAMES, config.num_directions))
    fast = FastDecoder(network.decoder, appearance.features)
    seconds = in_turns(
        {
            "baseline": lambda: decode_frame(network.decoder, latents[:1], appearance.features),
            "plain": lambda: network.decode(latents[:1], appearance.features),
            "fast": lambda: fast(latents),
        },
        rounds,
    )
    fast_frame = [s / FRAMES for s in seconds["fast"]]
    with FlopCounterMode(display=False) as counter:
        network.decode(latents[:1], appearance.features)
    work, rates = counter.get_total_flops(), best_rates(rounds)
    return {
        "baseline_ms": _ms(seconds["baseline"]),
        "plain_ms": _ms(seconds["plain"]),
        "fast_ms": _ms(fast_frame),
        "decode_speedup": ratios(seconds["baseline"], fast_frame),
        "gflop_per_frame": work / 1e9,
        "best_gflop_per_s": Timed.of([rate / 1e9 for rate in rates]),
        "decode_share_of_peak": work / Timed.of(fast_frame).median / Timed.of(rates).median,
    }


def _ms(seconds: list[float]) -> Timed:
    return Timed.of([s * 1e3 for s in seconds])


def best_rates(rounds: int) -> list[float]:
    """Floating-point operations per second of the best of some dense convolutions, each round."""
    calls = {str(shape): _convolution(*shape) for shape in SHAPES}
    seconds = in_turns(calls, rounds)
    return [
        max(_work(*shape) / seconds[str(shape)][number] for shape in SHAPES)
        for number in range(rounds)
    ]


def _convolution(channels: int, size: int) -> Callable[[], object]:
    """A 3x3 convolution of channels-last maps, ready to be called."""
    maps, weight = torch.randn(1, channels, size, size), torch.randn(channels, channels, 3, 3)
    maps = maps.to(memory_format=torch.channels_last)
    weight = weight.to(memory_format=torch.channels_last)
    return lambda: F.conv2d(maps, weight, padding=1)


def _work(channels: int, size: int) -> float:
    return 2 * 9 * channels**2 * size**2

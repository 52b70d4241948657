"""`float-512`'s decoder: the fast one against the released way, and both against the machine."""

import functools
from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from openfloat.bench.apart import in_turns_apart
from openfloat.bench.released_way import decode_frame
from openfloat.bench.subject import untrained
from openfloat.bench.timing import Timed, in_turns, ratios
from openfloat.config import AutoencoderConfig, ModelConfig
from openfloat.models.fast import FastDecoder, FastWeights
from openfloat.nn.pixels import rgb_bytes

SHAPES = ((512, 32), (256, 128), (128, 256), (64, 512))
"""Channels and size of the convolutions tried for the machine's best rate."""
FRAMES = 10
"""Frames of one call of the fast decoder, as many as a clip's chunks have."""
Way = Literal["baseline", "plain", "fast", "fastest"]
WAYS: tuple[Way, ...] = ("baseline", "plain", "fast", "fastest")


def decoder_rows(rounds: int, config: AutoencoderConfig | None = None) -> dict[str, Timed | float]:
    """Milliseconds per frame, how many times faster, work per frame, share of the best rate.

    Each way runs in a process of its own, as it would elsewhere. Weights are seeded.

    Args:
        rounds: of each measurement.
        config: none: that of float-512.
    """
    config = config or ModelConfig.float_512().autoencoder
    seconds = in_turns_apart({way: functools.partial(ready, way, config) for way in WAYS}, rounds)
    fast_frame, fastest_frame = ([s / FRAMES for s in seconds[way]] for way in WAYS[2:])
    work, rates = flops(config), best_rates(rounds)
    return {
        "baseline_ms": _ms(seconds["baseline"]),
        "plain_ms": _ms(seconds["plain"]),
        "fast_ms": _ms(fast_frame),
        "fastest_ms": _ms(fastest_frame),
        "decode_speedup": ratios(seconds["baseline"], fast_frame),
        "decode_speedup_fastest": ratios(seconds["baseline"], fastest_frame),
        **likeness(config),
        "gflop_per_frame": work / 1e9,
        "best_gflop_per_s": Timed.of([rate / 1e9 for rate in rates]),
        "decode_share_of_peak": work / Timed.of(fast_frame).median / Timed.of(rates).median,
    }


def ready(way: Way, config: AutoencoderConfig) -> Callable[[], Tensor]:
    """A call that decodes: one frame, or `FRAMES` of them in a fast way (fastest: 8-bit)."""
    network, features, latents = untrained(config, FRAMES)
    if way in ("fast", "fastest"):
        fast = FastDecoder(FastWeights(network.decoder, short=way == "fastest"), features)
        return lambda: fast(latents)
    if way == "baseline":
        return lambda: decode_frame(network.decoder, latents[:1], features)
    return torch.inference_mode()(lambda: network.decode(latents[:1], features))


def likeness(config: AutoencoderConfig) -> dict[str, float]:
    """How far the fast pictures are from the plain ones, of a range of 1; PSNR of 8-bit ones, dB.

    The PSNR compares RGB bytes with those of the plain decoder, the least of some frames.
    """
    network, features, latents = untrained(config, 4)
    with torch.inference_mode():
        plain = network.decode(latents, features)
        fast = FastDecoder(FastWeights(network.decoder), features)(latents)
        short = FastDecoder(FastWeights(network.decoder, short=True), features).rgb(latents)
    error = (short.double() - rgb_bytes(plain).double()).square().mean(dim=(1, 2, 3)).max()
    return {
        "decode_apart": float((fast - plain).abs().max()) / 2,
        "decode_fastest_psnr": float(10 * torch.log10(255**2 / error)),
    }


def flops(config: AutoencoderConfig) -> int:
    """Floating-point operations of a frame as the readable decoder counts them."""
    network, features, latents = untrained(config, 1)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network.decode(latents, features)
    return counter.get_total_flops()


def _ms(seconds: list[float]) -> Timed:
    return Timed.of([s * 1e3 for s in seconds])


@torch.inference_mode()
def best_rates(rounds: int, device: str = "cpu", dtype: torch.dtype = torch.float32) -> list[float]:
    """Floating-point operations per second of the best of some dense convolutions, each round."""
    calls = {str(shape): _convolution(*shape, device, dtype) for shape in SHAPES}
    seconds = in_turns(calls, rounds, device)
    return [
        max(_work(*shape) / seconds[str(shape)][number] for shape in SHAPES)
        for number in range(rounds)
    ]


def _convolution(channels: int, size: int, device: str, dtype: torch.dtype) -> Callable[[], object]:
    """A 3x3 convolution of channels-last maps, ready to be called."""
    maps, weight = torch.randn(1, channels, size, size), torch.randn(channels, channels, 3, 3)
    maps = maps.to(device, dtype, memory_format=torch.channels_last)
    weight = weight.to(device, dtype, memory_format=torch.channels_last)
    return lambda: F.conv2d(maps, weight, padding=1)


def _work(channels: int, size: int) -> float:
    return 2 * 9 * channels**2 * size**2

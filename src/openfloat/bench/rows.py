"""All measurements in order, each printed as soon as it is there."""

import platform
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch

from openfloat.bench.command import command_rows, memory_rows, session_rows, stage_rows
from openfloat.bench.decoder import decoder_rows, flops
from openfloat.bench.device import device_name, device_rows
from openfloat.bench.field import field_rows
from openfloat.bench.options import BenchOptions
from openfloat.bench.timing import Timed
from openfloat.pipeline import DECODE_BATCH, FloatPipeline

Rows = dict[str, Timed | float]


def measure(options: BenchOptions, said: Callable[[str], None]) -> dict[str, Any]:
    """Figures by name, with their spread where there is one; `said` gets each as a line."""
    began = time.perf_counter()
    report: dict[str, Any] = {
        "hardware": f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}, "
        f"{torch.get_num_threads()} threads",
        "torch": torch.__version__,
        "rounds": options.rounds,
        "precision": "float32; int8 where a row says fastest",
        "compiled": options.compile,
        "batch": f"{DECODE_BATCH} frames decoded together, one where a row says baseline or plain",
    }
    if "device" in options.parts:
        report["device"] = device_name(options.device)
        report["device_precision"] = options.precision
    for name, value in report.items():
        said(f"{name:28s} {value}")
    for rows in _parts(options):
        for name, value in rows.items():
            if isinstance(value, Timed):
                spread = f"({value.low:.4g} to {value.high:.4g}, p95 {value.p95:.4g})"
                said(f"{name:28s} {value.median:9.4g}  {spread}")
                report[name] = value.median
                report[f"{name}_spread"] = [value.low, value.high]
                report[f"{name}_p95"] = value.p95
            else:
                said(f"{name:28s} {value:9.4g}")
                report[name] = value
    report["bench_minutes"] = (time.perf_counter() - began) / 60
    said(f"{'bench_minutes':28s} {report['bench_minutes']:9.4g}")
    return report


def _parts(options: BenchOptions) -> Iterator[Rows]:
    for part in options.parts:
        if part == "decoder":
            rows = decoder_rows(options.rounds)
            yield {f"float512_{name}": value for name, value in rows.items()}
        elif part == "field":
            rows = field_rows(options.rounds)
            yield {f"vector_field_{name}": value for name, value in rows.items()}
        elif part == "stages":
            pipeline = FloatPipeline.from_pretrained(options.model, compiled=options.compile)
            work = flops(pipeline.config.autoencoder) / 1e9
            yield stage_rows(pipeline, options.rounds) | {"decode_gflop_per_frame": work}
        elif part == "session":
            pipeline = FloatPipeline.from_pretrained(options.model, compiled=options.compile)
            yield session_rows(pipeline, options.rounds)
        elif part == "command":
            yield command_rows(options.model, options.rounds)
        elif part == "device":
            rows = device_rows(options)
            yield {f"{options.device}_{name}": value for name, value in rows.items()}
        else:
            yield memory_rows(options.model, options.short, options.long, options.every)

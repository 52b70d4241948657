"""Files of motion clips: safetensors shards, a marker when all are there.

A shard holds `000.waveform` (int16), `000.motion` (float32), `001.waveform` ... and in its metadata
the emotion and the source of each clip as JSON.
"""

import json
import logging
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from openfloat.data.motion import MotionClip
from openfloat.drafts import drafted, write_text
from openfloat.errors import BadInput

logger = logging.getLogger(__name__)


class Job(NamedTuple):
    """One shard to be made: a function and its arguments for each clip."""

    make: Callable[..., MotionClip]
    arguments: tuple[tuple[Any, ...], ...]


def run_jobs(
    folder: Path, kind: str, jobs: Sequence[Job], *, settings: Mapping[str, Any], workers: int
) -> None:
    """Make the shards that are missing, then the marker `<kind>.json`.

    Raises:
        BadInput: the folder holds shards of this kind made with other settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _claim(folder / f"{kind}.settings.json", settings)
    todo = [
        (job, path)
        for number, job in enumerate(jobs)
        if not (path := folder / f"{kind}-{number:05d}.safetensors").exists()
    ]
    if workers == 1:
        for job, path in todo:
            _make_shard(job, path)
    else:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            for future in [pool.submit(_make_shard, job, path) for job, path in todo]:
                future.result()
    write_text(folder / f"{kind}.json", json.dumps({"shards": len(jobs), **settings}) + "\n")


def read_shards(folder: Path) -> list[MotionClip]:
    """All clips of a folder, in order of file names.

    Raises:
        BadInput: the folder holds no finished shards, or a file of it is missing or damaged.
    """
    return list(iterate_shards(folder))


def iterate_shards(folder: Path) -> Iterator[MotionClip]:
    """The same clip by clip, with one shard open at a time."""
    kinds = sorted(
        path.stem for path in folder.glob("*.json") if not path.stem.endswith(".settings")
    )
    if not kinds:
        raise BadInput(f"{folder} holds no finished shards of motion clips")
    for kind in kinds:
        count = int(json.loads((folder / f"{kind}.json").read_text(encoding="utf-8"))["shards"])
        for number in range(count):
            yield from read_shard(folder / f"{kind}-{number:05d}.safetensors")


def write_shard(path: Path, clips: Sequence[MotionClip]) -> None:
    """Write clips to one file; a reader never sees half of it."""
    tensors: dict[str, NDArray[Any]] = {}
    for number, clip in enumerate(clips):
        samples = np.clip(np.round(clip.waveform * 32767), -32768, 32767)
        tensors[f"{number:03d}.waveform"] = samples.astype(np.int16)
        tensors[f"{number:03d}.motion"] = np.ascontiguousarray(clip.motion, dtype=np.float32)
    about = [{"emotion": clip.emotion, "source": clip.source} for clip in clips]
    with drafted(path) as draft:
        save_file(tensors, draft, metadata={"clips": json.dumps(about)})


def read_shard(path: Path) -> list[MotionClip]:
    """The clips of one file.

    Raises:
        BadInput: the file is missing, damaged or not a shard.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            about = json.loads(file.metadata()["clips"])
            return [
                MotionClip(
                    waveform=file.get_tensor(f"{number:03d}.waveform").astype(np.float32) / 32767,
                    motion=file.get_tensor(f"{number:03d}.motion"),
                    emotion=int(entry["emotion"]),
                    source=str(entry["source"]),
                )
                for number, entry in enumerate(about)
            ]
    except (FileNotFoundError, SafetensorError, KeyError, TypeError, ValueError) as problem:
        raise BadInput(f"{path} is not a readable shard of motion clips: {problem}") from problem


def _make_shard(job: Job, path: Path) -> None:
    write_shard(path, [job.make(*arguments) for arguments in job.arguments])
    logger.info("%s: %d clips", path, len(job.arguments))


def _claim(path: Path, settings: Mapping[str, Any]) -> None:
    """Shards made with different settings must not end up side by side."""
    text = json.dumps(settings) + "\n"
    if not path.exists():
        write_text(path, text)
    elif path.read_text(encoding="utf-8") != text:
        raise BadInput(
            f"{path.parent} holds shards made with {path.read_text(encoding='utf-8').strip()}, "
            f"not with {text.strip()}; take another folder or empty this one"
        )

"""The data engine as a tool: a folder of speaking videos with exactly known motion.

The folder is a data pack of its own: `manifest.json`, written last, lists its clips as every data
pack does. `synthesis.json`, written first, says how they are made.
"""

import hashlib
import multiprocessing
import signal
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch

from openfloat.codec import write_json
from openfloat.data.claims import claim
from openfloat.data.manifest import ClipRow, Split, read_manifest
from openfloat.data.picture_cache import load_model
from openfloat.data.portraits import read_landmarks
from openfloat.data.synthetic_clip import clip_files, make_clip
from openfloat.data.synthetic_options import SynthesisOptions
from openfloat.data.synthetic_truth import read_truth
from openfloat.data.voices_cast import ProgramName, installed_programs
from openfloat.errors import BadInput

FORMAT = 1
SETTINGS = "synthesis.json"

Progress = Callable[[int, int], None]
"""Called with clips done and clips in all."""


class Synthesis(NamedTuple):
    """What is in the folder."""

    rows: tuple[ClipRow, ...]
    """As in its manifest."""
    num_frames: int
    """Of all of them together."""
    num_made: int
    """Clips that this call made."""


def synthesize(
    data_dir: Path,
    out: Path,
    options: SynthesisOptions | None = None,
    *,
    workers: int = 1,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Synthesis:
    """Make clips of speaking portraits with known motion, or go on where a call was stopped.

    Each clip becomes `clip-00000.mp4` (25 frames per second, H.264 and AAC) and
    `clip-00000.safetensors` (see `synthetic_truth`). It depends on seed, split and number alone,
    not on the workers or on how many there are; other versions of the synthesisers speak
    differently. Finished clips are kept.

    Args:
        data_dir: the data pack that portraits are drawn from.
        out: the folder, made if need be.
        options: which clips; 20 of the train split when left out.
        workers: processes.
        device: where pixels are computed; on another one a byte may differ by one.
        progress: told of every clip.

    Raises:
        BadInput: no synthesiser is installed, the data pack lacks something, or the folder holds
            other things or clips made with other settings.
        BadMedia: a portrait cannot be read.
    """
    options = options or SynthesisOptions()
    if workers < 1:
        raise BadInput(f"workers={workers} is below 1")
    programs = installed_programs()
    claim(out / SETTINGS, _settings(data_dir, options, programs), "clips made")
    todo = [n for n in range(options.clips) if not clip_files(out, n).are_there]
    done = options.clips - len(todo)
    if progress is not None:
        progress(done, options.clips)
    jobs = [(data_dir, out, number, options, programs, device) for number in todo]
    _make_all(jobs, workers, lambda made: progress and progress(done + made, options.clips))
    rows, frames = _list(out, options.split)
    content = {"portraits": [], "clips": [asdict(row) for row in rows], "speech": []}
    write_json(content, out / "manifest.json")
    return Synthesis(rows, frames, len(todo))


def _settings(
    data_dir: Path, options: SynthesisOptions, programs: Sequence[ProgramName]
) -> dict[str, Any]:
    """What all clips of a folder share; how many there are is not part of it."""
    rows = read_manifest(data_dir).portraits_of(options.split)
    if not rows:
        raise BadInput(f"{data_dir} lists no portraits of the split {options.split}")
    load_model(data_dir)
    if unknown := {row.name for row in rows} - read_landmarks(data_dir).keys():
        raise BadInput(f"landmarks.npz has no landmarks of {min(unknown)}")
    names = "\n".join(row.name for row in rows)
    chosen = asdict(options)
    del chosen["clips"]
    return {
        "format": FORMAT,
        **chosen,
        "programs": list(programs),
        "portraits": hashlib.sha256(names.encode()).hexdigest()[:16],
    }


def _make_all(jobs: Sequence[tuple[Any, ...]], workers: int, tell: Callable[[int], object]) -> None:
    """Make clips and tell after each how many are made; Ctrl-C ends it at once."""
    if workers == 1 or len(jobs) < 2:
        for made, job in enumerate(jobs, start=1):
            make_clip(*job)
            tell(made)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(workers, len(jobs)), initializer=_start_worker) as pool:
        for made, _ in enumerate(pool.imap_unordered(_make, jobs), start=1):
            tell(made)


def _start_worker() -> None:
    """Ctrl-C reaches every process of a terminal; the first one ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)


def _make(job: tuple[Any, ...]) -> None:
    make_clip(*job)


def _list(out: Path, split: Split) -> tuple[tuple[ClipRow, ...], int]:
    """Rows of all finished clips in order, and how many frames they have."""
    rows, frames = [], 0
    for path in sorted(out.glob("clip-*.safetensors")):
        video = path.with_suffix(".mp4")
        if video.is_file():
            truth = read_truth(path)
            frames += len(truth.controls)
            rows.append(
                ClipRow(
                    file=video.name, person=truth.person, split=split, licence=truth.licence,
                    origin=truth.origin,
                )
            )  # fmt: skip
    return tuple(rows), frames

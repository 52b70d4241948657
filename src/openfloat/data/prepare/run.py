"""A folder of raw videos to a folder of shards: planned once, made in parallel, resumed.

The prepared folder is a data pack of its own. `prepare.json`, written first, says how its clips are
made; `plan.json` which videos go into which shard; a shard `clips-00000.tar` is finished when
`clips-00000.json` lies beside it; `manifest.json` and `report.json` come last.
"""

import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch

from openfloat.codec import write_json
from openfloat.data.claims import claim, read_object
from openfloat.data.prepare.options import PrepareOptions
from openfloat.data.prepare.process import Files, Refused, prepare_video, problem_of
from openfloat.data.prepare.sample import ClipAbout, write_tar
from openfloat.data.prepare.sources import Source, find_sources
from openfloat.errors import BadInput

FORMAT = 1
SETTINGS, PLAN, MANIFEST, REPORT = "prepare.json", "plan.json", "manifest.json", "report.json"
SHARD_FILES, SHARD_BYTES = 32, 256 * 2**20
"""Raw videos that one shard is made of at most."""

Progress = Callable[[int, int], object]
"""Called with shards done and shards in all."""


class Job(NamedTuple):
    """One shard: what a worker, on this machine or another, is told."""

    raw: Path
    out: Path
    number: int
    sources: tuple[Source, ...]
    options: PrepareOptions


class Prepared(NamedTuple):
    """What is in the folder."""

    clips: tuple[ClipAbout, ...]
    refused: tuple[Refused, ...]
    num_videos: int
    num_made: int
    """Shards that this call made."""


Runner = Callable[[Sequence[Job]], Iterable[int]]
"""Makes shards in any order, and says the number of each that is done."""


def prepare(
    raw: Path,
    out: Path,
    options: PrepareOptions | None = None,
    *,
    workers: int = 1,
    ray: str = "",
    only: str = "*",
    progress: Progress = lambda _done, _total: None,
) -> Prepared:
    """Prepare what is not prepared yet; the same call goes on where one was stopped.

    Videos that are added later go into new shards. What a clip looks like depends on its video and
    the options alone, not on the workers.

    Args:
        raw: folder with videos, at any depth.
        out: folder for the shards, made if need be.
        options: which clips, and how.
        workers: processes on this machine.
        ray: address of a Ray cluster that sees both folders, or `local`; empty: processes.
        only: pattern that the paths of videos inside the folder fit (`s1/*`); others may follow in
            another call.
        progress: told of every shard.

    Raises:
        BadInput: no videos, no licence, or a folder that holds other things or other settings.
    """
    options = options or PrepareOptions()
    if workers < 1:
        raise BadInput(f"workers={workers} is below 1")
    sources = find_sources(raw, options, only)
    claim(out / SETTINGS, {"format": FORMAT, **asdict(options)}, "clips prepared")
    plan = _plan(raw, out, sources)
    by_file = {source.file: source for source in sources}
    jobs = [
        Job(raw, out, number, tuple(by_file[file] for file in files), options)
        for number, files in enumerate(plan)
        if by_file.keys() >= set(files)
    ]
    todo = [job for job in jobs if not _marker(out, job.number).is_file()]
    progress(len(jobs) - len(todo), len(jobs))
    for done, _ in enumerate(_runner(workers, ray)(todo), start=len(jobs) - len(todo) + 1):
        progress(done, len(jobs))
    finished = [number for number in range(len(plan)) if _marker(out, number).is_file()]
    return _finish(out, finished, len(todo))


def _runner(workers: int, ray: str) -> Runner:
    if ray:
        from openfloat.data.prepare.cluster import on_ray

        return lambda jobs: on_ray(jobs, ray)
    return lambda jobs: in_processes(jobs, workers)


def in_processes(jobs: Sequence[Job], workers: int) -> Iterator[int]:
    """Make shards on this machine; Ctrl-C ends it at once."""
    if workers == 1 or len(jobs) < 2:
        yield from map(make_shard, jobs)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(workers, len(jobs)), initializer=_start_worker) as pool:
        yield from pool.imap_unordered(make_shard, jobs)


def _start_worker() -> None:
    """Ctrl-C reaches every process of a terminal; the first one ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)


def make_shard(job: Job) -> int:
    """Make one shard and, last, its marker with what is in it and what is not; says its number."""
    clips: list[ClipAbout] = []
    refused: list[Refused] = []

    def samples() -> Iterator[tuple[str, Files]]:
        for source in job.sources:
            try:
                for found in prepare_video(job.raw / source.file, source, job.options):
                    if isinstance(found, Refused):
                        refused.append(found)
                    else:
                        clips.append(found[0])
                        yield found[0].key, found[1]
            except Exception as error:  # whatever a stranger's file breaks, the others go on
                refused.append(Refused(source.file, problem_of(error)))

    write_tar(job.out / shard_name(job.number), samples())
    content = {
        "clips": [asdict(clip) for clip in clips],
        "refused": [refusal._asdict() for refusal in refused],
        "videos": [source.file for source in job.sources],
    }
    write_json(content, _marker(job.out, job.number))
    return job.number


def shard_name(number: int) -> str:
    """File name of a shard."""
    return f"clips-{number:05d}.tar"


def _marker(out: Path, number: int) -> Path:
    return (out / shard_name(number)).with_suffix(".json")


def _plan(raw: Path, out: Path, sources: Sequence[Source]) -> list[list[str]]:
    """Which videos go into which shard; a plan that was made stays, new videos follow."""
    path = out / PLAN
    plan: list[list[str]] = list(read_object(path)["shards"]) if path.is_file() else []
    planned = {file for files in plan for file in files}
    open_shard: list[str] = []
    size = 0
    for source in sources:
        if source.file in planned:
            continue
        length = (raw / source.file).stat().st_size
        if not open_shard or len(open_shard) == SHARD_FILES or size + length > SHARD_BYTES:
            open_shard, size = [], 0
            plan.append(open_shard)
        open_shard.append(source.file)
        size += length
    write_json({"shards": plan}, path)
    return plan


def _finish(out: Path, shards: Sequence[int], num_made: int) -> Prepared:
    """Write manifest and report of all finished shards."""
    clips: list[ClipAbout] = []
    refused: list[Refused] = []
    rows: dict[str, list[dict[str, Any]]] = {"portraits": [], "clips": [], "speech": []}
    num_videos = 0
    for number in shards:
        content = read_object(_marker(out, number))
        num_videos += len(content["videos"])
        refused += [Refused(**refusal) for refusal in content["refused"]]
        for entry in content["clips"]:
            about = ClipAbout(**{**entry, "box": tuple(entry["box"])})
            clips.append(about)
            shared = {"split": about.split, "licence": about.licence, "origin": about.origin}
            inside = f"{shard_name(number)}/{about.key}"
            rows["clips"].append({"file": f"{inside}.mp4", "person": about.person, **shared})
            if about.voice:
                voice = {"speaker": about.person, "emotion": about.emotion}
                rows["speech"].append({"file": f"{inside}.wav", **voice, **shared})
    write_json(_report(clips, refused, num_videos), out / REPORT)
    write_json(rows, out / MANIFEST)
    return Prepared(tuple(clips), tuple(refused), num_videos, num_made)


def _report(
    clips: Sequence[ClipAbout], refused: Sequence[Refused], num_videos: int
) -> dict[str, Any]:
    people = {split: len({c.person for c in clips if c.split == split}) for split in
              ("train", "heldout")}  # fmt: skip
    return {
        "videos": num_videos,
        "clips": len(clips),
        "seconds": round(sum(clip.num_frames for clip in clips) / 25, 2),
        "people": people,
        "licences": sorted({clip.licence for clip in clips}),
        "refused": [refusal._asdict() for refusal in refused],
    }

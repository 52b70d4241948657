"""A real `openfloat serve` on loopback at its stated capacity, beyond it, and killed.

    .venv/bin/python benchmarks/load.py --minutes 10 [--json load.json]

For some minutes one live session speaks in real time while jobs and now and then a stream are
drawn; then everybody asks for more than there is; then the server is killed with SIGKILL while its
queue is full, and started again. Prints figures and says whether the promises of docs/serving.md
were kept: exit status 1 if not. Needs the extra `serve`, httpx and Linux.
"""

import asyncio
import json
import random
import signal
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import tyro
import websockets
from load_clients import (
    Material,
    Server,
    Tally,
    fetch,
    form,
    interrupted,
    job,
    live,
    stream,
)  # fmt: skip

from openfloat.audio.io import load_audio

DEMO = Path(__file__).parent.parent / "src" / "openfloat" / "assets" / "demo"
MEMORY_EVERY_S = 2.0
MOST_GROWTH = 0.05
"""Of memory, from the second tenth of the time to the last."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How long, and how much is too much."""

    minutes: float = 10.0
    """At capacity."""
    beyond_s: float = 60.0
    """Seconds beyond capacity."""
    sessions: int = 1
    """Live sessions at a time; what the machine can draw in real time."""
    jobs: int = 3
    """Clients that ask for one video after the other."""
    queued: int = 8
    """Jobs that may wait."""
    late_s: float = 1.0
    """Live frames may be so late at the 95th percentile."""
    fresh_frames: int = 25
    """Frames that a live session draws at a time."""
    nfe: int = 4
    """Evaluations of the vector field for each window of a live session, by ab2."""
    model: str = "openfloat-256"
    json: Path | None = None
    """Where to write the figures as well."""


def main(options: Options) -> None:
    """Run it all."""
    sound = (load_audio(DEMO / "speech.wav") * 32767).astype(np.int16)
    first = {
        "options": {"sample": {"solver": "ab2", "nfe": options.nfe}},
        "timing": {"fresh_frames": options.fresh_frames, "look_ahead_frames": 8},
    }
    material = Material((DEMO / "portrait.jpg").read_bytes(), sound, first)
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(run(options, material, Path(folder)))
    promises = {promise: bool(holds) for promise, holds in kept(options, figures).items()}
    for name, value in figures.items():
        print(f"{name:45} {value if not isinstance(value, float) else f'{value:.3f}'}")
    for promise, holds in promises.items():
        print(f"{'kept' if holds else 'BROKEN'}: {promise}")
    if options.json is not None:
        options.json.write_text(json.dumps({**figures, "promises": promises}, indent=1) + "\n")
    if not all(promises.values()):
        sys.exit(1)


async def run(options: Options, material: Material, data: Path) -> dict[str, object]:
    """The three parts, one after the other; their figures."""
    limits = (
        f"--most-queued {options.queued} --most-sessions {options.sessions} --most-streams 1 "
        f"--most-kept 30 --model {options.model}"
    )
    server = Server(data, limits.split())
    try:
        at, memory = Tally(), list[float]()
        await at_capacity(server, material, options, at, memory)
        now = {**quantiles("late, s", at.late_s), **growth(memory), "errors": at.errors}
        print(f"at capacity: {at.frames} live frames, {at.done} jobs, {now}", flush=True)
        live_wait = server.metric('openfloat_live_queue_wait_seconds{quantile="0.9"}')
        beyond = Tally()
        pending = await beyond_capacity(server, material, options, beyond)
        print(f"beyond: {len(beyond.accepted)} jobs taken, {beyond.refused_jobs} refused, "
              f"errors: {beyond.errors}", flush=True)  # fmt: skip
        troubles = server.troubles
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        server = Server(data, limits.split())
        after = Tally()
        taken = time.monotonic()
        await all_done(server, pending, after)
        taken = time.monotonic() - taken
        troubles += server.troubles
    finally:
        server.process.kill()
    return {
        "minutes at capacity": options.minutes,
        "live sessions": at.sessions,
        "live frames": at.frames,
        **quantiles("live frames late, s", at.late_s),
        "first live frame, median s": statistics.median(at.first_s),
        "live windows wait to be drawn, p90 s": live_wait,
        "jobs done": at.done,
        "streams done": at.streams,
        **quantiles("job waits, s", at.wait_s),
        **quantiles("job until fetched, s", at.job_s),
        **growth(memory),
        "beyond: jobs accepted": len(beyond.accepted),
        "beyond: jobs refused with 429": beyond.refused_jobs,
        "beyond: streams refused with 429": beyond.refused_streams,
        "beyond: sessions refused": beyond.refused_sessions,
        **quantiles("beyond: live frames late, s", beyond.late_s),
        "killed: jobs pending": len(pending),
        "killed: ready again, s": server.started_in_s,
        "killed: jobs done after that": after.done,
        "killed: done within, s": taken,
        "errors": [*at.errors, *beyond.errors, *after.errors, *troubles],
    }


def growth(memory: list[float]) -> dict[str, object]:
    """Memory once all has been used, and at the end: medians."""
    tenth = max(1, len(memory) // 10)
    before, last = (statistics.median(m) for m in (memory[tenth : 2 * tenth], memory[-tenth:]))
    return {
        "memory, second tenth, MB": before,
        "memory, last tenth, MB": last,
        "memory, most, MB": max(memory),
        "memory of each tenth, MB": [
            round(float(np.median(part))) for part in np.array_split(memory, 10) if len(part)
        ],
        "memory growth": last / before - 1,
    }


def quantiles(name: str, values: list[float]) -> dict[str, object]:
    """Median, 95th percentile and the most."""
    middle, high, most = np.quantile(values or [float("nan")], (0.5, 0.95, 1))
    return {f"{name}, p50": middle, f"{name}, p95": high, f"{name}, most": most}


def kept(options: Options, figures: dict[str, object]) -> dict[str, bool]:
    """The promises, and whether they hold."""

    def number(name: str) -> float:
        value = figures[name]
        assert isinstance(value, int | float)
        return value

    return {
        "no error": not figures["errors"],
        f"memory grows by at most {MOST_GROWTH:.0%}": number("memory growth") <= MOST_GROWTH,
        f"95 % of live frames at most {options.late_s} s late": (
            number("live frames late, s, p95") <= options.late_s
        ),
        "beyond capacity jobs, streams and sessions are refused": (
            min(number("beyond: jobs refused with 429"), number("beyond: sessions refused"),
                number("beyond: streams refused with 429")) > 0
        ),
        "beyond capacity live frames come as at capacity": (
            number("beyond: live frames late, s, p95") <= options.late_s
        ),
        "kill -9 loses no accepted job": (
            number("killed: jobs pending") == number("killed: jobs done after that") > 0
        ),
    }  # fmt: skip


async def at_capacity(
    server: Server, material: Material, options: Options, tally: Tally, memory: list[float]
) -> None:
    """Live sessions, jobs and streams for so long."""
    until = time.monotonic() + 60 * options.minutes
    async with clients(server) as http:

        async def speaks() -> None:
            while (left := until - time.monotonic()) > 5:
                await live(server, material, min(left, 50), tally)
                await interrupted(server, material, tally)

        async def asks(seed: int) -> None:
            chance = random.Random(seed)
            while time.monotonic() < until:
                asked = form(material, chance, 5.5)
                await job(http, asked, tally, delete=chance.random() < 0.5)

        async def watches() -> None:
            chance = random.Random(99)
            while time.monotonic() < until:
                await stream(http, form(material, chance, 3), tally)
                await asyncio.sleep(min(45, max(0, until - time.monotonic())))

        async def weighs() -> None:
            while time.monotonic() < until:
                memory.append(server.resident_mb)
                await asyncio.sleep(MEMORY_EVERY_S)

        speakers = [speaks() for _ in range(options.sessions)]
        askers = [asks(seed) for seed in range(options.jobs)]
        await asyncio.gather(*speakers, *askers, watches(), weighs())


async def beyond_capacity(
    server: Server, material: Material, options: Options, tally: Tally
) -> list[str]:
    """Ask for more than there is; the jobs that are accepted and not done at the end."""
    until = time.monotonic() + options.beyond_s
    async with clients(server) as http:

        async def floods(seed: int) -> None:
            chance = random.Random(seed)
            while time.monotonic() < until:
                answer = await http.post("/v1/videos", **form(material, chance, 2))  # type: ignore[arg-type]
                if answer.status_code == 202:
                    tally.accepted.append(answer.json()["id"])
                elif answer.status_code == 429 and 0 < int(answer.headers["Retry-After"]) <= 60:
                    tally.refused_jobs += 1
                else:
                    tally.errors.append(f"a job was answered {answer.status_code}")
                await asyncio.sleep(0.5)

        async def watches(seed: int) -> None:
            chance = random.Random(seed)
            while time.monotonic() < until - 10:
                await stream(http, form(material, chance, 3), tally)
                await asyncio.sleep(1)

        async def knocks() -> None:
            while time.monotonic() < until - 10:
                async with websockets.connect(f"ws://{server.address}/v1/sessions") as socket:
                    with suppress(websockets.ConnectionClosed):
                        await socket.recv()
                    await socket.wait_closed()
                tally.refused_sessions += socket.close_code == 1013
                await asyncio.sleep(1)

        speakers = [
            asyncio.create_task(live(server, material, options.beyond_s - 5, tally))
            for _ in range(options.sessions)
        ]
        await asyncio.sleep(1)  # the seats are taken
        await asyncio.gather(
            *speakers, *(floods(seed) for seed in (1, 2)), watches(3), watches(4), knocks()
        )
        states = {n: (await http.get(f"/v1/videos/{n}")).json()["status"] for n in tally.accepted}
    if failed := [state for state in states.values() if state == "failed"]:
        tally.errors.append(f"{len(failed)} accepted jobs failed")
    return [number for number, state in states.items() if state in ("queued", "running")]


async def all_done(server: Server, numbers: list[str], tally: Tally) -> None:
    """Wait until jobs are done, and fetch them."""
    async with clients(server) as http:
        for number in numbers:
            status = "queued"
            while status in ("queued", "running"):
                await asyncio.sleep(0.25)
                answer = await http.get(f"/v1/videos/{number}")
                status = answer.json()["status"] if answer.is_success else "lost"
            await fetch(http, number, tally)


def clients(server: Server) -> httpx.AsyncClient:
    """What speaks HTTP to the server."""
    return httpx.AsyncClient(base_url=f"http://{server.address}", timeout=120)


if __name__ == "__main__":
    main(tyro.cli(Options))

"""A real `openfloat serve` and its clients, for benchmarks/load.py."""

import asyncio
import io
import json
import os
import random
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import av
import httpx
import numpy as np
import websockets
from numpy.typing import NDArray

from openfloat.audio.frames import num_frames, num_samples
from openfloat.config import FPS

HEADER = struct.Struct("<II")
HOLD_FRAMES = 5
"""Frames that the default smoothing holds back."""
POLL_S = 0.25
EMOTIONS = ("auto", "happy", "neutral", "sad:0.5,neutral:0.5")


class Server:
    """A server in a process of its own: its address, its log, its memory."""

    def __init__(self, data: Path, options: list[str]) -> None:
        """Start it and wait until it is ready."""
        command = [sys.executable, "-m", "openfloat", "serve", "--port", "0", "--data", str(data)]
        environment = {**os.environ, "OPENFLOAT_API_KEY": ""}
        self.process = subprocess.Popen(
            [*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env=environment,
        )  # fmt: skip
        self.log: list[dict[str, object]] = []
        self.address = ""
        started = time.monotonic()
        threading.Thread(target=self._read, daemon=True).start()
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > started + 120:
                raise SystemExit("the server does not start")
            time.sleep(0.05)
        self.started_in_s = time.monotonic() - started

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(json.loads(line) if line.startswith("{") else {"trace": line})

    def _ready(self) -> bool:
        port = next((e["port"] for e in self.log if e.get("event") == "listening"), None)
        self.address = f"127.0.0.1:{port}"
        try:
            return port is not None and httpx.get(f"http://{self.address}/readyz").is_success
        except httpx.TransportError:
            return False

    @property
    def resident_mb(self) -> float:
        """Memory in use now, megabytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1000

    @property
    def troubles(self) -> list[str]:
        """What the log has of errors."""
        bad = [e for e in self.log if "trace" in e or e.get("level") in ("error", "critical")]
        return [json.dumps(entry)[-2000:] for entry in bad]

    def metric(self, name: str) -> float | None:
        """One figure of /metrics; none before it was measured."""
        for line in httpx.get(f"http://{self.address}/metrics").text.splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[-1])
        return None


@dataclass(eq=False)
class Tally:
    """What the clients have seen."""

    errors: list[str] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)
    """Of each live frame: behind the moment when its sound was there."""
    first_s: list[float] = field(default_factory=list)
    wait_s: list[float] = field(default_factory=list)
    """Of each job, from its acceptance until it was seen to be drawn."""
    job_s: list[float] = field(default_factory=list)
    """The same until its video was fetched."""
    accepted: list[str] = field(default_factory=list)
    done: int = 0
    streams: int = 0
    sessions: int = 0
    frames: int = 0
    refused_jobs: int = 0
    refused_streams: int = 0
    refused_sessions: int = 0


@dataclass(frozen=True)
class Material:
    """What clients send."""

    portrait: bytes
    sound: NDArray[np.int16]
    """(s,) a voice."""
    live: dict[str, object]
    """Options and timing of live sessions."""

    def wave(self, seconds: float) -> bytes:
        """A WAV file of its first seconds."""
        from scipy.io import wavfile

        file = io.BytesIO()
        wavfile.write(file, 16_000, self.sound[: int(seconds * 16_000)])
        return file.getvalue()

    def looped(self, seconds: float) -> NDArray[np.int16]:
        """So much sound of it, again and again."""
        return np.resize(self.sound, int(seconds * 16_000))


def form(material: Material, chance: random.Random, longest_s: float) -> dict[str, object]:
    """A request for a video like no other."""
    options = {
        "sample": {
            "nfe": chance.choice((5, 10)), "seed": chance.randrange(1000),
            "emotion": chance.choice(EMOTIONS), "edit": {"smile": chance.choice((0, 0.4))},
        },
        "paste_back": chance.random() < 0.25,
    }  # fmt: skip
    return {
        "files": {
            "portrait": material.portrait,
            "speech": material.wave(chance.uniform(1, longest_s)),
        },
        "data": {"options": json.dumps(options)},
    }


def frames_of(video: bytes) -> int:
    """Frames of an mp4."""
    with av.open(io.BytesIO(video), mode="r") as container:
        return sum(bool(packet.size) for packet in container.demux(video=0))


async def live(server: Server, material: Material, seconds: float, tally: Tally) -> None:
    """Speak for some seconds in real time and look when the frames come."""
    try:
        await _speak(server, material, seconds, tally)
    except websockets.WebSocketException as error:
        tally.errors.append(f"a live session has ended: {error}")


async def _speak(server: Server, material: Material, seconds: float, tally: Tally) -> None:
    sound = material.looped(seconds)
    arrived: list[float] = []
    async with websockets.connect(f"ws://{server.address}/v1/sessions", max_size=None) as socket:
        await _begin(socket, material)
        ready = json.loads(await socket.recv())
        began = time.monotonic()

        async def speak() -> None:
            for frame in range(num_frames(len(sound))):
                piece = sound[num_samples(frame) : num_samples(frame + 1)]
                await asyncio.sleep(began + (frame + 1) / FPS - time.monotonic())
                await socket.send(piece.astype("<i2").tobytes())
            await socket.send('{"end": true}')

        speaking = asyncio.create_task(speak())
        async for message in socket:
            if isinstance(message, bytes):
                if HEADER.unpack_from(message)[0] != len(arrived):
                    tally.errors.append("a live frame is missing or out of order")
                arrived.append(time.monotonic())
        await speaking
    if len(arrived) != num_frames(len(sound)):
        tally.errors.append(f"{len(arrived)} live frames of {num_frames(len(sound))} came")
    needed = ready["delay_s"] + HOLD_FRAMES / FPS
    tally.late_s += [at - began - needed - i / FPS for i, at in enumerate(arrived)]
    tally.first_s.append(arrived[0] - began)
    tally.frames += len(arrived)
    tally.sessions += 1


async def interrupted(server: Server, material: Material, tally: Tally) -> None:
    """A short talk that is interrupted and idles."""
    async with websockets.connect(f"ws://{server.address}/v1/sessions", max_size=None) as socket:
        await _begin(socket, material)
        await socket.recv()
        await socket.send(material.looped(3).astype("<i2").tobytes())
        await socket.recv()
        for control in ({"interrupt": True}, {"idle": 25}, {"end": True}):
            await socket.send(json.dumps(control))
        events = [m if isinstance(m, str) else m[:4] async for m in socket]
    said = [json.loads(event)["event"] for event in events if isinstance(event, str)]
    if said != ["interrupted", "end"]:
        tally.errors.append(f"an interrupted session said {said}")
    tally.sessions += 1


async def _begin(socket: websockets.ClientConnection, material: Material) -> None:
    import base64

    portrait = base64.b64encode(material.portrait).decode()
    await socket.send(json.dumps({"portrait": portrait, **material.live}))


async def job(
    http: httpx.AsyncClient, asked: dict[str, object], tally: Tally, *, delete: bool
) -> None:
    """Ask for a video, wait for it, look at it."""
    answer = await http.post("/v1/videos", **asked)  # type: ignore[arg-type]
    began = time.monotonic()
    if answer.status_code != 202:
        tally.errors.append(f"a job was answered {answer.status_code}: {answer.text[:200]}")
        return
    number = answer.json()["id"]
    tally.accepted.append(number)
    waits, status = True, "queued"
    while status in ("queued", "running"):
        await asyncio.sleep(POLL_S)
        status = (await http.get(f"/v1/videos/{number}")).json()["status"]
        if waits and status != "queued":
            waits = False
            tally.wait_s.append(time.monotonic() - began)
    await fetch(http, number, tally)
    tally.job_s.append(time.monotonic() - began)
    if delete:
        await http.delete(f"/v1/videos/{number}")


async def fetch(http: httpx.AsyncClient, number: str, tally: Tally) -> None:
    """The video of a job, which must be whole."""
    answer = await http.get(f"/v1/videos/{number}/result")
    if answer.status_code != 200 or frames_of(answer.content) < FPS // 2:
        tally.errors.append(f"a result was answered {answer.status_code}: {answer.text[:200]}")
    else:
        tally.done += 1


async def stream(http: httpx.AsyncClient, asked: dict[str, object], tally: Tally) -> None:
    """A video as it is drawn."""
    answer = await http.post("/v1/stream", **asked)  # type: ignore[arg-type]
    if answer.status_code == 429:
        tally.refused_streams += 1
    elif answer.status_code != 200 or frames_of(answer.content) < FPS // 2:
        tally.errors.append(f"a stream was answered {answer.status_code}: {answer.text[:200]}")
    else:
        tally.streams += 1

"""A real server and real clients: jobs, streams, live sessions, and what happens when all ends."""

import asyncio
import base64
import io
import json
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from openfloat.audio.io import load_audio, write_wave
from openfloat.cli.main import run

REASON = "the extra 'serve' or what its tests need is not installed"
for needed in ("fastapi", "uvicorn", "python_multipart", "httpx"):
    pytest.importorskip(needed, reason=REASON)
websockets = pytest.importorskip("websockets", reason=REASON)
prometheus = pytest.importorskip("prometheus_client.parser", reason=REASON)
openapi = pytest.importorskip("openapi_spec_validator", reason=REASON)

if True:  # imported once all is known to be there
    import httpx
    from servers import Server, running, wait_for

KEY = "a-key-that-nobody-guesses"
QUICK = {"sample": {"nfe": 2}}
SLOW = {"sample": {"nfe": 60}}
TIMING = {"fresh_frames": 5, "look_ahead_frames": 3}
FIRST, STEP = 5_000, 640


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Open to everybody on this machine."""
    with running(tmp_path_factory.mktemp("open")) as server:
        yield server


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One of everything, with a key."""
    folder = tmp_path_factory.mktemp("strict")
    options = "--most-queued 1 --most-sessions 1 --most-streams 1 --longest-s 2 --speech-mb 0.1"
    with running(folder, *options.split(), "--portrait-mb", "0.1", key=KEY) as server:
        yield server


@pytest.fixture(scope="module")
def voice(speech: Path) -> np.ndarray:
    """Four seconds of 16-bit samples."""
    return (load_audio(speech)[FIRST : FIRST + 64_000] * 32767).astype("<i2")


@pytest.fixture(scope="module")
def sound(voice: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """0.48 s, 12 frames."""
    path = tmp_path_factory.mktemp("sound") / "short.wav"
    write_wave(path, voice[: 12 * STEP].astype(np.float32) / 32768)
    return path


def form(portrait: Path, sound: Path, options: object) -> dict[str, Any]:
    text = options if isinstance(options, str) else json.dumps(options)
    return {
        "files": {"portrait": portrait.read_bytes(), "speech": sound.read_bytes()},
        "data": {"options": text},
    }


def frames_of(data: bytes) -> int:
    with av.open(io.BytesIO(data)) as container:
        assert container.streams.audio
        return sum(1 for _ in container.decode(video=0))


def test_a_job_becomes_a_video(server: Server, portrait: Path, sound: Path) -> None:
    sent = form(portrait, sound, {**QUICK, "crop": {"margin": 1.8}})
    headers = {"Idempotency-Key": "one-and-only"}
    answer = server.http.post("/v1/videos", **sent, headers=headers)
    assert answer.status_code == 202, answer.text
    number = answer.json()["id"]
    assert answer.headers["Location"] == f"/v1/videos/{number}"
    again = server.http.post("/v1/videos", **sent, headers=headers)
    assert (again.status_code, again.json()["id"]) == (200, number)
    other = server.http.post("/v1/videos", **form(portrait, sound, QUICK), headers=headers)
    assert other.status_code == 422
    assert "Idempotency-Key" in other.json()["error"]
    job = server.wait_for_state(number, "done", "failed")
    assert (job["status"], job["progress"], job["error"]) == (
        "done",
        {"done": 12, "total": 12},
        None,
    )
    result = server.http.get(f"/v1/videos/{number}/result")
    assert result.headers["content-type"] == "video/mp4"
    assert frames_of(result.content) == 12
    assert server.http.delete(f"/v1/videos/{number}").status_code == 204
    for path in (f"/v1/videos/{number}", f"/v1/videos/{number}/result", f"/v1/videos/{'0' * 32}"):
        assert server.http.get(path).status_code == 404
    assert server.http.delete(f"/v1/videos/{number}").status_code == 404


@pytest.mark.parametrize("path", ["/v1/videos", "/v1/stream"])
@pytest.mark.parametrize(
    ("portrait_from", "speech_from", "options", "words"),
    [
        ("portrait", "sound", {"sample": {"nfe": 0}}, "nfe"),
        ("portrait", "sound", {"sample": {"nfe": 101}}, "most allowed"),
        ("portrait", "sound", {"sample": {"nfe": "2"}}, "not of type int"),
        ("portrait", "sound", {"sample": {"edit": {"smile": 7}}}, "smile"),
        ("portrait", "sound", {"nfe": 2}, "no field named nfe"),
        ("portrait", "sound", {"crop": {"face": 7}}, "face"),
        ("portrait", "sound", '{"sample":' * 1600, "nested too deeply"),
        ("portrait", "sound", "yes", "not JSON"),
        ("portrait", "portrait", {}, "speech"),
        ("sound", "sound", {}, "portrait"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(
    server: Server, portrait: Path, sound: Path, path: str,
    portrait_from: str, speech_from: str, options: object, words: str,
) -> None:  # fmt: skip
    files = {"portrait": portrait, "sound": sound}
    answer = server.http.post(path, **form(files[portrait_from], files[speech_from], options))
    assert answer.status_code == 422, answer.text
    said = answer.json()["error"]
    assert words in said
    assert "Traceback" not in said
    assert "/" not in said.replace("and/or", "")


def test_a_picture_without_a_face_and_a_form_without_files_are_refused(
    server: Server, sound: Path, portrait: Path, tmp_path: Path
) -> None:
    Image.new("RGB", (300, 300), "white").save(tmp_path / "wall.png")
    answer = server.http.post("/v1/videos", **form(tmp_path / "wall.png", sound, {}))
    assert (answer.status_code, "face" in answer.json()["error"]) == (422, True)
    answer = server.http.post("/v1/videos", files={"portrait": portrait.read_bytes()})
    assert (answer.status_code, "speech" in answer.json()["error"]) == (422, True)
    assert server.http.post("/v1/videos", json={}).status_code == 422
    assert server.http.get("/v1/videos/../../etc/passwd").status_code == 404
    assert server.http.get("/v1/videos/etc").status_code == 422


def test_a_stream_begins_before_it_is_drawn(
    server: Server, portrait: Path, voice: np.ndarray, tmp_path: Path
) -> None:
    write_wave(tmp_path / "long.wav", voice[: 40 * STEP].astype(np.float32) / 32768)
    sent = form(portrait, tmp_path / "long.wav", QUICK)
    with server.http.stream("POST", "/v1/stream", **sent) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "video/mp4"
        pieces = answer.iter_raw()
        first = next(pieces)
        assert "openfloat_streams 1" in server.http.get("/metrics").text
        assert 1 <= frames_of(first) <= 20
        whole = first + b"".join(pieces)
    assert frames_of(whole) == 40
    assert b"trainedAlgorithmicMedia" in whole, "it says that it is generated"
    wait_for(lambda: "openfloat_streams 0" in server.http.get("/metrics").text)


def test_strangers_and_foreign_web_pages_are_turned_away(strict: Server, server: Server) -> None:
    url = f"http://127.0.0.1:{strict.port}"
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"X-API-Key": KEY[:-1]}):
        for path in ("/v1/videos/" + "0" * 32, "/metrics"):
            answer = httpx.get(url + path, headers=headers)
            assert answer.status_code == 401
            assert "API key" in answer.json()["error"]
    assert httpx.get(url + "/metrics", headers={"X-API-Key": KEY}).status_code == 200
    assert httpx.get(url + "/healthz").json() == {"status": "ok"}
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        assert server.http.get("/metrics", headers=headers).status_code == 403
    assert "access-control-allow-origin" not in server.http.get("/healthz").headers


def test_what_is_too_large_or_too_long_is_refused(
    strict: Server, portrait: Path, voice: np.ndarray, tmp_path: Path
) -> None:
    def endless() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="speech"; filename="a"\r\n\r\n'
        yield from (bytes(65_536) for _ in range(200))

    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    for body in (bytes(400_000), endless()):
        answer = strict.http.post("/v1/videos", content=body, headers=kind)
        assert answer.status_code == 413
    write_wave(tmp_path / "big.wav", voice[:60_000].astype(np.float32) / 32768)
    answer = strict.http.post("/v1/videos", **form(portrait, tmp_path / "big.wav", {}))
    assert (answer.status_code, "0.1 megabytes" in answer.json()["error"]) == (413, True)
    write_wave(tmp_path / "long.wav", voice[:40_000].astype(np.float32) / 32768)
    answer = strict.http.post("/v1/videos", **form(portrait, tmp_path / "long.wav", {}))
    assert (answer.status_code, "2 seconds" in answer.json()["error"]) == (422, True)


def test_a_full_queue_asks_to_come_again(strict: Server, portrait: Path, sound: Path) -> None:
    numbers = []
    for _ in range(2):
        answer = strict.http.post("/v1/videos", **form(portrait, sound, SLOW))
        assert answer.status_code == 202, answer.text
        numbers.append(answer.json()["id"])
        strict.wait_for_state(numbers[0], "running")
    answer = strict.http.post("/v1/videos", **form(portrait, sound, SLOW))
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert strict.http.get(f"/v1/videos/{numbers[1]}/result").status_code == 409
    for number in numbers:
        assert strict.http.delete(f"/v1/videos/{number}").status_code == 204
    wait_for(lambda: "openfloat_queue_length 0" in strict.http.get("/metrics").text)


def test_a_killed_server_goes_on_where_it_was(
    portrait: Path, sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(tmp_path) as server:
        done, drawn, waiting = (
            server.http.post("/v1/videos", **form(portrait, sound, options)).json()["id"]
            for options in (QUICK, SLOW, QUICK)
        )
        server.wait_for_state(done, "done")
        server.wait_for_state(drawn, "running")
        assert run(["serve", "--port", "0", "--data", str(tmp_path)]) == 2
        assert "in use by another server" in capsys.readouterr().err
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    (tmp_path / "incoming" / "half-written").mkdir()
    with running(tmp_path, "--stop-s", "0") as server:
        for number in (done, drawn, waiting):
            assert server.wait_for_state(number, "done", "failed")["status"] == "done"
            assert frames_of(server.http.get(f"/v1/videos/{number}/result").content) == 12
        files = {p.name for n in (done, drawn, waiting) for p in (tmp_path / "jobs" / n).iterdir()}
        assert files == {"result.mp4"}
        assert not list((tmp_path / "incoming").iterdir())
        last = server.http.post("/v1/videos", **form(portrait, sound, SLOW)).json()["id"]
        server.wait_for_state(last, "running")
        assert server.stop(signal.SIGTERM) == 0
    assert [e["job"] for e in server.log if e.get("state") == "queued"] == [last]
    assert server.log[-1]["event"] == "stopped"
    assert {path.name for path in (tmp_path / "jobs" / last).iterdir()} == {"portrait", "speech"}


class Live:
    """A client of a live session."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.frames: list[tuple[int, int]] = []
        self.events: list[str] = []

    @classmethod
    async def begin(cls, server: Server, portrait: str, key: str = "") -> "Live":
        protocols = ["openfloat", f"openfloat.key.{key}"] if key else None
        socket = await websockets.connect(
            f"ws://127.0.0.1:{server.port}/v1/sessions", subprotocols=protocols, max_size=None
        )
        live = cls(socket)
        first = {"portrait": portrait, "options": QUICK, "timing": TIMING}
        await socket.send(json.dumps(first))
        ready = json.loads(await socket.recv())
        assert ready == {"event": "ready", "fps": 25, "delay_s": 0.32}, ready
        return live

    async def say(self, **control: object) -> None:
        await self.socket.send(json.dumps(control))

    async def take(self) -> str:
        """The next message: "frame", or the name of an event."""
        message = await asyncio.wait_for(self.socket.recv(), 30)
        if isinstance(message, str):
            self.events.append(json.loads(message)["event"])
            return self.events[-1]
        self.frames.append(struct.unpack_from("<II", message))
        with Image.open(io.BytesIO(message[8:])) as picture:
            assert (picture.format, picture.size) == ("JPEG", (256, 256))
        return "frame"


def drive(talk: Any) -> Any:
    """What a coroutine returns, once its connections are closed for good."""

    async def whole() -> Any:
        try:
            return await talk
        finally:
            await asyncio.sleep(0.1)

    return asyncio.run(whole())


def as_text(portrait: Path) -> str:
    return base64.b64encode(portrait.read_bytes()).decode()


def test_two_live_sessions_at_once(server: Server, portrait: Path, voice: np.ndarray) -> None:
    answer = server.http.post("/v1/portraits", files={"portrait": portrait.read_bytes()})
    assert answer.status_code == 201
    number = answer.json()["id"]

    async def talk(face: str) -> Live:
        live = await Live.begin(server, face)
        data = voice[: 20 * STEP].tobytes()
        for begin in range(0, len(data), 3_201):  # pieces that tear samples apart
            await live.socket.send(data[begin : begin + 3_201])
        await live.say(idle=5)
        await live.say(end=True)
        while await live.take() != "end":
            pass
        await live.socket.wait_closed()
        return live

    async def both() -> list[Live]:
        return await asyncio.gather(talk(as_text(portrait)), talk(number))

    for live in drive(both()):
        assert live.frames == [(index, 40 * index) for index in range(25)]
        assert live.socket.close_code == 1000
    assert server.http.delete(f"/v1/portraits/{number}").status_code == 204
    assert server.http.delete(f"/v1/portraits/{number}").status_code == 404


def test_an_interrupted_session_forgets_what_it_heard(
    server: Server, portrait: Path, voice: np.ndarray
) -> None:
    async def talk() -> Live:
        live = await Live.begin(server, as_text(portrait))
        await live.socket.send(voice.tobytes())
        await live.take()
        await live.say(interrupt=True)
        while await live.take() != "interrupted":
            pass
        before = len(live.frames)
        await live.say(idle=10)
        while len(live.frames) < before + 3:
            await live.take()
        await live.say(end=True)
        while await live.take() != "end":
            pass
        await live.socket.wait_closed()
        return live

    live = drive(talk())
    assert live.events == ["interrupted", "end"]
    indices = [index for index, _ in live.frames]
    assert indices == sorted(set(indices))
    assert indices[-1] < 80, "of four seconds of sound not all was shown"


def test_a_full_engine_says_so_and_a_lost_client_frees_its_seat(
    strict: Server, portrait: Path, voice: np.ndarray
) -> None:
    async def talk() -> None:
        live = await Live.begin(strict, as_text(portrait), KEY)
        assert live.socket.subprotocol == "openfloat"
        await live.socket.send(voice.tobytes())
        async with websockets.connect(
            f"ws://127.0.0.1:{strict.port}/v1/sessions",
            additional_headers={"Authorization": f"Bearer {KEY}"},
        ) as second:
            said = json.loads(await second.recv())
            await second.wait_closed()
        assert (second.close_code, second.close_reason) == (1013, said["error"])
        assert "sessions are taken" in said["error"]
        live.socket.transport.abort()
        await live.socket.wait_closed()
        for _ in range(100):
            if "openfloat_live_sessions 0" in strict.http.get("/metrics").text:
                break
            await asyncio.sleep(0.05)
        third = await Live.begin(strict, as_text(portrait), KEY)
        await third.socket.close()

    drive(talk())


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        (["hello"], "not JSON"),
        ([b"hello"], "must be JSON"),
        (['{"portrait": 3}'], "portrait"),
        (['{"portrait": "***"}'], "base64"),
        (['{"portrait": "aGVsbG8="}'], "picture"),
        ([json.dumps({"portrait": "0" * 32})], "no such portrait"),
        (['{"portrait": "", "options": {"sample": {"nfe": 999}}}'], "nfe"),
        (['{"portrait": "", "timing": {"fresh_frames": 0}}'], "fresh_frames"),
        (['{"portrait": "", "path": "/etc/passwd"}'], "path"),
        (["PORTRAIT", '{"dance": true}'], "control message"),
        (["PORTRAIT", '{"idle": 1000000}'], "control message"),
        (["PORTRAIT", '{"idle": 1500}', '{"idle": 1500}', '{"idle": 1500}'], "120 seconds"),
        (["PORTRAIT", *[bytes(1_000_000)] * 5], "120 seconds"),
    ],
)
def test_what_a_live_session_does_not_understand_ends_it(
    server: Server, portrait: Path, messages: list[str | bytes], words: str
) -> None:
    async def talk() -> tuple[str, int]:
        url = f"ws://127.0.0.1:{server.port}/v1/sessions"
        async with websockets.connect(url) as socket:
            for message in messages:
                if message == "PORTRAIT":
                    message = json.dumps({"portrait": as_text(portrait), "options": QUICK})
                await socket.send(message)
            said = {}
            with suppress(websockets.ConnectionClosedError):
                async for answer in socket:
                    said = json.loads(answer) if isinstance(answer, str) else {}
        return said["error"], socket.close_code

    said, code = drive(talk())
    assert words in said
    assert "/" not in said or "path" in words
    assert code == 1008


def test_a_foreign_web_page_cannot_open_a_live_session(server: Server, strict: Server) -> None:
    async def knock(port: int, origin: str | None) -> int:
        try:
            await websockets.connect(f"ws://127.0.0.1:{port}/v1/sessions", origin=origin)
        except websockets.exceptions.InvalidStatus as refusal:
            return refusal.response.status_code
        return 101

    assert drive(knock(server.port, "https://evil.example")) == 403
    assert drive(knock(strict.port, None)) == 403


def test_the_metrics_can_be_read_and_the_schema_is_valid(server: Server) -> None:
    server.http.get(f"/v1/videos/{'0' * 32}")
    text = server.http.get("/metrics").text
    families = {f.name: f for f in prometheus.text_string_to_metric_families(text)}
    states = {s.labels["state"]: s.value for s in families["openfloat_jobs"].samples}
    assert set(states) == {"queued", "running", "done", "failed"}
    for kind in ("queue_wait", "motion", "decode", "first_frame"):
        assert families[f"openfloat_live_{kind}_seconds"].type == "summary"
    routes = {s.labels["route"] for s in families["openfloat_http_requests"].samples}
    assert "/v1/videos/{number}" in routes
    document = server.http.get("/openapi.json").json()
    openapi.validate(document)
    options = document["components"]["schemas"]["SampleOptions"]["properties"]
    assert options["nfe"]["default"] == 10
    assert "vector field" in options["nfe"]["description"]


@pytest.mark.parametrize("phase", ["fuzzing", pytest.param("coverage", marks=pytest.mark.slow)])
def test_requests_made_up_from_the_schema_are_answered_as_it_says(
    server: Server, tmp_path: Path, phase: str
) -> None:
    pytest.importorskip("schemathesis", reason=REASON)
    checks = "not_a_server_error,status_code_conformance,content_type_conformance"
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{server.http.base_url}/openapi.json",
        "--include-path-regex", "^/v1/(videos|portraits)", "--phases", phase, "-n", "8",
        "--checks", f"{checks},response_schema_conformance", "--generation-deterministic",
    ]  # fmt: skip
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert result.returncode == 0, result.stdout
    assert "6 passed" in result.stdout
    assert not [entry for entry in server.log if "trace" in entry]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0"], "reached by others"),
        (["--host", "192.0.2.1", "--anyone"], "cannot listen"),
        (["--api-key", "short"], "16"),
        (["--port", "70000"], "port"),
        (["--model", "no-such-model"], "no-such-model"),
        (["--data", "pyproject.toml"], "pyproject.toml"),
    ],
)
def test_a_server_that_cannot_be_says_why(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    defaults = [] if "--port" in arguments else ["--port", "0"]
    assert run(["serve", *defaults, *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert len(said.splitlines()) == 1

"""Requests and messages that a server must survive: 4xx and a sentence, nothing kept."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import media
import pytest
import test_hostile_portraits as portraits
import test_hostile_sounds as sounds

for needed in ("fastapi", "httpx", "python_multipart"):
    pytest.importorskip(needed, reason="the extra 'serve' is not installed")

if True:  # imported once all is known to be there
    from starlette.testclient import TestClient
    from starlette.websockets import WebSocketDisconnect

    from openfloat.pipeline import FloatPipeline
    from openfloat.serving.app import new_app, new_hall
    from openfloat.serving.settings import ServeSettings

pytestmark = pytest.mark.hostile
KEPT: list[Path] = []


@pytest.fixture(scope="module")
def client(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("server")
    settings = ServeSettings(data=folder, portrait_mb=2, speech_mb=2, longest_s=5)
    app = new_app(new_hall(FloatPipeline.from_pretrained(tiny), settings))
    KEPT.append(folder)
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client


def assert_refused(answer: Any, *codes: int) -> None:
    """One of the codes, a sentence, no word of the server's inside, and nothing kept."""
    assert answer.status_code in (codes or (400, 413, 422)), (answer.status_code, answer.text)
    said = answer.json()["error"]
    assert 5 < len(said) < 600, said
    assert "\n" not in said
    assert str(KEPT[-1]) not in said
    assert "Traceback" not in said
    for folder in ("incoming", "jobs", "portraits"):
        assert not list((KEPT[-1] / folder).iterdir())


@pytest.fixture(scope="module")
def good(small_face: Path, short: Path) -> dict[str, bytes]:
    return {"portrait": small_face.read_bytes(), "speech": short.read_bytes()}


SMALL = [n for n in portraits.REFUSED if "gigabyte" not in n and "gone" not in n]


@pytest.mark.parametrize("name", SMALL)
def test_a_hostile_portrait_is_refused(
    name: str, client: TestClient, good: dict[str, bytes], tmp_path: Path
) -> None:
    content = portraits.REFUSED[name](tmp_path).read_bytes()
    for path in ("/v1/videos", "/v1/stream"):
        assert_refused(client.post(path, files=good | {"portrait": content}))
    assert_refused(client.post("/v1/portraits", files={"portrait": content}))


@pytest.mark.parametrize("name", [n for n in sounds.REFUSED if "hour" not in n and "giga" not in n])
def test_a_hostile_voice_is_refused(
    name: str, client: TestClient, good: dict[str, bytes], tmp_path: Path
) -> None:
    content = sounds.REFUSED[name](tmp_path).read_bytes()
    assert_refused(client.post("/v1/videos", files=good | {"speech": content}))


@pytest.mark.parametrize("name", media.playlists("127.0.0.1:9"))
def test_a_playlist_is_refused(name: str, client: TestClient, good: dict[str, bytes]) -> None:
    content = media.playlists("127.0.0.1:9")[name][1].encode()
    for field in ("portrait", "speech"):
        assert_refused(client.post("/v1/stream", files=good | {field: content}))


OPTIONS = (
    "", "{", "[]", "null", "3", '"x"', "NaN", '{"seed": 1}', '{"sample": []}', '{"sample": null}',
    '{"sample": {"seed": -1}}', '{"sample": {"seed": 1e3}}', '{"sample": {"seed": "1"}}',
    '{"sample": {"nfe": 0}}', '{"sample": {"nfe": 1000000}}', '{"sample": {"nfe": true}}',
    '{"sample": {"audio_scale": NaN}}', '{"sample": {"audio_scale": Infinity}}',
    '{"sample": {"audio_scale": 1e400}}', '{"sample": {"emotion": "bored"}}',
    '{"sample": {"edit": {"yaw": 1000}}}', '{"sample": {"edit": {"edit": ["1:1000"]}}}',
    '{"sample": {"edit": {"edit": [1]}}}', '{"sample": {"guidance_interval": [1]}}',
    '{"sample": {"guidance_interval": [1, 0]}}', '{"sample": {"solver": "x"}}',
    '{"sample": {"__class__": 1}}', '{"crop": {"margin": 0}}', '{"crop": {"face": 99}}',
    '{"crop": {"fill": "red"}}', '{"paste_back": "yes"}', '{"mark": false}', '{"paste_back": 1}',
    '{"sample": {"seed": ' + "9" * 5000 + "}}", "[" * 8000, '{"a":' * 3000, "x" * 20_000,
    '{"sample": {"blink": "never"}}', '{"sample": {"steady": -1}}', "\ud83d\ude00",
)  # fmt: skip


@pytest.mark.parametrize("number", range(1, len(OPTIONS)))
def test_options_of_nonsense_are_refused(
    number: int, client: TestClient, good: dict[str, bytes]
) -> None:
    text = OPTIONS[number].encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    assert_refused(client.post("/v1/videos", files=good, data={"options": text}))


FORM = {"content-type": "multipart/form-data; boundary=x"}
BODIES: dict[str, tuple[dict[str, str], bytes]] = {
    "nothing": ({}, b""),
    "JSON": ({"content-type": "application/json"}, b"{}"),
    "a form that is urlencoded": ({"content-type": "application/x-www-form-urlencoded"}, b"a=b"),
    "no boundary": ({"content-type": "multipart/form-data"}, b"--x--"),
    "an empty form": (FORM, b"--x--\r\n"),
    "a form that is cut": (FORM, b'--x\r\ncontent-disposition: form-data; name="portrait"'),
    "a form without end": (FORM, b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\nabc'),
    "noise": (FORM, bytes(range(256)) * 40),
    "fields without names": (FORM, b"--x\r\ncontent-disposition: form-data\r\n\r\na\r\n--x--"),
    "text for a file": (FORM, b'--x\r\ncontent-disposition: form-data; name="portrait"\r\n\r\n'
                              b"a\r\n--x--\r\n"),
    "many fields": (FORM, b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\na\r\n' * 200
                          + b"--x--\r\n"),
    "many files": (FORM, b'--x\r\ncontent-disposition: form-data; name="a"; filename="a"\r\n\r\n'
                         b"a\r\n" * 200 + b"--x--\r\n"),
    "a long header": (FORM, b"--x\r\ncontent-disposition: " + b"a" * 60_000 + b"\r\n\r\n--x--"),
    "a length that is no number": (FORM | {"content-length": "many"}, b""),
    "a negative length": (FORM | {"content-length": "-5"}, b""),
    "a length of a terabyte": (FORM | {"content-length": str(10**12)}, b""),
    "a length of 5,000 digits": (FORM | {"content-length": "9" * 5000}, b""),
    "5 megabytes": (FORM, bytes(5_000_000)),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("path", ["/v1/videos", "/v1/stream", "/v1/portraits"])
def test_a_body_that_is_no_form_is_refused(name: str, path: str, client: TestClient) -> None:
    headers, body = BODIES[name]
    assert_refused(client.post(path, headers=headers, content=body))


NUMBERS = ("x", "0" * 31, "0" * 33, "G" * 32, "A" * 32, "..%2f..%2fetc%2fpasswd", "%00" * 32,
           "0" * 32, "é" * 32, "' OR 1=1 --", "a" * 5000, "%2e%2e", "0" * 32 + "\n")  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: ascii(number)[:20])
def test_a_number_of_no_video_is_refused(number: str, client: TestClient) -> None:
    from urllib.parse import quote

    number = quote(number, safe="%")
    for answer in (
        client.get(f"/v1/videos/{number}"), client.get(f"/v1/videos/{number}/result"),
        client.delete(f"/v1/videos/{number}"), client.delete(f"/v1/portraits/{number}"),
    ):  # fmt: skip
        assert_refused(answer, 404, 405, 422)


@pytest.mark.parametrize("headers", [
    {"host": "evil.example"}, {"origin": "http://evil.example"}, {"origin": "null"},
    {"origin": "http://127.0.0.1.evil.example"}, {"host": "127.0.0.1.evil.example"},
])  # fmt: skip
def test_a_foreign_page_is_refused(headers: dict[str, str], client: TestClient) -> None:
    assert_refused(client.get("/v1/videos/" + "0" * 32, headers=headers), 403)


def session(**more: object) -> str:
    return json.dumps(more)


FIRST = (
    "", "{", "[]", "3", "null", "[" * 50_000, session(), session(portrait=3),
    session(portrait=""), session(portrait="***"), session(portrait="0" * 32),
    session(portrait="../../etc/passwd"), session(portrait="aGVsbG8="),
    session(portrait=base64.b64encode(media.png(30_000, 30_000)).decode()),
    session(portrait="aGVsbG8=", surprise=1), session(portrait="aGVsbG8=", options=[]),
    session(portrait="aGVsbG8=", options={"x": 1}),
    session(portrait="aGVsbG8=", options={"sample": {"nfe": 10**9}}),
    session(portrait="aGVsbG8=", timing=3),
    session(portrait="aGVsbG8=", timing={"fresh_frames": 0}),
    session(portrait="aGVsbG8=", timing={"fresh_frames": 10**9}),
    session(portrait="aGVsbG8=", timing={"look_ahead_frames": -1}),
    session(portrait=base64.b64encode(bytes(2_100_000)).decode()),
)  # fmt: skip


@pytest.mark.parametrize("number", range(len(FIRST)))
def test_a_session_that_begins_with_nonsense_is_closed(number: int, client: TestClient) -> None:
    with client.websocket_connect("ws://127.0.0.1/v1/sessions") as socket:
        socket.send_text(FIRST[number])
        said = socket.receive_json()
        assert said["event"] == "error"
        assert 5 < len(said["error"]) < 600
        assert str(KEPT[-1]) not in said["error"]
        with pytest.raises(WebSocketDisconnect):
            socket.receive_json()


CONTROL = ("", "{", "[]", "{}", '{"idle": 0}', '{"idle": -1}', '{"idle": 1e9}', '{"idle": true}',
           '{"idle": 100000000}', '{"end": false}', '{"end": true, "x": 1}', '{"interrupt": 1}',
           "x" * 100_000, "[" * 3000)  # fmt: skip


@pytest.mark.parametrize("number", range(len(CONTROL)))
def test_a_session_that_goes_on_with_nonsense_is_closed(
    number: int, client: TestClient, good: dict[str, bytes]
) -> None:
    portrait = base64.b64encode(good["portrait"]).decode()
    with client.websocket_connect("ws://127.0.0.1/v1/sessions") as socket:
        socket.send_text(session(portrait=portrait, options={"crop": {"crop": False}}))
        assert socket.receive_json()["event"] == "ready"
        socket.send_text(CONTROL[number])
        said = socket.receive_json()
        assert said["event"] == "error"
        with pytest.raises(WebSocketDisconnect):
            socket.receive_json()


def test_a_full_disk_is_said_so(client: TestClient, good: dict[str, bytes]) -> None:
    from test_hostile_paths_and_disks import files_up_to

    with files_up_to(1000):
        answer = client.post("/v1/videos", files=good)
    assert_refused(answer, 507)


def test_after_all_that_the_server_still_draws(client: TestClient, good: dict[str, bytes]) -> None:
    options = json.dumps({"sample": {"nfe": 1}, "crop": {"crop": False}})
    answer = client.post("/v1/stream", files=good, data={"options": options})
    assert answer.status_code == 200
    assert answer.content[4:8] == b"ftyp"

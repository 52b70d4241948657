"""One cluster of Ray: a batch by two of its actors, and live sessions that wander over replicas."""

import base64
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest

for needed in ("ray", "fastapi", "httpx", "python_multipart"):
    pytest.importorskip(needed, reason="the extras 'distributed' and 'serve' are not installed")

if True:  # imported once all is known to be there
    import httpx
    from ports import free_port

    from openfloat import FloatPipeline, StreamingSession
    from openfloat.audio.io import load_audio, write_wave
    from openfloat.options import CropOptions, SampleOptions
    from openfloat.serving.sessions import jpegs

pytestmark = pytest.mark.slow
ENVIRONMENT = {
    **os.environ, "OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled", "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
    "RAY_worker_niceness": "0",  # beside other tests its workers would hardly begin
}  # fmt: skip
KEY = "a-key-that-nobody-guesses"


class Cluster(NamedTuple):
    """Where Ray is, and what speaks to its Serve."""

    address: str
    http: httpx.Client


@pytest.fixture(scope="module")
def cluster(tiny: Path) -> Iterator[Cluster]:
    port = free_port()
    host = Path(__file__).with_name("ray_host.py")
    process = subprocess.Popen(
        [sys.executable, host, tiny, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, env={**ENVIRONMENT, "OPENFLOAT_API_KEY": KEY},
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        assert address, "the cluster has not come up"
        headers = {"Authorization": f"Bearer {KEY}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as http:
            yield Cluster(address, http)
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()


@pytest.fixture(scope="module")
def voice(speech: Path) -> np.ndarray:
    """Two seconds, 50 frames."""
    return (load_audio(speech)[8_000:40_000] * 32767).astype("<i2")


def test_a_session_goes_on_wherever_its_state_is_sent(
    cluster: Cluster, tiny: Path, small_face: Path, voice: np.ndarray
) -> None:
    options = {"sample": {"nfe": 1}, "crop": {"crop": False}}
    state, got, replicas = b"", list[bytes](), set[str]()
    pieces = np.split(voice, 10)
    for number, piece in enumerate(pieces):
        answer = cluster.http.post(
            "/v1/turns",
            files={"portrait": small_face.read_bytes(), "sound": piece.tobytes(), "state": state},
            data={"options": json.dumps(options), "end": str(number == len(pieces) - 1).lower()},
        )
        assert answer.status_code == 200, answer.text
        said = answer.json()
        got += [base64.b64decode(frame) for frame in said["frames"]]
        state = base64.b64decode(said["state"])
        replicas.add(answer.headers["X-Replica"])
    assert [struct.unpack_from("<II", frame) for frame in got] == [(i, 40 * i) for i in range(50)]
    assert len(replicas) == 2, "both have drawn"
    pipeline = FloatPipeline.from_pretrained(str(tiny))
    portrait = pipeline.encode(small_face, CropOptions(crop=False))
    session = StreamingSession(pipeline, portrait, SampleOptions(nfe=1))
    whole = [*session.push(voice.astype(np.int16)), *session.flush()]
    assert got == [frame for chunk in whole for frame in jpegs(chunk)], "as one process draws it"


def test_a_turn_that_cannot_be_is_refused(cluster: Cluster, small_face: Path) -> None:
    face = small_face.read_bytes()
    for files, data, words in (
        ({"portrait": b"no picture"}, {}, "picture"),
        ({"portrait": face, "sound": b"odd"}, {}, "16-bit"),
        ({"portrait": face, "state": b"nonsense"}, {}, "state"),
        ({"portrait": face}, {"options": '{"sample": {"nfe": 101}}'}, "nfe"),
    ):
        answer = cluster.http.post("/v1/turns", files=files, data=data)
        assert (answer.status_code, words in answer.text) == (422, True), answer.text
        assert "/tmp" not in answer.text
    stranger = httpx.post(cluster.http.base_url.join("/v1/turns"), files={"portrait": face})
    assert stranger.status_code == 401


def test_two_actors_of_ray_make_a_list(
    cluster: Cluster, tiny: Path, small_face: Path, voice: np.ndarray, tmp_path: Path
) -> None:
    write_wave(tmp_path / "voice.wav", voice[:16_000].astype(np.float32) / 32768)
    row = {"portrait": str(small_face), "speech": str(tmp_path / "voice.wav"), "nfe": 1,
           "options": {"crop": {"crop": False}}}  # fmt: skip
    listed, out = tmp_path / "list.jsonl", tmp_path / "out"
    listed.write_text("".join(json.dumps({**row, "name": name}) + "\n" for name in "abc"))
    subprocess.run(
        [sys.executable, "-m", "openfloat", "batch", listed, out, "--model", tiny,
         "--ray", cluster.address, "--workers", "2"],
        env=ENVIRONMENT, check=True, timeout=280,
    )  # fmt: skip
    results = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    assert [(row["name"], row["status"]) for row in results] == [(n, "done") for n in "abc"]
    for name in "abc":
        with av.open(str(out / f"{name}.mp4")) as container:
            assert sum(1 for _ in container.decode(video=0)) == 25

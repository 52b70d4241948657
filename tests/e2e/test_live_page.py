"""A call by WebRTC: a real browser speaks, sees a face that moves and hears the voice."""

import asyncio
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

for needed in ("playwright", "fastapi", "httpx"):
    pytest.importorskip(needed, reason="the extra 'rtc' or the browser's driver is not installed")

aiortc = pytest.importorskip("aiortc", reason="the extra 'rtc' is not installed")

if True:  # imported once all is known to be there
    from pages import browser
    from playwright.sync_api import Page, expect
    from servers import Server, running, wait_for

# a browser is closed by its own threads
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

WATCH = """async milliseconds => {
  const video = document.querySelector("video"), sound = new AudioContext();
  const analyser = sound.createAnalyser();
  sound.createMediaStreamSource(video.srcObject).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const canvas = new OffscreenCanvas(64, 64).getContext("2d", {willReadFrequently: true});
  const seen = [];
  let before = null;
  const look = (now, metadata) => {
    canvas.drawImage(video, 0, 0, 64, 64);
    const pixels = canvas.getImageData(0, 0, 64, 64).data;
    let change = 0;
    if (before) for (let i = 0; i < pixels.length; i++) change += Math.abs(pixels[i] - before[i]);
    before = pixels;
    analyser.getFloatTimeDomainData(samples);
    const energy = samples.reduce((sum, x) => sum + x * x, 0) / samples.length;
    const skew = document.querySelector("#state").dataset.skew;
    seen.push([metadata.mediaTime, change / pixels.length, Math.sqrt(energy), Number(skew ?? NaN)]);
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  await new Promise(done => setTimeout(done, milliseconds));
  await sound.close();
  return {seen, width: video.videoWidth};
}"""


@pytest.fixture(scope="module")
def server(lively: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One seat."""
    options = "--most-sessions", "1", "--model", str(lively)
    with running(tmp_path_factory.mktemp("rtc"), *options) as server:
        yield server
    assert not [entry for entry in server.log if "trace" in entry]


@pytest.fixture
def page(server: Server, speech: Path) -> Iterator[Page]:
    """The page of somebody whose microphone says our recording again and again."""
    flags = (
        "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={speech}",
    )  # fmt: skip
    with browser(*flags) as chromium:
        page = chromium.new_page()
        page.set_default_timeout(30_000)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"http://127.0.0.1:{server.port}/live")
        yield page
        assert all(url.startswith(f"http://127.0.0.1:{server.port}/") for url in asked)


def seats_taken(server: Server) -> bool:
    return "openfloat_live_sessions 1" in server.http.get("/metrics").text


def test_a_browser_sees_a_face_move_and_hears_it(
    server: Server, page: Page, portrait: Path
) -> None:
    page.locator("#portrait").set_input_files(portrait)
    page.get_by_role("button", name="Start").click()
    state = page.locator("#state")
    expect(state).to_have_attribute("data-skew", re.compile(r"-?\d+"), timeout=30_000)
    assert seats_taken(server)
    watched: dict[str, Any] = page.evaluate(WATCH, 4_000)
    at, change, loud, skew = np.array(watched["seen"]).T
    apart = np.abs(skew[np.isfinite(skew)])
    sys.stdout.write(
        f"webrtc: {len(at)} frames in 4 s, median gap {np.median(np.diff(at)) * 1000:.0f} ms, "
        f"sound and picture {np.median(apart):.0f} ms apart, at most {apart.max():.0f} ms, "
        f"loudest {loud.max():.3f}, change {np.median(change[1:]):.2f} levels\n"
    )
    assert watched["width"] == 64
    assert page.evaluate("document.querySelector('video').currentTime") > 1
    assert len(at) > 10
    assert np.median(change[1:]) > 0.5, "the picture moves"
    assert loud.max() > 0.02, "the voice is heard"
    assert loud.min() < 0.1 * loud.max(), "and its pauses"
    page.get_by_role("button", name="Stop").click()
    wait_for(lambda: not seats_taken(server), 10)
    in_time = len(at) > 90  # else the machine has too much to do for a browser to be in time
    assert not in_time or np.median(apart) < 400


def test_only_whole_offers_of_known_people_are_answered_and_only_where_the_server_is(
    server: Server, portrait: Path
) -> None:
    answer = server.http.post("/v1/portraits", files={"portrait": portrait.read_bytes()})
    known = answer.json()["id"]
    wrong: list[tuple[dict[str, object], int, str]] = [
        ({"offer": 7, "portrait": known}, 422, "not a string"),
        ({"offer": "v=0", "portrait": "0" * 32}, 404, "no such portrait"),
        ({"offer": "v=0", "portrait": known, "sound": 1}, 422, "no field named sound"),
        ({"offer": "v=0", "portrait": known}, 422, "one sound to send"),
        ({"offer": "a=candidate:" * 41, "portrait": known}, 422, "40 addresses"),
        ({"offer": "v=0\r\n" * 20_000, "portrait": known}, 413, "65536"),
    ]
    for asked, status, words in wrong:
        answer = server.http.post("/v1/calls", json=asked)
        assert (answer.status_code, words in answer.json()["error"]) == (status, True), answer.text
        assert not seats_taken(server)

    async def offer() -> str:
        connection = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
        connection.addTransceiver("audio")
        connection.addTransceiver("video", direction="recvonly")
        await connection.setLocalDescription(await connection.createOffer())
        sdp = connection.localDescription.sdp
        await connection.close()
        return str(sdp)

    asked = {"offer": asyncio.run(offer()), "portrait": known}
    answer = server.http.post("/v1/calls", json=asked)
    assert answer.status_code == 200, answer.text
    lines = answer.json()["answer"].splitlines()
    candidates = [line.split()[4] for line in lines if line.startswith("a=candidate:")]
    assert candidates
    assert set(candidates) == {"127.0.0.1"}
    assert server.http.post("/v1/calls", json=asked).status_code == 429
    assert server.stop() == 0, "a call does not keep the server from stopping"

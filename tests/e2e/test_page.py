"""The web page as people use it: a real browser, a real server process, real photos and voices."""

import re
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from pages import CHROMIUM, browser, shown_page
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from openfloat.audio.io import load_audio, write_wave
from openfloat.cli.main import run

pytestmark = [
    pytest.mark.slow,
    # a browser is closed by its own threads
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    assert Path(CHROMIUM).is_file(), "the browser is missing: apt-get install chromium"
    log = tmp_path_factory.mktemp("page") / "log"
    with shown_page(log) as url:
        yield url
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.fixture
def visit(chromium: Browser, address: str) -> Iterator[Page]:
    """The page for somebody who comes for the first time; asks nobody but its own server."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    yield page
    foreign = [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    context.close()
    assert not foreign


@pytest.fixture
def page(visit: Page) -> Page:
    """The page after the terms of use."""
    button(visit, "I agree").click()
    button(visit, "Make the video").wait_for()
    return visit


@pytest.fixture(scope="module")
def word(speech: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of speech."""
    return said(speech, tmp_path_factory, 1.0)


@pytest.fixture(scope="module")
def monologue(speech: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute of speech."""
    return said(speech, tmp_path_factory, 60.0)


def said(speech: Path, folders: pytest.TempPathFactory, seconds: float) -> Path:
    samples = load_audio(speech)
    path = folders.mktemp("voice") / "my voice.wav"
    write_wave(path, np.resize(samples, int(16_000 * seconds)))
    return path


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def unfold(page: Page, section: str) -> None:
    page.get_by_role("button", name=re.compile(f"^{section}")).click()


def give(page: Page, portrait: Path, speech: Path | None = None) -> None:
    """Upload as a visitor would."""
    files = page.locator("input[type=file]")
    files.nth(0).set_input_files(portrait)
    if speech is not None:
        page.locator("input[type=file][accept*=audio]").set_input_files(speech)
        page.get_by_text("Ready:").wait_for()


def test_the_terms_are_read_once_and_the_keyboard_is_enough(visit: Page) -> None:
    terms = visit.get_by_text("show real people only with their consent")
    expect(terms).to_be_visible()
    expect(button(visit, "Make the video")).to_have_count(0)
    for _ in range(5):
        if visit.evaluate("document.activeElement.textContent.trim()") == "I agree":
            break
        visit.keyboard.press("Tab")
    visit.keyboard.press("Enter")
    expect(button(visit, "Make the video")).to_be_visible()
    expect(terms).to_be_hidden()
    visit.reload()
    expect(button(visit, "Make the video")).to_be_visible()
    expect(terms).to_be_hidden()


def test_a_photo_and_a_voice_become_a_video_that_plays_and_can_be_had(
    page: Page, portrait: Path, word: Path, tmp_path: Path
) -> None:
    give(page, portrait, word)
    expect(page.get_by_text("Ready: 25 frames, 1.0 s.")).to_be_visible()
    assert sizes(page, "#preview img") == [(256, 256), (256, 256)]
    unfold(page, "Drawing")
    page.get_by_label("Evaluations (nfe)").fill("2")
    page.get_by_label("Seed").fill("9")
    page.get_by_label("Seed").press("Tab")
    button(page, "Make the video").click()
    expect(page.get_by_text(re.compile(r"25 frames \(1.0 s\) in"))).to_be_visible()
    seen = page.evaluate(
        "async () => { const v = document.querySelector('#result video'); v.muted = true;"
        "await v.play(); await new Promise(r => v.onended = r);"
        "return [v.currentTime, v.videoWidth, v.duration]; }"
    )
    assert seen[0] == pytest.approx(1.0, abs=0.1)
    assert seen[1] == 256
    assert sizes(page, "#result img") == [(1024, 512)]
    with page.expect_download() as download:
        page.get_by_text("Download the video").click()
    download.value.save_as(tmp_path / "theirs.mp4")
    assert download.value.suggested_filename == "talk.mp4"
    unfold(page, "The same without this page")
    command = page.locator(".cm-content").first.inner_text().strip()
    assert command == "openfloat animate portrait.jpg 'my voice.wav' -o talk.mp4 --seed 9 --nfe 2"
    ours = tmp_path / "ours.mp4"
    words = ["animate", str(portrait), str(word), "-o", str(ours), "--seed", "9", "--nfe", "2"]
    assert run(words) == 0
    assert np.array_equal(frames(tmp_path / "theirs.mp4"), frames(ours)), "page and command agree"


def test_a_long_video_says_how_long_it_takes_and_can_be_cancelled(
    page: Page, portrait: Path, monologue: Path
) -> None:
    give(page, portrait, monologue)
    button(page, "Make the video").click()
    expect(page.get_by_text(re.compile(r"\d+ of 1500 frames"))).to_be_visible()
    expect(page.get_by_text(re.compile(r"\d+ s left$"))).to_be_visible()
    assert page.locator("progress").get_attribute("max") == "1500"
    button(page, "Cancel").click()
    expect(page.get_by_text("Cancelled: nothing was kept.")).to_be_visible()
    expect(button(page, "Make the video")).to_be_enabled()


def test_a_bad_file_is_told_in_one_sentence(page: Page, tmp_path: Path) -> None:
    alert = page.get_by_role("alert")
    (tmp_path / "notes.jpg").write_text("no picture at all")
    give(page, tmp_path / "notes.jpg")
    expect(alert).to_have_text("notes.jpg is not a JPEG, PNG, WebP, BMP or TIFF picture")
    button(page, "Make the video").click()
    expect(alert).to_have_text("First give a photo and a voice.")
    button(page, "Remove Image").click()
    grey = np.full((300, 300, 3), 128, np.uint8)
    Image.fromarray(grey).save(tmp_path / "wall.png")
    give(page, tmp_path / "wall.png")
    expect(alert).to_contain_text("no face")
    assert "/" not in alert.inner_text()


def test_a_slider_redraws_one_frame_and_curves_are_plotted(
    page: Page, portrait: Path, word: Path
) -> None:
    give(page, portrait, word)
    page.get_by_role("tab", name="Edit the motion").click()
    frame = page.locator("#frame img")
    before = str(frame.get_attribute("src"))
    jaw = page.get_by_label("number input for Jaw open")
    jaw.fill("0.9")
    jaw.press("Enter")
    expect(frame).not_to_have_attribute("src", before)
    assert sizes(page, "#frame img") == [(256, 256)]
    page.get_by_role("tab", name="Curves").click()
    curves = page.locator("svg.marks, canvas.marks").first
    expect(curves).to_be_visible()
    for name in ("jaw_open", "yaw"):
        expect(page.locator("svg.marks text", has_text=re.compile(f"^{name}$"))).to_be_visible()
    page.get_by_role("tab", name="Speak").click()
    unfold(page, "Movement")
    expect(page.get_by_role("textbox", name=re.compile("^Edit "))).to_have_value("6:+3")


def test_a_phone_shows_everything_without_scrolling_sideways(
    chromium: Browser, address: str
) -> None:
    context = chromium.new_context(viewport={"width": 375, "height": 740}, has_touch=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    button(page, "I agree").tap()
    button(page, "Make the video").wait_for()
    for tab in ("Speak", "Edit the motion", "Curves"):
        page.get_by_role("tab", name=tab).tap()
        page.wait_for_timeout(300)
        widths = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert widths[0] <= widths[1] == 375
    context.close()


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--server-name", "0.0.0.0"], "--password"), (["--share"], "--password"),
     (["--password", "short"], "8 letters"), (["--server-port", "0"], "server_port=0"),
     (["--server-name", "203.0.113.7", "--anyone"], "203.0.113.7")],
)  # fmt: skip
def test_strangers_are_not_let_in_by_accident(
    options: list[str], words: str, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.delenv("OPENFLOAT_PASSWORD", raising=False)
    assert run(["ui", *options]) == 2
    assert words in capsys.readouterr().err


def sizes(page: Page, pictures: str) -> list[tuple[int, int]]:
    """Width and height of pictures that have come."""
    page.locator(pictures).first.wait_for()
    ready = "all => all.every(i => i.complete && i.naturalWidth)"
    page.wait_for_function(f"({ready})([...document.querySelectorAll('{pictures}')])")
    size = "all => all.map(i => [i.naturalWidth, i.naturalHeight])"
    return [(w, h) for w, h in page.locator(pictures).evaluate_all(size)]


def frames(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])

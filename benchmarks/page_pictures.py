"""The pictures of docs/how-to/page.md: the web page with the bundled portrait and voice.

    .venv/bin/python benchmarks/page_pictures.py [--folder docs/pictures] [--chromium PROGRAM]

Starts `openfloat ui`, visits it with Chromium, and writes `page.png`, `page-edit.png`,
`page-curves.png` and `page-phone.png`.
"""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

import tyro
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

DEMO = Path(__file__).parent.parent / "src" / "openfloat" / "assets" / "demo"
PATIENCE_MS = 120_000
WIDE, NARROW = (1280, 900), (390, 844)
COLOURS = 256
"""Of the stored pictures, to keep them small."""


def main(
    folder: Path = Path("docs/pictures"), chromium: str = "/usr/bin/chromium", port: int = 7869
) -> None:
    """Write all pictures.

    Args:
        folder: for the pictures.
        chromium: the browser.
        port: a free one.
    """
    with shown_page(port) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = visit(browser, address, WIDE)
        make_video(page)
        shoot(page, folder / "page.png", height=1180)
        page.get_by_role("tab", name="Edit the motion").click()
        jaw = page.get_by_label("number input for Jaw open")
        jaw.fill("0.8")
        jaw.press("Enter")
        page.wait_for_timeout(4000)
        page.get_by_role("tab", name="Edit the motion").scroll_into_view_if_needed()
        shoot(page, folder / "page-edit.png", height=900)
        page.get_by_role("tab", name="Curves").click()
        page.locator("svg.marks").wait_for()
        page.wait_for_timeout(1000)
        shoot(page, folder / "page-curves.png", height=760)
        page = visit(browser, address, NARROW)
        make_video(page)
        page.wait_for_timeout(1000)
        shoot(page, folder / "page-phone.png", height=1800)
        browser.close()


def visit(browser: Browser, address: str, size: tuple[int, int]) -> Page:
    """The page behind the terms of use."""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    page.get_by_role("button", name="I agree", exact=True).click()
    return page


def make_video(page: Page) -> None:
    """Upload the bundled files and wait for their video."""
    files = page.locator("input[type=file]")
    files.nth(0).set_input_files(DEMO / "portrait.jpg")
    page.locator("input[type=file][accept*=audio]").set_input_files(DEMO / "speech.wav")
    page.get_by_text("Ready:").wait_for()
    page.get_by_role("button", name="Make the video", exact=True).click()
    page.get_by_text("Download the video").wait_for()
    page.evaluate("() => { document.querySelector('#result video').currentTime = 3.6; }")
    page.wait_for_timeout(1500)


def shoot(page: Page, path: Path, height: int) -> None:
    """The page's upper part, with few colours."""
    page.screenshot(path=path, full_page=True)
    with Image.open(path) as whole:
        part = whole.convert("RGB").crop((0, 0, whole.width, min(height, whole.height)))
    part.quantize(COLOURS).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


@contextmanager
def shown_page(port: int) -> Iterator[str]:
    """The address of a page that is shown as long as the block lasts."""
    command = [sys.executable, "-m", "openfloat", "ui", "--server-port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(1200):
            try:
                urllib.request.urlopen(address).close()
                break
            except URLError:
                time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait(30)


if __name__ == "__main__":
    tyro.cli(main)

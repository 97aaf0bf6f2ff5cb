"""Draw the pictures of the README again: python examples/draw_readme.py. Needs the test extra and a Chromium."""

from __future__ import annotations

import shutil
import sys
from io import BytesIO
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
SHOWN = "spliced-from-four.tif"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main() -> None:
    """Grade the examples, keep one heatmap, and take a picture of the gallery with that micrograph opened."""
    with TemporaryDirectory() as out:
        command = [sys.executable, "-m", "gdest", "scan", str(HERE), "--out", out, "--include", "*.tif"]
        run(command, check=False)
        Image.open(f"{out}/heatmaps/{SHOWN}.png").save(HERE / ".readme/heatmap.png", optimize=True)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=next(filter(None, map(shutil.which, BROWSERS))))
            page = browser.new_page(viewport={"width": 1200, "height": 720})
            page.goto(f"{Path(out, 'index.html').as_uri()}#file={SHOWN}")
            page.locator("#which").select_option("1")
            page.locator("#with-boundaries").check()
            page.wait_for_timeout(1000)
            Image.open(BytesIO(page.screenshot())).save(HERE / ".readme/gallery.png", optimize=True)


if __name__ == "__main__":
    main()

"""A real browser for tests and screenshots: Debian's Chromium, driven by Playwright.

`apt-get install chromium` brings it; CAUCE_TEST_BROWSER names another one. Nothing is downloaded.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Locator, Page, Request, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 60.0


def executable() -> str | None:
    """None where there is no browser: then a test skips."""
    return os.environ.get("CAUCE_TEST_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page. `errors` collects what the console and the scripts complain of, `foreign` the addresses that the page
    asks for anywhere but where it came from."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.foreign: list[str] = []
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._on_request)

    def open(self, url: str) -> None:
        self._host = urlsplit(url).netloc
        self.page.goto(url)

    def text(self) -> str:
        """What a reader sees, without what is drawn on a canvas."""
        return self.page.locator("body").inner_text()

    def wait_for(self, text: str, seconds: float = SECONDS) -> None:
        """Raises playwright's TimeoutError."""
        self.page.get_by_text(text).first.wait_for(timeout=seconds * 1000)

    def metric(self, label: str) -> str:
        """The number in the first tile with this label, once there is one."""
        return self._value(label).first.inner_text()

    def wait_for_metric(self, label: str, value: str, seconds: float = SECONDS) -> None:
        """Raises playwright's TimeoutError."""
        self._value(label).get_by_text(value, exact=True).first.wait_for(timeout=seconds * 1000)

    def _value(self, label: str) -> Locator:
        tiles = self.page.get_by_test_id("stMetric").filter(has=self.page.get_by_text(label, exact=True))
        return tiles.get_by_test_id("stMetricValue")

    def fit(self, least: int) -> None:
        """Makes the window as high as the page is, and no less than `least`: Streamlit scrolls inside of it."""
        inside = self.page.get_by_test_id("stMainBlockContainer").evaluate("element => element.scrollHeight")
        width = (self.page.viewport_size or {"width": 1400})["width"]
        self.page.set_viewport_size({"width": width, "height": max(least, inside)})

    def screenshot(self, path: Path) -> None:
        self.page.screenshot(path=path)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not _searching(message.location["url"]):
            self.errors.append(f"{message.text} {message.location['url']}".strip())

    def _on_request(self, request: Request) -> None:
        split = urlsplit(request.url)
        if split.scheme in ("http", "https", "ws", "wss") and split.netloc != self._host:
            self.foreign.append(request.url)


def _searching(url: str) -> bool:
    """Streamlit's script looks for its server below the address of the page first, and takes a 404 for an answer."""
    path = urlsplit(url).path
    return "/_stcore/" in path and not path.startswith("/_stcore/")


@contextmanager
def open_page(
    url: str, *, width: int = 1400, height: int = 1000, colours: Literal["light", "dark"] = "light"
) -> Iterator[Browser]:
    """A fresh browser without a window, ended afterwards. Raises LookupError where none is installed."""
    if (program := executable()) is None:
        raise LookupError("no browser: `apt-get install chromium`, or name one in CAUCE_TEST_BROWSER")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        page = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=colours)
        page.set_default_timeout(SECONDS * 1000)
        browser = Browser(page)
        try:
            browser.open(url)
            yield browser
        finally:
            chromium.close()

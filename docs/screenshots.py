"""`python -m docs.screenshots http://127.0.0.1:8501`: pictures of a running dashboard, for these pages.

Needs Chromium (`apt-get install chromium`). Run it when events and documents have gone through for some minutes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Literal, NamedTuple

from tests.browser import Browser, open_page

FOLDER = Path(__file__).parent / "images"
WIDTH, HEIGHT = 1400, 1000
SETTLED_MS = 3000
"""Charts grow into their places; a picture in between would show half of one."""


class Shot(NamedTuple):
    """One page of the dashboard; `path` is below its address."""

    name: str
    path: str
    colours: Literal["light", "dark"] = "light"


SHOTS = (
    Shot("overview", ""),
    Shot("overview-dark", "", "dark"),
    Shot("ratings", "stream.ratings"),
    Shot("sensors", "stream.sensors.air", "dark"),
    Shot("documents", "documents"),
    Shot("fleet", "fleet"),
)


def main(url: str, folder: Path) -> None:
    """Raises LookupError without a browser, and playwright's TimeoutError where a page shows no numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    for shot in SHOTS:
        with open_page(f"{url.rstrip('/')}/{shot.path}", width=WIDTH, height=HEIGHT, colours=shot.colours) as browser:
            _take(browser, folder / f"dashboard-{shot.name}.png")


def _take(browser: Browser, path: Path) -> None:
    browser.page.get_by_test_id("stMetric").first.wait_for()
    browser.page.wait_for_timeout(SETTLED_MS)
    browser.fit(HEIGHT)
    browser.page.wait_for_timeout(SETTLED_MS)
    browser.screenshot(path)
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("url", help="of the dashboard, as `cauce up` prints it")
    arguments.add_argument("--folder", type=Path, default=FOLDER)
    given = arguments.parse_args()
    main(given.url, given.folder)

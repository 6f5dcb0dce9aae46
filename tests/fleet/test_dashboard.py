"""The dashboard in a real browser, over the whole fleet."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.browser import Browser, executable, open_page
from tests.fleet.corpus import corpus
from tests.fleet.events import post
from tests.fleet.harness import Fleet
from tests.fleet.test_streams import rating

pytestmark = [
    pytest.mark.fleet,
    pytest.mark.skipif(executable() is None, reason="no browser: `apt-get install chromium`"),
]


@pytest.fixture
def browser(fleet: Fleet) -> Iterator[Browser]:
    """At the end nothing was complained of, and nothing was asked of anyone but the dashboard."""
    with open_page(fleet.state.endpoints.dashboard_url) as browser:
        yield browser
        assert browser.errors == []
        assert browser.foreign == []
        assert "Traceback" not in browser.text()


def meanwhile(work: Coroutine[Any, Any, object]) -> None:
    """On another thread, since Playwright keeps this one's event loop."""
    with ThreadPoolExecutor(1) as threads:
        threads.submit(asyncio.run, work).result()


def number(browser: Browser, label: str) -> int:
    return int(browser.metric(label).replace(",", ""))


def test_events_show_while_the_page_is_open(fleet: Fleet, browser: Browser) -> None:
    """Events that are sent are counted on the stream's page without a click, and what they rate highest is ranked."""
    browser.page.get_by_role("link", name="ratings").first.click()
    browser.wait_for("movie_metrics_1m")
    before = number(browser, "Events in all")
    meanwhile(post(fleet, "ratings", map(rating, range(300))))
    browser.wait_for_metric("Events in all", f"{before + 300:,}")
    browser.wait_for("Top 10 by")


def test_a_document_shows_when_it_is_complete(fleet: Fleet, browser: Browser, tmp_path: Path) -> None:
    """What became of an upload is on the page of the documents, without a click."""
    browser.page.get_by_role("link", name="Documents").first.click()
    before = number(browser, "Complete")
    meanwhile(fleet.upload(corpus(tmp_path, 2, first=700_000)))
    browser.wait_for_metric("Complete", f"{before + 2:,}")


def test_the_fleet_page_shows_what_waits(browser: Browser) -> None:
    """Every process that speaks to Kafka tells how it is: the two docproc, one of each other, Spark."""
    browser.page.get_by_role("link", name="Fleet").first.click()
    browser.wait_for_metric("Processes ready", "7 of 7")
    browser.wait_for_metric("Records waiting", "0")

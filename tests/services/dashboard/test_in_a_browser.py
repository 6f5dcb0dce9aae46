from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.browser import Browser, executable, open_page
from tests.services.dashboard.conftest import running
from tests.services.dashboard.fake_gateway import FakeGateway, answers

pytestmark = pytest.mark.skipif(executable() is None, reason="no browser: `apt-get install chromium`")

MARK = "document.querySelectorAll('[data-testid=stVegaLiteChart] svg').forEach(svg => svg.dataset.seen = 'yes')"
MARKED = "document.querySelectorAll('[data-testid=stVegaLiteChart] svg[data-seen]').length"


@pytest.fixture(scope="module")
def gateway() -> Iterator[FakeGateway]:
    gateway = FakeGateway()
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module")
def opened(gateway: FakeGateway) -> Iterator[Browser]:
    """One dashboard and one browser for all: they take seconds to start."""
    with running(gateway) as dashboard, open_page(dashboard.url) as browser:
        yield browser


@pytest.fixture
def browser(opened: Browser, gateway: FakeGateway) -> Iterator[Browser]:
    """On the front page. At the end nothing was complained of, and nothing was asked of anyone but the dashboard."""
    gateway.answers = answers()
    split = urlsplit(opened.page.url)
    opened.open(f"{split.scheme}://{split.netloc}")
    opened.wait_for_metric("Documents in flight", "5")
    yield opened
    assert opened.errors == []
    assert opened.foreign == []
    assert "Traceback" not in opened.text()


def test_numbers_change_by_themselves(browser: Browser, gateway: FakeGateway) -> None:
    """What the gateway says anew is on the page a refresh later, in the charts that were there."""
    browser.page.get_by_role("link", name="ratings").first.click()
    browser.wait_for("Films rated by users")
    browser.wait_for_metric("Events in this minute", "130")
    browser.wait_for("out_of_range")
    browser.page.evaluate(MARK)
    charts = browser.page.evaluate(MARKED)
    gateway.set_events("ratings", 4321)
    gateway.answers["/streams/ratings/stats"]["rejected"]["late"] = 40
    browser.wait_for_metric("Events in this minute", "4,321")
    browser.wait_for_metric("Refused", "42")
    assert charts >= 4
    assert browser.page.evaluate(MARKED) == charts


def test_every_page_is_there(browser: Browser) -> None:
    """Each page of the sidebar opens and shows its numbers."""
    for page, label in (("Documents", "In flight"), ("Fleet", "Dead letters"), ("sensors.air", "Events in all")):
        browser.page.get_by_role("link", name=page).first.click()
        browser.page.get_by_test_id("stMetric").filter(has_text=label).first.wait_for()


def test_a_page_can_be_linked_to(browser: Browser) -> None:
    """The address of a stream's page, dots and all, leads to it."""
    browser.open(f"{browser.page.url.rstrip('/')}/stream.sensors.air")
    browser.wait_for("Air quality, as sensors measure it")
    browser.wait_for_metric("Events in all", "12,345")


def test_a_gateway_that_is_away_is_a_notice_until_it_is_back(browser: Browser, gateway: FakeGateway) -> None:
    """The open page says so, and goes on by itself."""
    browser.wait_for_metric("Documents in flight", "5")
    gateway.stop()
    browser.wait_for("trying again")
    gateway.start()
    browser.wait_for_metric("Documents in flight", "5")
    browser.page.get_by_text("trying again").first.wait_for(state="detached")

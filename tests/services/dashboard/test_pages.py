from __future__ import annotations

from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from services.dashboard.bootstrap import SCRIPT
from tests.services.dashboard.fake_gateway import FakeGateway


@pytest.fixture
def app(gateway: FakeGateway) -> AppTest:
    """The whole dashboard in this process; nothing is left of what others were answered."""
    st.cache_data.clear()
    st.cache_resource.clear()
    return AppTest.from_file(SCRIPT, default_timeout=30)


def opened(app: AppTest, path: str) -> AppTest:
    """The page at a path: `switch_page` knows only pages that are files."""
    app.run()
    app._page_hash = next(key for key, page in app._registered_pages.items() if page["url_pathname"] == path)
    return app.run()


def again(app: AppTest) -> AppTest:
    """As after the next refresh."""
    st.cache_data.clear()
    return app.run()


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def titles(app: AppTest) -> list[str]:
    """Of the page and its panels."""
    return [one.value for one in app.title] + [m.value.strip("*") for m in app.markdown if m.value.startswith("**")]


def rows(app: AppTest, number: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = app.dataframe[number].value.to_dict("records")
    return found


def test_the_front_page_has_a_tile_for_each_stream(app: AppTest) -> None:
    """Streams come from the gateway's list, each with its numbers; the documents stand above."""
    app.run()
    assert not app.exception
    assert [metric.label for metric in app.metric].count("Events in this minute") == 2
    assert metrics(app)["Documents in flight"] == "5"
    assert len(app.get("page_link")) == 2


def test_a_streams_page_follows_from_its_declaration(app: AppTest) -> None:
    """Tiles, a panel per window table, the ranking where one is declared, spread, latency and refusals."""
    opened(app, "stream.ratings")
    assert not app.exception
    assert not app.warning
    assert metrics(app) == {
        "Events in this minute": "130",
        "Events in all": "12,345",
        "Event to row, median": "9 ms",
        "Refused": "5",
    }
    assert titles(app) == [
        "ratings",
        "Events per minute",
        "rating_metrics_1m: tumbling_1min",
        "movie_metrics_1m: tumbling_1min",
        "Top 10 by count",
        "Distribution of rating",
        "Event to row, in ms",
        "Refused events by code",
    ]
    assert [row["movieId"] for row in rows(app, 1)] == list(range(101, 111))


def test_few_groups_are_lines_and_rows(app: AppTest) -> None:
    """Two sensors can be told apart in a chart, and their rows are below it."""
    opened(app, "stream.sensors.air")
    assert not app.exception
    assert {row["sensor_id"] for row in rows(app, 0)} == {"a", "b"}
    assert "avg: avg(value)" in [caption.value for caption in app.caption]


def test_the_documents_page_says_why_documents_failed(app: AppTest) -> None:
    """In flight, throughput, failures with code and message, and the newest documents."""
    opened(app, "documents")
    assert not app.exception
    assert metrics(app) == {"In flight": "5", "Completed in the last minute": "7", "Complete": "41", "Failed": "1"}
    assert rows(app, 0)[0]["message"] == "the PDF is protected by a password"
    assert rows(app, 1)[0]["document"] == "report.pdf"


def test_the_fleet_page_has_processes_lag_and_dead_letters(app: AppTest) -> None:
    """What is not well and where it was tried again, a ledger that doesn't balance, lag by group, dead letters by topic
    and code; a topic without any isn't listed."""
    opened(app, "fleet")
    assert not app.exception
    assert metrics(app) == {
        "Processes ready": "1 of 2",
        "Records waiting": "4",
        "Retries": "7",
        "Dead letters": "5",
    }
    assert [(row["problems"], row["retries"]) for row in rows(app, 0)] == [
        ("mysql: no answer within 2 s", 7),
        ("none", 0),
    ]
    assert [(row["group"], row["read"], row["imbalance"]) for row in rows(app, 1)] == [("docproc", 6, 2)]
    assert [error.value for error in app.error] == [
        "doesn't balance: docproc ← documents.raw. A record was forgotten, or counted twice"
    ]
    assert [(row["topic"], row["code"], row["records"]) for row in rows(app, 2)] == [
        ("ratings.dlq", "late", 3),
        ("ratings.dlq", "out_of_range", 2),
    ]


def test_a_gateway_that_is_away_is_one_notice_until_it_is_back(app: AppTest, gateway: FakeGateway) -> None:
    """No traceback: the address, that it is tried again, and afterwards the page."""
    opened(app, "stream.ratings")
    gateway.stop()
    again(app)
    assert not app.exception
    assert [notice.value for notice in app.warning] == [app.warning[0].value]
    assert f"the gateway doesn't answer at {gateway.url}: " in app.warning[0].value
    gateway.start()
    again(app)
    assert not app.warning
    assert titles(app)[0] == "ratings"


def test_a_gateway_that_comes_late_brings_its_streams(app: AppTest, gateway: FakeGateway) -> None:
    """A dashboard that was there first has no streams, and gets them without being started anew."""
    gateway.stop()
    app.run()
    assert not app.exception
    assert len(app.warning) == 1
    gateway.start()
    again(app)
    assert [metric.label for metric in app.metric].count("Events in this minute") == 2


def test_one_answer_that_is_missing_leaves_the_rest(app: AppTest, gateway: FakeGateway) -> None:
    """A store that is away costs the panels that need it, not the page."""
    gateway.answers["/streams/ratings/windows?rating_metrics_1m"] = 503
    opened(app, "stream.ratings")
    assert not app.exception
    assert [notice.value for notice in app.warning] == [
        "the gateway answers `/streams/ratings/windows` with 503: not in this test"
    ]
    assert metrics(app)["Refused"] == "5"
    assert len(app.dataframe) == 2


def test_windows_are_shown_without_the_stats(app: AppTest, gateway: FakeGateway) -> None:
    """Rows come from MySQL: they are there also while Kafka, which the stats come from, is away."""
    gateway.answers["/streams/ratings/stats"] = 503
    opened(app, "stream.ratings")
    assert not app.exception
    assert len(app.warning) == 1
    assert not app.metric
    assert len(app.dataframe) == 2


def test_a_stream_without_events_is_no_error(app: AppTest, gateway: FakeGateway) -> None:
    """Before the first event there are dashes and `nothing yet`."""
    gateway.answers["/streams/ratings/stats"] = {"events_per_minute": [], "latency_ms": {"samples": 0}}
    gateway.answers["/streams/ratings/windows?rating_metrics_1m"]["rows"] = []
    gateway.answers["/streams/ratings/windows?movie_metrics_1m"]["rows"] = []
    gateway.answers["/streams/ratings/top?movie_metrics_1m"] = {"table": "movie_metrics_1m", "rows": []}
    opened(app, "stream.ratings")
    assert not app.exception
    assert metrics(app)["Events in this minute"] == metrics(app)["Event to row, median"] == "–"
    assert [caption.value for caption in app.caption].count("nothing yet") >= 4


def test_a_stream_may_have_the_name_of_a_page(app: AppTest, gateway: FakeGateway) -> None:
    """Streams called `fleet`, `a.b` and `a-b` are pages beside the others."""
    declared = gateway.answers["/streams"]["streams"][0]
    gateway.answers["/streams"]["streams"] = [{**declared, "name": name} for name in ("fleet", "a.b", "a-b")]
    app.run()
    assert not app.exception
    assert len(app.get("page_link")) == 3


def test_an_answer_of_another_shape_is_said(app: AppTest, gateway: FakeGateway) -> None:
    """The notice names the path and the place of what isn't understood."""
    gateway.answers["/fleet"] = {"lag": [{"group": "docproc", "topic": "documents.raw", "records": "many"}]}
    opened(app, "fleet")
    assert not app.exception
    assert "`/fleet` isn't understood: lag.0.records" in app.warning[0].value


def test_the_page_of_dead_letters(app: AppTest, gateway: FakeGateway) -> None:
    """How many there are of each kind, which they are, and all about one."""
    opened(app, "dead-letters")
    assert not app.exception
    assert not app.warning
    assert metrics(app) == {"Open": "1", "Unfinished": "0", "Redriven": "3", "Discarded": "2"}
    assert (rows(app, 0)[0]["code"], rows(app, 1)[0]["identity"]) == ("bug", "docproc/documents.raw/3/42")
    assert "it broke" in [code.value for code in app.code]
    assert "/dead-letters?limit=200&state=open" in gateway.asked
    app.selectbox(key="dead letters by code").select("bug").run()
    assert "/dead-letters?limit=200&state=open&code=bug" in gateway.asked


def test_dead_letters_are_redriven_by_a_click(app: AppTest, gateway: FakeGateway) -> None:
    """All that the list shows, or the one that is looked at; what became of them is said."""
    opened(app, "dead-letters")
    app.selectbox(key="dead letters by topic").select("documents.raw").run()
    app.button(key="redrive all").click().run()
    app.button(key="redrive one").click().run()
    assert not app.exception
    assert gateway.told == [
        ("/dead-letters/redrive", {"filter": {"topic": "documents.raw"}, "limit": 1000}),
        ("/dead-letters/redrive", {"identities": ["docproc/documents.raw/3/42"]}),
    ]
    assert app.info[0].value.startswith("1 redriven")


def test_times_are_accepted_with_a_reason_alone(app: AppTest, gateway: FakeGateway) -> None:
    """Who says why waives the rule for what is redriven; what comes next is said."""
    opened(app, "dead-letters")
    app.text_input(key="accept time one").input("the broker's clock was ahead").run()
    app.button(key="redrive one").click().run()
    [(_, order)] = gateway.told
    assert (order["accept_time"], order["reason"]) == (True, "the broker's clock was ahead")
    assert "cauce streams reset ratings" in app.info[0].value


def test_a_discard_needs_a_reason(app: AppTest, gateway: FakeGateway) -> None:
    """The button waits for it; what was left, and why, is said."""
    opened(app, "dead-letters")
    assert app.button(key="discard one").disabled
    app.text_input(key="reason one").input("rubbish").run()
    app.button(key="discard one").click().run()
    assert gateway.told == [
        ("/dead-letters/discard", {"identities": ["docproc/documents.raw/3/42"], "reason": "rubbish"})
    ]
    assert "redriven already" in app.info[0].value


def test_a_key_that_is_no_operators_is_told(app: AppTest, gateway: FakeGateway) -> None:
    """In the gateway's words, in the place of the page."""
    gateway.answers["/dead-letters/stats"] = 403
    opened(app, "dead-letters")
    assert not app.exception
    assert "`/dead-letters/stats` with 403" in app.warning[0].value

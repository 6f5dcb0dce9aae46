from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.api_gateway import cursors
from services.api_gateway.window_store import Value
from tests.services.api_gateway.world import World

START = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def movie(minute: int, movie_id: int, count: int) -> dict[str, Any]:
    start = START + minute * MINUTE
    window = {"window_start": start, "window_end": start + MINUTE}
    return {**window, "movieId": movie_id, "count": count, "avg_rating": 3.5}


@pytest.fixture(autouse=True)
def _rows(world: World) -> None:
    world.windows.tables["movie_metrics_1m"] = [
        movie(minute, film, 10 * minute + film % 3) for minute in range(3) for film in range(1, 5)
    ]


async def test_streams_are_listed(client: httpx.AsyncClient) -> None:
    """With all that a page about one needs: fields, windows, what each computes, what is first."""
    streams = {one["name"]: one for one in (await client.get("/streams")).json()["streams"]}
    assert set(streams) >= {"ratings", "sensors.air", "sensors.sound", "character.views", "chunks"}
    ratings = streams["ratings"]
    assert (ratings["topic"], ratings["readings"], ratings["mode"]) == ("ratings", None, "realtime")
    assert ratings["fields"]["rating"]["maximum"] == 5.0
    movies = next(window for window in ratings["windows"] if window["table"] == "movie_metrics_1m")
    assert movies["select"] == {"count": "count(*)", "avg_rating": "avg(rating)"}
    assert (movies["size_ms"], movies["group_by"], movies["count"]) == (60_000, ["movieId"], "count")
    assert (movies["top"]["n"], movies["top"]["by"], movies["top"]["view"]) == (10, "count", "movie_metrics_1m_top10")
    assert [window["publish"] for window in ratings["windows"]] == ["metrics", "metrics", None]
    assert (streams["chunks"]["accepts_events"], streams["sensors.air"]["readings"]) == (False, "air_readings_clean")


async def test_pages_of_windows(client: httpx.AsyncClient) -> None:
    """The newest first, each row once, times as ISO 8601."""
    found: list[dict[str, Any]] = []
    query: dict[str, str] = {"table": "movie_metrics_1m", "limit": "5"}
    while True:
        page = (await client.get("/streams/ratings/windows", params=query)).json()
        found += page["rows"]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert len(found) == 12
    assert found[0]["window_start"] == "2026-01-02T03:02:00.000Z"
    places = [(row["window_start"], row["movieId"]) for row in found]
    assert places == sorted(places, reverse=True)


async def test_windows_by_time_and_group(client: httpx.AsyncClient) -> None:
    """`from` counts, `to` does not; a group column is a parameter by its own name."""
    query = {"table": "movie_metrics_1m", "from": "2026-01-02T04:01:00+01:00", "to": "2026-01-02T03:02:00Z"}
    rows = (await client.get("/streams/ratings/windows", params=query)).json()["rows"]
    assert {row["window_start"] for row in rows} == {"2026-01-02T03:01:00.000Z"}
    rows = (await client.get("/streams/ratings/windows", params=query | {"movieId": "3"})).json()["rows"]
    assert [row["movieId"] for row in rows] == [3]


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/streams/nothing/windows", 404, "GET /streams"),
        ("/streams/ratings/windows", 422, "rating_metrics_5m_1m"),
        ("/streams/ratings/windows?table=users", 404, "movie_metrics_1m"),
        ("/streams/ratings/windows?table=movie_metrics_1m&userId=1", 422, "movieId"),
        ("/streams/ratings/windows?table=movie_metrics_1m&movieId=x", 422, "int"),
        ("/streams/ratings/windows?table=movie_metrics_1m&movieId=99999999999999999999", 422, "int"),
        ("/streams/ratings/windows?table=movie_metrics_1m&from=yesterday", 422, "from"),
        ("/streams/ratings/windows?table=movie_metrics_1m&from=2026-01-02T03:00:00", 422, "zone"),
        ("/streams/ratings/windows?table=movie_metrics_1m&cursor=xyz", 422, "cursor"),
        ("/streams/ratings/windows?table=movie_metrics_1m&limit=0", 422, "limit"),
        ("/streams/ratings/top?window=x", 422, "window"),
        ("/streams/ratings/top?table=rating_metrics_1m", 404, "movie_metrics_1m"),
        ("/streams/sensors.air/top", 404, "top"),
        ("/streams/ratings/readings", 404, "readings"),
        ("/streams/sensors.air/readings?value=1", 422, "sensor_id"),
        ("/streams/ratings/stats?field=title", 422, "title"),
        ("/streams/ratings/live?table=users", 404, "movie_metrics_1m"),
    ],
)
async def test_questions_that_make_no_sense(client: httpx.AsyncClient, path: str, status: int, word: str) -> None:
    """The answer names what could have been asked."""
    response = await client.get(path)
    assert response.status_code == status, response.text
    assert word in response.json()["detail"]


async def test_cursor_of_another_table(client: httpx.AsyncClient) -> None:
    """Or one whose values are of other types, is no cursor here."""
    keys: list[list[Value]] = [[START, START], [START, START, "1"], [1, 2, 3]]
    for key in keys:
        for table in ("movie_metrics_1m", "rating_metrics_1m"):
            query = {"table": "movie_metrics_1m", "cursor": cursors.of_row(table, key)}
            assert (await client.get("/streams/ratings/windows", params=query)).status_code == 422


async def test_top_of_the_newest_window(client: httpx.AsyncClient) -> None:
    """By the declared measure, then by the key, with the rank; `n` says how many."""
    top = (await client.get("/streams/ratings/top")).json()
    assert (top["table"], top["window_start"]) == ("movie_metrics_1m", "2026-01-02T03:02:00.000Z")
    assert top["window_end"] == "2026-01-02T03:03:00.000Z"
    assert [(row["movieId"], row["top_10"]) for row in top["rows"]] == [(2, 1), (1, 2), (4, 3), (3, 4)]
    first = (await client.get("/streams/ratings/top?n=1&window=2026-01-02T03:00:00Z")).json()
    assert [(row["movieId"], row["count"]) for row in first["rows"]] == [(2, 2)]


async def test_top_where_nothing_is(client: httpx.AsyncClient) -> None:
    """A table without rows has no newest window."""
    top = (await client.get("/streams/character.views/top")).json()
    assert top == {"table": "character_views_1m", "window_start": None, "window_end": None, "rows": []}


async def test_readings_newest_first(world: World, client: httpx.AsyncClient) -> None:
    """Of all sensors, or of one."""
    world.readings.collections["air_readings_clean"] = [
        {"sensor_id": f"s{n % 2}", "value": n / 2, "event_time": START + n * MINUTE, "position": f"sensors.air-0-{n}"}
        for n in range(4)
    ]
    answer = (await client.get("/streams/sensors.air/readings?limit=3")).json()
    assert answer["collection"] == "air_readings_clean"
    assert [row["value"] for row in answer["rows"]] == [1.5, 1.0, 0.5]
    assert answer["rows"][0]["event_time"] == "2026-01-02T03:03:00.000Z"
    one = (await client.get("/streams/sensors.air/readings?sensor_id=s0")).json()
    assert [row["value"] for row in one["rows"]] == [1.0, 0.0]


async def test_the_store_is_away(world: World, client: httpx.AsyncClient) -> None:
    """Questions about windows get a 503; events and documents go on."""
    world.windows.away = True
    assert (await client.get("/streams/ratings/top")).status_code == 503
    assert (await client.get("/documents")).status_code == 200
    assert (await client.get("/streams")).status_code == 200


async def test_metrics_health(world: World, client: httpx.AsyncClient) -> None:
    """Says what is wrong instead of failing."""
    await world.metrics.caught_up(1)
    assert (await client.get("/metrics/health")).json() == {
        "status": "ok",
        "kafka_connected": True,
        "last_update": None,
    }
    world.windows.away = True
    assert (await client.get("/metrics/health")).json()["status"] == "degraded"
    world.broker.away = True
    assert (await client.get("/metrics/health")).json()["kafka_connected"] is False


async def test_metrics_summary_and_topn(world: World, client: httpx.AsyncClient) -> None:
    """Over all streams; Prometheus' page stays beside them."""
    window = {"window_start": START, "window_end": START + MINUTE}
    world.windows.tables["rating_metrics_1m"] = [{**window, "count": 7, "avg_rating": 3.25}]
    summary = {one["name"]: one for one in (await client.get("/metrics/summary")).json()["streams"]}
    [newest] = summary["ratings"]["windows"]
    assert (newest["table"], newest["count"], newest["avg_rating"]) == ("rating_metrics_1m", 7, 3.25)
    assert summary["sensors.air"] == {"name": "sensors.air", "events_total": 0, "windows": []}
    topn = (await client.get("/metrics/topn?limit=2")).json()
    assert (topn["stream"], topn["table"]) == ("ratings", "movie_metrics_1m")
    assert [row["movieId"] for row in topn["rows"]] == [2, 1]
    other = (await client.get("/metrics/topn?stream=character.views")).json()
    assert (other["stream"], other["rows"]) == ("character.views", [])
    assert "cauce_ready" in (await client.get("/metrics")).text

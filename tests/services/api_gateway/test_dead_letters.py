from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from shared.errors import Code
from shared.kafka.deadletters import Failure, dead_letter
from shared.kafka.records import Outgoing, Record
from shared.topics import DOCUMENTS_RAW
from tests.services.api_gateway.world import OPERATOR_KEY, World

WHEN = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


@pytest.fixture
async def operator(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with world.client(OPERATOR_KEY) as client:
        yield client


def fail(world: World, number: int, code: Code = Code.BUG, value: bytes | None = None) -> str:
    """A record that docproc gives up; returns its dead letter's name."""
    content = json.dumps({"document_id": f"d{number}", "number": number}).encode() if value is None else value
    written = world.broker.append(Outgoing(DOCUMENTS_RAW.name, f"d{number}".encode(), content, (("ce_id", b"1"),)))
    return give_up(world, world.broker.logs[written.partition][written.offset], code)


def give_up(world: World, record: Record, code: Code = Code.BUG) -> str:
    failure = Failure(code, "it broke", 3, WHEN)
    letter = dead_letter(record, failure, group="docproc", service="docproc", dlq_topic=DOCUMENTS_RAW.dlq.name)
    world.broker.append(letter)
    return f"docproc/documents.raw/{record.first.partition.number}/{record.first.offset}"


def redriven(world: World) -> list[Record]:
    return [record for record in world.broker.read(DOCUMENTS_RAW.name) if record.redrives]


async def listed(client: httpx.AsyncClient, **query: Any) -> dict[str, Any]:
    answer = await client.get("/dead-letters", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/dead-letters"),
        ("GET", "/dead-letters/stats"),
        ("GET", "/dead-letters/docproc/documents.raw/0/1"),
        ("POST", "/dead-letters/redrive"),
        ("POST", "/dead-letters/discard"),
    ],
)
async def test_only_an_operator_sees_them(method: str, path: str, client: httpx.AsyncClient) -> None:
    """They hold other companies' bytes: a company's own key is refused, with what is needed."""
    answer = await client.request(method, path, json={"filter": {}, "reason": "x"} if method == "POST" else None)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_an_operator")
    assert "CAUCE_OPERATOR_KEYS" in answer.json()["detail"]


async def test_a_list_in_pages(world: World, operator: httpx.AsyncClient) -> None:
    """Each once, however often it was written, the newest failure first."""
    names = [fail(world, number) for number in range(5)]
    give_up(world, world.broker.read(DOCUMENTS_RAW.name)[0])
    found, page = [], await listed(operator, limit=2)
    while True:
        assert page["total"] == 5
        found += [letter["identity"] for letter in page["dead_letters"]]
        if page["next_cursor"] is None:
            break
        page = await listed(operator, limit=2, cursor=page["next_cursor"])
    assert (len(found), sorted(found)) == (5, sorted(names))


async def test_filters(world: World, operator: httpx.AsyncClient) -> None:
    """By topic, code, service, key, time and state; what makes no sense is refused."""
    fail(world, 1)
    fail(world, 2, Code.CORRUPT)
    for query, total in (
        ({"topic": "documents.raw.dlq"}, 2),
        ({"topic": "ratings"}, 0),
        ({"code": "corrupt"}, 1),
        ({"service": "docproc"}, 2),
        ({"key": "d2"}, 1),
        ({"since": "1h"}, 2),
        ({"until": "2026-01-01T00:00:00Z"}, 0),
        ({"state": "redriven"}, 0),
        ({"state": ["open", "redriven"]}, 2),
    ):
        assert (await listed(operator, **query))["total"] == total, query
    for bad in ({"since": "yesterday"}, {"state": "lost"}, {"cursor": "x"}, {"limit": 0}):
        assert (await operator.get("/dead-letters", params=bad)).status_code == 422


async def test_one_with_its_content(world: World, operator: httpx.AsyncClient) -> None:
    """The error, the headers, the value where it is JSON and as a text where it isn't, the document's address."""
    name, odd = fail(world, 1), fail(world, 2, value=b"\xff[NaN]")
    shown = (await operator.get(f"/dead-letters/{name}")).json()
    assert (shown["identity"], shown["state"], shown["failures"], shown["code"]) == (name, "open", 1, "bug")
    assert (shown["value"], shown["value_text"]) == ({"document_id": "d1", "number": 1}, None)
    assert (shown["headers"], shown["status_path"]) == ({"ce_id": "1"}, "/documents/d1")
    assert shown["first_failed_at"] == "2026-01-02T03:04:00.000Z"
    shown = (await operator.get(f"/dead-letters/{odd}")).json()
    assert (shown["value"], shown["value_text"], shown["status_path"]) == (None, "\ufffd[NaN]", None)
    missing = await operator.get("/dead-letters/docproc/documents.raw/0/999")
    assert (missing.status_code, missing.json()["code"]) == (404, "no_such_dead_letter")
    assert (await operator.get("/dead-letters/nonsense")).status_code == 422


async def test_redrive_and_again(world: World, operator: httpx.AsyncClient) -> None:
    """By name, patched; who did it and why is kept; a second time changes nothing."""
    name = fail(world, 1)
    order = {"identities": [name], "patch": {"number": 2}, "reason": "mended"}
    planned = (await operator.post("/dead-letters/redrive", json=order | {"dry_run": True})).json()
    assert planned["planned"] == [{"identity": name, "value_text": '{"document_id":"d1","number":2}'}]
    assert redriven(world) == []
    done = (await operator.post("/dead-letters/redrive", json=order)).json()
    [record] = redriven(world)
    assert done["redriven"] == [{"identity": name, "position": record.position}]
    again = (await operator.post("/dead-letters/redrive", json=order)).json()
    assert (again["redriven"], again["left"]) == ([], [{"identity": name, "why": "redriven already"}])
    [letter] = (await listed(operator, state="redriven"))["dead_letters"]
    assert (letter["action"]["by"], letter["action"]["why"]) == ("operations", "mended")
    assert letter["action"]["position"] == record.position
    assert len(redriven(world)) == 1


async def test_a_late_event_goes_back_with_a_waiver_alone(world: World, operator: httpx.AsyncClient) -> None:
    """It says so where there is none; with one it is recorded, and windows that may be gone are told."""
    event = {"userId": 1, "movieId": 2, "rating": 3.5, "timestamp": 1_767_323_100_000}
    written = world.broker.append(Outgoing("ratings", b"1", json.dumps(event).encode()))
    record = world.broker.logs[written.partition][written.offset]
    failure = Failure(Code.LATE, "late", 1, WHEN)
    letter = dead_letter(record, failure, group="streaming.ratings", service="streaming", dlq_topic="ratings.dlq")
    world.broker.append(letter)
    order = {"filter": {"topic": "ratings"}, "reason": "the clock was ahead"}
    refused = (await operator.post("/dead-letters/redrive", json=order)).json()
    assert "`accept_time`" in refused["left"][0]["why"]
    done = (await operator.post("/dead-letters/redrive", json=order | {"accept_time": True})).json()
    assert len(done["redriven"]) == 1
    assert "cauce streams reset ratings" in done["advice"][0]
    assert [record.accepts_time for record in world.broker.read("ratings") if record.redrives] == [True]
    [told] = (await listed(operator, state="redriven"))["dead_letters"]
    assert (told["action"]["accept_time"], told["action"]["why"]) == (True, "the clock was ahead")


async def test_redrive_by_filter(world: World, operator: httpx.AsyncClient) -> None:
    """At most so many at once; one that failed again is among them."""
    for number in range(3):
        fail(world, number)
    order = {"filter": {"code": "bug"}, "limit": 2}
    assert len((await operator.post("/dead-letters/redrive", json=order)).json()["redriven"]) == 2
    assert len((await operator.post("/dead-letters/redrive", json=order)).json()["redriven"]) == 1
    give_up(world, redriven(world)[0])
    [letter] = (await listed(operator))["dead_letters"]
    assert (letter["state"], letter["failures"]) == ("open", 2)
    assert len((await operator.post("/dead-letters/redrive", json=order)).json()["redriven"]) == 1


async def test_discard_needs_a_reason(world: World, operator: httpx.AsyncClient) -> None:
    """It is counted from then on as discarded."""
    name = fail(world, 1)
    assert (await operator.post("/dead-letters/discard", json={"identities": [name]})).status_code == 422
    done = (await operator.post("/dead-letters/discard", json={"identities": [name], "reason": "rubbish"})).json()
    assert done["discarded"] == [name]
    fail(world, 2)
    stats = (await operator.get("/dead-letters/stats")).json()
    [kind] = stats["kinds"]
    assert (kind["topic"], kind["code"], kind["service"]) == ("documents.raw", "bug", "docproc")
    assert (kind["open"], kind["discarded"], kind["oldest"]) == (1, 1, "2026-01-02T03:04:00.000Z")


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"filter": {}, "identities": []},
        {"filter": {"codes": "bug"}},
        {"identities": ["nonsense"]},
        {"identities": [7]},
        {"filter": {}, "limit": 0},
        {"filter": {}, "patch": []},
        {"filter": {}, "accept_time": True},
        {"filter": {}, "accept_time": True, "reason": " "},
        {"filter": {}, "accept_time": "yes", "reason": "x"},
    ],
)
async def test_an_order_that_is_not_clear_is_refused(order: dict[str, Any], operator: httpx.AsyncClient) -> None:
    """A slip of the pen must not redrive more than was meant."""
    answer = await operator.post("/dead-letters/redrive", json=order)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_kafka_away_is_told(world: World, operator: httpx.AsyncClient) -> None:
    """As a 503 that says when to try again."""
    world.broker.away = True
    answer = await operator.get("/dead-letters")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")

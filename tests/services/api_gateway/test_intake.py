from __future__ import annotations

import asyncio
import gzip
import json
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.api_gateway.broker_clock import BrokerClocks
from services.api_gateway.events import Events
from services.api_gateway.room import Room
from shared.errors import Code, Permanent, Transient
from shared.kafka.records import Acknowledged, Record
from shared.streams.loading import load_streams
from tests.services.api_gateway.world import ACME_KEY, LIMIT, World
from tests.services.api_gateway.world import world as make

NDJSON = {"Content-Type": "application/x-ndjson"}
JSON = {"Content-Type": "application/json"}


def rating(user: int = 1, **changes: Any) -> dict[str, Any]:
    return {"userId": user, "movieId": 2, "rating": 3.5, "timestamp": int(time.time() * 1000)} | changes


def lines(events: Iterable[dict[str, Any] | str]) -> bytes:
    texts = (event if isinstance(event, str) else json.dumps(event) for event in events)
    return "".join(f"{text}\n" for text in texts).encode()


def written(world: World, topic: str = "ratings") -> list[Record]:
    return world.broker.read(topic)


class FailingProducer:
    """Takes so many records, then answers with an error, or when it is let go."""

    def __init__(self, takes: int, error: Exception | None) -> None:
        self._left = takes
        self._error = error
        self.hangs, self.let_go = asyncio.Event(), asyncio.Event()

    async def start(self) -> None:
        return

    async def publish(self, records: Any) -> list[Acknowledged]:
        self._left -= len(records)
        if self._left < 0:
            if self._error is None:
                self.hangs.set()
                await self.let_go.wait()
            else:
                raise self._error
        return []

    async def probe(self) -> None:
        return

    async def stop(self) -> None:
        return


async def test_one_event(world: World, client: httpx.AsyncClient) -> None:
    """Its own bytes are the record's value; the key is the declared field; the headers say what it is."""
    body = json.dumps(rating(7)).encode()
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    response = await client.post("/events/ratings", content=body, headers=JSON | {"traceparent": trace})
    assert response.status_code == 202
    assert response.json() == {"stream": "ratings", "accepted": 1, "rejected": 0, "errors": []}
    [record] = written(world)
    assert (record.key, record.value) == (b"7", body)
    headers = dict(record.headers)
    assert headers["ce_type"] == b"cauce.ratings"
    assert headers["ce_source"] == b"/cauce/api_gateway"
    assert headers["content-type"] == b"application/json"
    assert headers["traceparent"].split(b"-")[1] == trace.split("-")[1].encode()


async def test_array_and_lines_keep_their_bytes(world: World, client: httpx.AsyncClient) -> None:
    """Numbers and escapes arrive as they were written, in their order, each record with an id of its own."""
    at = int(time.time() * 1000)
    texts = [f'{{"userId": 9, "movieId":  2,"rating":{n},"timestamp":{at}}}' for n in ("1.0", "2", "3.50", "45e-1")]
    assert (await client.post("/events/ratings", content=f" [{', '.join(texts)}] ", headers=JSON)).json()[
        "accepted"
    ] == 4
    assert (await client.post("/events/ratings", content="\r\n".join(texts), headers=NDJSON)).json()["accepted"] == 4
    assert [record.value for record in written(world)] == [text.encode() for text in texts] * 2
    assert len({record.header("ce_id") for record in written(world)}) == 8


@pytest.mark.parametrize("headers", [JSON, {}, {"Content-Type": "application/json; charset=utf-8"}])
async def test_nothing_of_an_array_with_a_bad_event_is_taken(
    world: World, client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    """The answer names each bad event by its place, its code and what is wrong with it."""
    events = [rating(), rating(rating=9), rating(), rating(extra=1)]
    response = await client.post("/events/ratings", content=json.dumps(events), headers=headers)
    problem = response.json()
    assert (response.status_code, problem["code"], problem["accepted"]) == (422, "bad_events", 0)
    assert [(error["index"], error["code"]) for error in problem["errors"]] == [
        (1, "out_of_range"),
        (3, "unknown_field"),
    ]
    assert problem["errors_total"] == 2
    assert written(world) == []


async def test_skip_takes_the_good_ones(world: World, client: httpx.AsyncClient) -> None:
    """As array and as lines: what was left out is told, with its line where there are lines."""
    events = [rating(1), rating(2, rating="4"), rating(3)]
    array = await client.post("/events/ratings?on_error=skip", json=events)
    ndjson = await client.post("/events/ratings?on_error=skip", content=b"\n" + lines(events), headers=NDJSON)
    for response, line in ((array, None), (ndjson, 3)):
        answer = response.json()
        assert (response.status_code, answer["accepted"], answer["rejected"]) == (202, 2, 1)
        [error] = answer["errors"]
        assert (error["index"], error["line"], error["code"]) == (1, line, "wrong_type")
    assert len(written(world)) == 4


async def test_lines_end_at_the_first_bad_one(world: World, client: httpx.AsyncClient) -> None:
    """Those before it are in Kafka, and the answer says from which line to go on."""
    events: list[dict[str, Any] | str] = [rating(1), rating(2), "junk", rating(3)]
    response = await client.post("/events/ratings", content=lines(events), headers=NDJSON)
    problem = response.json()
    assert (response.status_code, problem["accepted"], problem["line"]) == (422, 2, 3)
    assert problem["errors"][0]["code"] == "invalid_json"
    assert len(written(world)) == 2
    rest = await client.post("/events/ratings", content=lines([rating(4), *events[3:]]), headers=NDJSON)
    assert rest.json()["accepted"] == 2


async def test_at_most_a_hundred_errors_are_told(client: httpx.AsyncClient) -> None:
    """However many there are, their number is known."""
    response = await client.post("/events/ratings", json=[{}] * 250)
    assert len(response.json()["errors"]) == 100
    assert response.json()["errors_total"] == 250


async def test_lines_take_little_memory(tmp_path: Path) -> None:
    """A line without an end, and a body of any length, are never held whole; the lines after it are read."""
    world = make(tmp_path)
    longest = world.gateway.streams["ratings"].max_event_bytes

    async def body() -> AsyncIterator[bytes]:
        yield lines([rating(1)]) + b'{"userId": "'
        for _ in range(24):
            yield b"x" * longest
        yield b'"}\n' + lines([rating(2)])

    tracemalloc.start()
    try:
        async with world.client() as client:
            response = await client.post("/events/ratings?on_error=skip", content=body(), headers=NDJSON)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    answer = response.json()
    assert (answer["accepted"], answer["rejected"], answer["errors"][0]["code"]) == (2, 1, "too_large")
    assert most < 16 * LIMIT


async def test_a_long_array_is_sent_to_ndjson(tmp_path: Path) -> None:
    """A JSON body has a limit; the answer names the way out."""
    world = make(tmp_path, json_bytes=1000)
    async with world.client() as client:
        response = await client.post("/events/ratings", json=[rating()] * 50)
    assert (response.status_code, response.json()["limit_bytes"]) == (413, 1000)
    assert "NDJSON" in response.json()["detail"]


@pytest.mark.parametrize("pack", [gzip.compress, lambda body: gzip.compress(body[:50]) + gzip.compress(body[50:])])
async def test_gzip_is_understood(world: World, client: httpx.AsyncClient, pack: Any) -> None:
    """Also where it was packed in several members."""
    headers = NDJSON | {"Content-Encoding": "gzip"}
    response = await client.post("/events/ratings", content=pack(lines([rating()] * 3000)), headers=headers)
    assert response.json()["accepted"] == 3000


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"no gzip", {"Content-Encoding": "gzip"}, 400, "malformed_gzip"),
        (gzip.compress(b"{}" * 9000, mtime=0)[:-12], {"Content-Encoding": "gzip"}, 400, "malformed_gzip"),
        (b"{}", {"Content-Encoding": "br"}, 415, "unknown_encoding"),
        (b"{}", {"Content-Type": "text/csv"}, 415, "not_events"),
        (b"[{}", JSON, 400, "malformed_json"),
        (b"[{} {}]", JSON, 400, "malformed_json"),
        (b"[] []", JSON, 400, "malformed_json"),
        (b"[\xff]", JSON, 400, "malformed_json"),
        (b"[" * 100_000, JSON, 400, "malformed_json"),
    ],
)
async def test_bodies_that_cannot_be_read(
    *, world: World, client: httpx.AsyncClient, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    """The problem says what is wrong with the body as a whole."""
    response = await client.post("/events/ratings", content=content, headers=NDJSON | headers)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert written(world) == []


async def test_nothing_to_take(client: httpx.AsyncClient) -> None:
    """An empty array and no lines at all are as good as any; an empty JSON body is no event."""
    for content, headers in ((b" [ ] ", JSON), (b"\n \n", NDJSON), (b"", NDJSON)):
        response = await client.post("/events/ratings", content=content, headers=headers)
        assert (response.status_code, response.json()["accepted"]) == (202, 0)
    assert (await client.post("/events/ratings", content=b"", headers=JSON)).status_code == 422


async def test_streams_that_take_no_events(client: httpx.AsyncClient) -> None:
    """An unknown one is named with the place where the known ones are; the pipeline's own is not for others."""
    unknown = await client.post("/events/nothing", json=rating())
    assert (unknown.status_code, "GET /streams" in unknown.json()["detail"]) == (404, True)
    chunks = await client.post("/events/chunks", json={})
    assert (chunks.status_code, chunks.json()["code"]) == (409, "not_yours_to_write")


async def test_kafka_that_does_not_answer(world: World) -> None:
    """503 with Retry-After, and what is in Kafka for sure, whether the producer fails or hangs."""
    for error in (Transient("away", retry_after=3), None):
        replaced = Events(FailingProducer(1500, error), 0.05, Room(LIMIT), BrokerClocks([]))
        gateway = world_with(world, events=replaced)
        async with gateway.client() as client:
            response = await client.post("/events/ratings", content=lines([rating()] * 2500), headers=NDJSON)
        problem = response.json()
        assert (response.status_code, problem["code"], problem["accepted"]) == (503, "not_acknowledged", 1000)
        assert problem["line"] == 1001
        assert int(response.headers["retry-after"]) >= 1


async def test_too_many_events_under_way(world: World) -> None:
    """429 with Retry-After while others wait for Kafka; afterwards there is room again."""
    producer = FailingProducer(0, None)
    full = world_with(world, events=Events(producer, 60, Room(1000), BrokerClocks([])))
    async with full.client() as client:
        waiting = asyncio.create_task(client.post("/events/ratings", content=json.dumps(rating()), headers=JSON))
        await producer.hangs.wait()
        for headers in (JSON, NDJSON):
            response = await client.post("/events/ratings", content=json.dumps(rating()) + " " * 900, headers=headers)
            assert (response.status_code, response.headers.get("retry-after")) == (429, "1")
        producer.let_go.set()
        assert (await waiting).status_code == 202
    assert full.gateway.events.room._taken == 0


async def test_an_event_that_its_topic_does_not_take(world: World) -> None:
    """An event just below its own limit can be too large with its headers: that is the client's to know."""
    refused = world_with(
        world, events=Events(FailingProducer(0, Permanent(Code.TOO_LARGE, "x")), 1, Room(LIMIT), BrokerClocks([]))
    )
    async with refused.client() as client:
        response = await client.post("/events/ratings", json=rating())
    assert (response.status_code, response.json()["code"]) == (413, "too_large")


async def test_an_event_without_key(world: World, client: httpx.AsyncClient) -> None:
    """A stream that names no key spreads its events over all partitions."""
    ratings = next(stream for stream in load_streams() if stream.name == "ratings")
    keyless = ratings.model_copy(update={"topic": ratings.topic.model_copy(update={"key": None})})
    changed = world_with(world, streams={"ratings": keyless})
    async with changed.client() as asking:
        assert (await asking.post("/events/ratings", json=rating())).status_code == 202
    assert [record.key for record in written(world)] == [None]


async def test_a_client_without_a_key_is_refused_first(world: World) -> None:
    """Nothing of a stranger's body is taken."""
    async with world.client(None) as client:
        assert (await client.post("/events/ratings", json=rating())).status_code == 401
        headers = {"X-API-Key": ACME_KEY}
        assert (await client.post("/events/ratings", json=rating(), headers=headers)).status_code == 202
    assert len(written(world)) == 1


def world_with(world: World, **parts: Any) -> World:
    return replace(world, gateway=replace(world.gateway, **parts))

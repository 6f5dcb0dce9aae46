"""A broker whose clock is wrong: its streams' events are refused loudly, and taken again when it is right."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import httpx
import pytest

from services.api_gateway import broker_clock
from services.api_gateway.broker_clock import IN_A_ROW, LEAST_MS, BrokerClocks, ClockApart, ClockProbe, apart, bound_ms
from services.api_gateway.metrics import CLOCK_SKEW
from shared.errors import Transient
from shared.kafka.memory import MemoryProducer
from shared.kafka.records import Acknowledged, Partition
from shared.streams.declaration import EventTime, Stream
from shared.topics import PROBE
from tests.services.api_gateway.world import World, shipped
from tests.waiting import until

HOUR = 3_600_000
RATINGS, SOUND = "ratings", "sensors.sound"
LINES = {"Content-Type": "application/x-ndjson"}


def rating(user: int = 1) -> dict[str, Any]:
    return {"userId": user, "movieId": 2, "rating": 3.5, "timestamp": int(time.time() * 1000)}


def sound() -> dict[str, Any]:
    return {"sensor_id": "s-1", "timestamp": int(time.time() * 1000), "value": 3.25}


async def post(client: httpx.AsyncClient, count: int = 1) -> list[int]:
    return [(await client.post("/events/ratings", json=rating())).status_code for _ in range(count)]


def written(world: World, topic: str = RATINGS) -> int:
    return len(world.broker.read(topic))


@pytest.fixture
def probe(world: World) -> ClockProbe:
    return ClockProbe(world.clocks, MemoryProducer(world.broker))


class Waiting:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Waiting:
    made = Waiting()
    monkeypatch.setattr(broker_clock, "monotonic", made)
    return made


@pytest.mark.parametrize(
    ("appended", "expected"),
    [(1_000, 0), (1_500, 0), (9_000, 0), (9_001, 1), (999, -1), (3_609_000, HOUR), (1_000 - HOUR, -HOUR)],
)
def test_the_round_trip_is_no_skew(appended: int, expected: int) -> None:
    """Of a publish that took eight seconds only what lies before its send or after its acknowledgement counts."""
    assert apart(appended, sent=1_000, acknowledged=9_000) == expected


@pytest.mark.parametrize(
    ("lateness", "max_ahead", "expected"),
    [("30s", "60s", 15_000), ("10m", "8s", 4_000), ("none", "60s", 30_000), ("0s", "60s", LEAST_MS)],
)
def test_half_of_the_smallest_bound(lateness: str, max_ahead: str, expected: int) -> None:
    """Where any age is accepted there is one bound; below what NTP keeps nothing is told apart."""
    declared = {"field": "timestamp", "unit": "ms", "lateness": lateness, "max_ahead": max_ahead}
    stream = next(one for one in shipped() if one.name == RATINGS)
    assert bound_ms(stream.model_copy(update={"event_time": EventTime.model_validate(declared)})) == expected


@pytest.mark.parametrize(("ahead", "where"), [(HOUR, "ahead of"), (-HOUR, "behind")])
async def test_a_wrong_clock_refuses_its_stream_alone(
    world: World, client: httpx.AsyncClient, ahead: int, where: str
) -> None:
    """After three acknowledgements: a 503 with the reason and a time, for that stream; others and uploads go on, and
    `/ready` stays 200 and names it."""
    world.broker.ahead[0] = ahead
    assert await post(client, IN_A_ROW) == [202] * IN_A_ROW
    refused = await client.post("/events/ratings", json=[rating(), rating()])
    body = refused.json()
    assert (refused.status_code, refused.headers["Retry-After"], body["code"]) == (503, "5", "broker_clock")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert f"3600.0 s {where} the gateway's" in body["detail"]
    assert (body["stream"], body["accepted"]) == (RATINGS, 0)
    assert written(world) == IN_A_ROW
    assert (await client.post("/events/sensors.sound", json=sound())).status_code == 202
    assert (await client.post("/upload", files={"file": ("a.txt", b"text")})).status_code == 202
    ready = await client.get("/ready")
    assert (ready.status_code, list(ready.json()["warnings"])) == (200, ["stream ratings"])
    assert CLOCK_SKEW.labels("0")._value.get() == pytest.approx(ahead / 1000, abs=2)


async def test_a_difference_that_the_stream_bears_is_none(world: World, client: httpx.AsyncClient) -> None:
    """Half of its smallest bound, and what is less."""
    world.broker.ahead[0] = 14_000
    assert await post(client, 2 * IN_A_ROW) == [202] * 2 * IN_A_ROW


async def test_it_takes_several_in_a_row(world: World, client: httpx.AsyncClient) -> None:
    """One good acknowledgement between them, and it begins anew."""
    for _ in range(3):
        world.broker.ahead[0] = HOUR
        assert await post(client, IN_A_ROW - 1) == [202] * (IN_A_ROW - 1)
        world.broker.ahead[0] = 0
        assert await post(client) == [202]


async def test_a_long_request_is_stopped_on_its_way(world: World, client: httpx.AsyncClient) -> None:
    """Of a body of lines no more is taken than it needs to notice, and the answer says which line comes next."""
    world.broker.ahead[0] = HOUR
    body = b"\n".join(json.dumps(rating()).encode() for _ in range(5_000))
    answer = (await client.post("/events/ratings", content=body, headers=LINES)).json()
    assert (answer["code"], answer["accepted"], answer["line"]) == ("broker_clock", 3_000, 3_001)
    assert written(world) == 3_000


async def test_the_probe_ends_it(world: World, client: httpx.AsyncClient, probe: ClockProbe) -> None:
    """While the clock is wrong it stays; when the probe's record has the right time events are taken again."""
    world.broker.ahead[0] = HOUR
    await post(client, IN_A_ROW)
    await probe.look()
    assert await post(client) == [503]
    world.broker.ahead[0] = 0
    assert await post(client) == [503]
    await probe.look()
    assert await post(client, 5) == [202] * 5
    assert (await client.get("/ready")).json()["warnings"] == {}


async def test_the_probe_runs_while_something_is_refused_and_then_no_more(
    world: World, client: httpx.AsyncClient, probe: ClockProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself, at once and again and again; nothing is written where all is well."""
    monkeypatch.setattr(broker_clock, "EVERY_SECONDS", 0.01)
    running = asyncio.create_task(probe.run())
    await asyncio.sleep(0.05)
    assert written(world, PROBE.name) == 0
    world.broker.ahead[0] = HOUR
    await post(client, IN_A_ROW)
    await until(lambda: written(world, PROBE.name) >= 3)
    assert await post(client) == [503]
    world.broker.ahead[0] = 0
    await until(lambda: not world.clocks.refused.is_set())
    probes = written(world, PROBE.name)
    assert await post(client) == [202]
    await asyncio.sleep(0.05)
    assert written(world, PROBE.name) == probes
    running.cancel()


async def test_another_brokers_clock_is_no_evidence(
    world: World, client: httpx.AsyncClient, probe: ClockProbe, waiting: Waiting
) -> None:
    """Where the probe's partition is led by a broker whose clock is right, it ends nothing: one event at a time is let
    through as a trial, and ends it when that broker's clock is right."""
    _lead(world, RATINGS, 7)
    world.broker.ahead[7] = HOUR
    await post(client, IN_A_ROW)
    await probe.look()
    assert await post(client) == [503]
    waiting.now += 5
    trial = (await client.post("/events/ratings", json=[rating(), rating(), rating()])).json()
    assert (trial["status"], trial["accepted"], written(world)) == (503, 1, IN_A_ROW + 1)
    world.broker.ahead[7] = 0
    await probe.look()
    assert await post(client) == [503]
    waiting.now += 5
    assert (await client.post("/events/ratings", json=[rating(), rating(), rating()])).json()["accepted"] == 3


async def test_a_trial_is_one_in_five_seconds(
    world: World, client: httpx.AsyncClient, probe: ClockProbe, waiting: Waiting
) -> None:
    """And none at all where the probe reaches the broker."""
    _lead(world, RATINGS, 7)
    world.broker.ahead[7] = HOUR
    await post(client, IN_A_ROW)
    await probe.look()
    waiting.now += 4.9
    assert await post(client, 2) == [503, 503]
    assert written(world) == IN_A_ROW
    waiting.now += 0.2
    assert await post(client, 3) == [202, 503, 503]
    _lead(world, PROBE.name, 7)
    await probe.look()
    waiting.now += 60
    assert await post(client) == [503]
    assert written(world) == IN_A_ROW + 1


async def test_where_no_probe_can_be_written_trials_go_on(
    world: World, client: httpx.AsyncClient, probe: ClockProbe, waiting: Waiting
) -> None:
    """Whatever broker the last one reached."""
    world.broker.ahead[0] = HOUR
    await post(client, IN_A_ROW)
    await probe.look()
    waiting.now += 60
    assert await post(client) == [503]
    world.broker.refusing.add(PROBE.name)
    with pytest.raises(Transient):
        await probe.look()
    world.broker.ahead[0] = 0
    assert await post(client, 2) == [202, 202]


async def test_a_broker_that_leads_no_partition_any_more_is_no_concern(
    world: World, client: httpx.AsyncClient, probe: ClockProbe
) -> None:
    """Its clock may stay wrong: the partitions have moved to one whose clock is right."""
    _lead(world, RATINGS, 7)
    world.broker.ahead[7] = HOUR
    await post(client, IN_A_ROW)
    _lead(world, RATINGS, 8)
    assert await post(client) == [503]
    await probe.look()
    assert await post(client) == [202]


async def test_a_producers_own_time_is_no_evidence(world: World, client: httpx.AsyncClient, probe: ClockProbe) -> None:
    """A probe's topic that was not configured anew says nothing of a clock, and ends nothing."""
    world.broker.ahead[0] = HOUR
    await post(client, IN_A_ROW)
    world.broker.create_time.add(PROBE.name)
    await probe.look()
    assert await post(client) == [503]


def test_of_many_acknowledgements_the_worst_counts() -> None:
    """A publish that went to two brokers is evidence about each."""
    ratings: Stream = next(one for one in shipped() if one.name == RATINGS)
    clocks = BrokerClocks([ratings])
    acks = [Acknowledged(Partition(RATINGS, n % 2), n, HOUR if n % 2 else 0, n % 2) for n in range(1_000)]
    for _ in range(IN_A_ROW):
        assert clocks.at_once(RATINGS) == broker_clock.PUBLISHED_AT_ONCE
        clocks.acknowledged(RATINGS, acks, 0, 10)
    with pytest.raises(ClockApart, match=r"broker 1 is 3600\.0 s ahead"):
        clocks.at_once(RATINGS)


def _lead(world: World, topic: str, broker: int) -> None:
    world.broker.leaders |= {place: broker for place in world.broker.logs if place.topic == topic}

"""The broker's clock steps under load: its time decides what is late and what is from the future."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from compose.local import fleet_checks
from compose.local.program import Kind
from compose.local.state import Health, ProcessState
from services.api_gateway.broker_clock import EVERY_SECONDS, IN_A_ROW
from shared.errors import Code
from shared.kafka.client import KafkaProducer, offset_ranges, read_from
from shared.kafka.records import Outgoing, Partition, Record
from shared.streams.loading import DEFAULT_FOLDER
from tests.faults.cases import Act, Case
from tests.faults.gateway import HOP, KEY, own_key, uploads
from tests.faults.world import World
from tests.waiting import until

HOUR = 3600
STREAM, TABLE = "ratings", "movie_metrics_1m"
DIRECT = 200
"""Events of a producer that asks no gateway."""
NOTICED_WITHIN = 20.0
"""Seconds: a stepped clock is seen by the broker within three."""
ENDED_WITHIN = 3 * EVERY_SECONDS
SPARK_READY = 240.0
JUDGED_WITHIN = 90.0
EXPECTED = (
    f"after {IN_A_ROW} acknowledgements the stream's events are refused with a 503, uploads and other streams go on; "
    "they are taken again by themselves; what became dead letters goes back with `--accept-time`, and counts"
)
_films = count(27_000)


def cases() -> list[Case]:
    return [
        Case("clock", "kafka", f"its clock steps an hour {where}, under load, and back", EXPECTED, partial(stepped, by))
        for where, by in (("ahead", HOUR), ("behind", -HOUR))
    ]


class Clock:
    """Of a process that is started with `environment`: a file says by how many seconds it is off."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "broker-clock"
        self.set(0)

    def set(self, seconds: int) -> None:
        self._file.write_text(f"{seconds:+d}\n")

    @property
    def environment(self) -> dict[str, str]:
        """Skips where there is no libfaketime. The time that timeouts are measured by goes on as ever; without the last
        variable a JVM does nothing but ask for it."""
        libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        if not libraries:
            pytest.skip("libfaketime is not here: apt install faketime")
        return {
            "LD_PRELOAD": str(libraries[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "3",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        }


@dataclass
class Sender:
    """Posts one good event after the other, each again until it is accepted."""

    client: httpx.AsyncClient
    film: int
    accepted: int = 0
    refused: int = 0
    ending: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self) -> None:
        while not self.ending.is_set():
            answer = await self.client.post(f"/events/{STREAM}", json=event(self.film, self.accepted + 1))
            if answer.status_code == httpx.codes.ACCEPTED:
                self.accepted += 1
            else:
                assert (answer.status_code, answer.json()["code"]) == (503, "broker_clock"), answer.text
                assert answer.headers["Retry-After"] == f"{EVERY_SECONDS:g}"
                self.refused += 1
            await asyncio.sleep(0.05)

    async def goes_on(self, more: int = 20) -> None:
        enough = self.accepted + more
        await until(lambda: self.accepted >= enough, seconds=ENDED_WITHIN)


def event(film: int, user: int) -> dict[str, Any]:
    return {"userId": user, "movieId": film, "rating": 3.5, "timestamp": int(time.time() * 1000)}


async def stepped(by: int, act: Act) -> None:
    world, clock, film = act.world, Clock(act.world.layout.root), next(_films)
    async with _moved(world, clock), _client(act) as client, _sending(client, film) as sender:
        letters = await _ends(world)
        loading = asyncio.create_task(act.load.send())
        await sender.goes_on()
        clock.set(by)
        await until(lambda: sender.refused > 0, seconds=NOTICED_WITHIN)
        accepted = sender.accepted
        await _others_go_on(act, client, by)
        await _bypass(world, film)
        assert sender.accepted == accepted, "the refusal ended while the clock was wrong"
        clock.set(0)
        await sender.goes_on()
        assert (await _warnings(client)) == {}
        await loading
        sender.ending.set()
        await until(partial(_all_judged, world, letters, film, sender.accepted + DIRECT), seconds=JUDGED_WITHIN)
        await _put_back(world, letters, Code.LATE if by > 0 else Code.FUTURE, film)
        await until(lambda: counted(world, film) == sender.accepted + DIRECT, seconds=JUDGED_WITHIN)


@asynccontextmanager
async def _moved(world: World, clock: Clock) -> AsyncIterator[None]:
    """A broker whose clock can be moved, and Spark with the one stream."""
    await world.restart("kafka", clock.environment)
    try:
        await world.restart("streaming", _one_stream(world), seconds=SPARK_READY)
        yield
    finally:
        world.kill("streaming")
        await world.restart("kafka")
        await world.restart(HOP)


def _one_stream(world: World) -> dict[str, str]:
    """Its batches end soon, since Spark tells then how many events are late."""
    folder = world.layout.root / "one-stream"
    folder.mkdir(exist_ok=True)
    shutil.copy(DEFAULT_FOLDER / f"{STREAM}.yaml", folder)
    return {"CAUCE_STREAMS_DIR": str(folder), "CAUCE_ARCHIVE_URL": "", "CAUCE_STREAMING_REALTIME_DURATION": "PT20S"}


@asynccontextmanager
async def _client(act: Act) -> AsyncIterator[httpx.AsyncClient]:
    await own_key(act)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=act.world.endpoints.gateway_url, headers=headers, timeout=30) as client:
        yield client


@asynccontextmanager
async def _sending(client: httpx.AsyncClient, film: int) -> AsyncIterator[Sender]:
    """What goes wrong while it sends is raised at the end."""
    sender = Sender(client, film)
    sending = asyncio.create_task(sender.send())
    try:
        yield sender
    finally:
        sender.ending.set()
        await sending


async def _warnings(client: httpx.AsyncClient) -> dict[str, str]:
    answer = await client.get("/ready")
    assert answer.status_code == httpx.codes.OK, answer.text
    return dict(answer.json()["warnings"])


async def _others_go_on(act: Act, client: httpx.AsyncClient, by: int) -> None:
    """Meanwhile: ready, with a warning that `cauce doctor` finds, and the metric; uploads and another stream are
    taken."""
    assert list(await _warnings(client)) == [f"stream {STREAM}"]
    gateway = ProcessState(name=HOP, kind=Kind.SERVICE, port=act.world.port(HOP), health=Health.READY)
    assert list(await asyncio.to_thread(fleet_checks.warnings, gateway)) == [f"stream {STREAM}"]
    assert f'cauce_broker_clock_skew_seconds{{broker="1"}} {by // HOUR * 3}' in (await client.get("/metrics")).text
    sound = {"sensor_id": act.truth.company, "timestamp": int(time.time() * 1000), "value": 1.5}
    assert (await client.post("/events/sensors.sound", json=sound)).status_code == httpx.codes.ACCEPTED
    await uploads(act)


async def _bypass(world: World, film: int) -> None:
    """Good events past the gateway: they become dead letters, and Spark says how many of its events do."""
    producer = KafkaProducer(world.kafka)
    values = [json.dumps(event(film, 100_000 + number)).encode() for number in range(DIRECT)]
    await producer.publish([Outgoing(STREAM, str(number).encode(), value) for number, value in enumerate(values)])
    await producer.stop()
    await until(partial(_spark_warns, world), seconds=JUDGED_WITHIN)


async def _spark_warns(world: World) -> bool:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{world.port('streaming')}/ready")
    return "late or from the future" in answer.json()["warnings"].get(f"stream {STREAM}", "")


# ---- what became of the events ---------------------------------------------------------------------------------------


async def _ends(world: World) -> dict[Partition, int]:
    held = await offset_ranges(world.kafka, [f"{STREAM}.dlq"])
    return {partition: offsets.stop for partition, offsets in held.items()}


async def _letters(world: World, since: dict[Partition, int], film: int) -> list[Record]:
    """Dead letters of this film's events since then; one that a restart of Spark has written twice is one."""
    records: dict[object, Record] = {}
    async for batch in read_from(world.kafka, since, await _ends(world)):
        mine = [record for record in batch if json.loads(record.value or b"{}").get("movieId") == film]
        records |= {
            (record.header("dlq_source_partition"), record.header("dlq_source_offset")): record for record in mine
        }
    return list(records.values())


def counted(world: World, film: int) -> int:
    [[total]] = world.rows(f"SELECT COALESCE(SUM(count), 0) FROM {TABLE} WHERE movieId = %s", film)
    return int(total)


async def _all_judged(world: World, since: dict[Partition, int], film: int, sent: int) -> bool:
    return counted(world, film) + len(await _letters(world, since, film)) == sent


async def _put_back(world: World, since: dict[Partition, int], code: Code, film: int) -> None:
    """No more of the gateway's became dead letters than it took to notice; all go back, with a waiver."""
    letters = await _letters(world, since, film)
    assert {record.header("dlq_error_code") for record in letters} == {code.value.encode()}
    assert len(letters) - DIRECT in range(1, IN_A_ROW + 1), f"{len(letters) - DIRECT} were accepted for nothing"
    which: Sequence[str] = ("--topic", STREAM, "--code", code.value)
    assert "0 redriven" in world.run("cauce", "dlq", "redrive", *which)
    why = ("--accept-time", "--why", "the broker's clock was wrong")
    assert f"{len(letters)} redriven" in world.run("cauce", "dlq", "redrive", *which, *why)

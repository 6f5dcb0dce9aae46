"""Days of records whose partitions are of very different size, read from the first to the last."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from shared.kafka.client import KafkaAdmin
from shared.topics import Topic
from tests.fleet.events import verified
from tests.fleet.harness import Fleet
from tests.waiting import until

pytestmark = [pytest.mark.fleet, pytest.mark.faults, pytest.mark.timeout(900)]

DAYS = 7
SIZES = (300_000, 45_000, 5_000)
"""Records of each partition: read at one speed, the last is at today's before the first is past its first hours."""
DECLARATION = """
name: replayed
topic: {partitions: 3, retention: 30d, key: sensor}
event_time: {field: at, lateness: 1m}
fields:
  sensor: {type: string}
  at: {type: long, minimum: 1}
  value: {type: double}
windows:
  - table: replayed_10m
    size: 10m
    group_by: [sensor]
    select: {count: count(*), avg: avg(value)}
"""
NOT_NEEDED = ("ingest", "docproc", "embedding", "api_gateway", "dashboard")
WITHOUT = [word for name in NOT_NEEDED for word in ("--scale", f"{name}=0")]


@pytest.fixture
def own_fleet(tmp_path: Path) -> Iterator[Fleet]:
    """One that Spark is not part of yet."""
    streams = tmp_path / "streams"
    streams.mkdir()
    (streams / "replayed.yaml").write_text(DECLARATION)
    fleet = Fleet(tmp_path / "state", {"CAUCE_STREAMS_DIR": str(streams)})
    fleet.up(*WITHOUT, "--scale", "streaming=0")
    try:
        yield fleet
    finally:
        fleet.down()


async def fill(fleet: Fleet) -> None:
    """Each record has the timestamp that a broker would have given it when it happened."""
    async with KafkaAdmin(fleet.kafka) as admin:
        await admin.configure(Topic("replayed", "sensor", 3, timedelta(days=30)), 1)
    producer = AIOKafkaProducer(bootstrap_servers=fleet.kafka.bootstrap_servers, linger_ms=5, max_batch_size=256 * 1024)
    await producer.start()
    end = int(time.time() * 1000)
    for partition, size in enumerate(SIZES):
        step = DAYS * 24 * 3_600_000 / size
        for number in range(size):
            at = end - int((size - number) * step)
            value = {"sensor": f"s{partition}-{number % 5}", "at": at, "value": number % 97 / 7}
            await producer.send("replayed", json.dumps(value).encode(), partition=partition, timestamp_ms=at)
    await producer.flush()
    await producer.stop()


async def test_seven_days_over_uneven_partitions(own_fleet: Fleet) -> None:
    """No record is dropped because another partition was read faster, and every window is right, at the first reading
    and after a reset."""
    await fill(own_fleet)
    assert own_fleet.cauce("down")[0] == 0
    own_fleet.up(*WITHOUT)
    verified(own_fleet, "replayed", seconds=180)
    assert own_fleet.rows("SELECT SUM(`count`) FROM replayed_10m") == [(sum(SIZES),)]

    code, said = own_fleet.cauce("streams", "reset", "replayed", "--reason", "a test")
    assert code == 0, said
    await until(lambda: asyncio.to_thread(recounted, own_fleet), seconds=180)
    verified(own_fleet, "replayed", seconds=180)
    assert await dropped(own_fleet) == 0


def recounted(fleet: Fleet) -> bool:
    return fleet.rows("SELECT SUM(`count`) FROM replayed_10m WHERE _epoch = 2") == [(sum(SIZES),)]


async def dropped(fleet: Fleet) -> float:
    """What the watermark dropped, by Spark's count; some progress must have been told."""
    port = next(process.port for process in fleet.state.processes if process.name == "streaming")
    async with httpx.AsyncClient() as client:
        page = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
    assert sum(sample.value for sample in samples if sample.name == "cauce_streaming_rows_total") >= sum(SIZES)
    return sum(sample.value for sample in samples if sample.name == "cauce_streaming_dropped_by_watermark_total")

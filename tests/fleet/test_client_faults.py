"""The Kafka client when the broker stands still."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import psutil
import pytest

from shared.errors import Transient
from shared.kafka.client import KafkaAdmin, KafkaProducer
from shared.kafka.records import Outgoing
from tests.fleet.harness import Fleet
from tests.suites.loop_suite import topics
from tests.waiting import until

pytestmark = [pytest.mark.fleet, pytest.mark.faults, pytest.mark.timeout(300)]


def senders() -> int:
    """How many of aiokafka's sending tasks are alive in this process."""
    return sum("_sender_routine" in repr(task.get_coro()) for task in asyncio.all_tasks())


async def test_a_publish_that_is_given_up_leaves_no_sender_behind(fleet: Fleet) -> None:
    """While the broker stands still every publish ends as an outage in its time, and afterwards one producer sends."""
    work, _ = topics(f"still-{uuid4().hex[:8]}")
    async with KafkaAdmin(fleet.kafka) as admin:
        await admin.create(work, 1)
    async with stopping(KafkaProducer(fleet.kafka, deadline=2)) as producer:
        await until(lambda: sends(producer, work.name))
        async with standing_still(fleet.process("kafka")):
            for _ in range(3):
                async with asyncio.timeout(20):
                    with pytest.raises(Transient):
                        await producer.publish([Outgoing(work.name, b"k", b"meanwhile")])
                assert senders() <= 1
        await until(lambda: sends(producer, work.name), seconds=60)
        assert senders() == 1
    assert senders() == 0


@asynccontextmanager
async def stopping(producer: KafkaProducer) -> AsyncIterator[KafkaProducer]:
    try:
        yield producer
    finally:
        await producer.stop()


@asynccontextmanager
async def standing_still(process: psutil.Process) -> AsyncIterator[None]:
    """The kernel stops all threads once one of them has run, which takes a while where there is much to do."""
    process.suspend()
    try:
        await until(lambda: bool(process.status() == psutil.STATUS_STOPPED))
        yield
    finally:
        process.resume()


async def sends(producer: KafkaProducer, topic: str) -> bool:
    try:
        await producer.publish([Outgoing(topic, b"k", b"after")])
    except Transient:
        return False
    return True

"""The desk and the operations of `cauce dlq`, at the cluster that the environment or this folder's fleet names."""

from __future__ import annotations

import getpass
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from cauce.cluster import cluster, declared_streams
from compose.local.errors import LocalStackError
from shared.dead_letters.acting import Done, Operations
from shared.dead_letters.book import Book, Entry, Wanted
from shared.dead_letters.desk import Desk
from shared.dead_letters.letters import Identity, Opened
from shared.dead_letters.mending import Mend
from shared.dead_letters.redrive import Operator
from shared.kafka.client import BATCH_BYTES, KafkaProducer
from shared.kafka.questions import KafkaQuestions
from shared.kafka.transport import Producer
from shared.streams.topics import consumed_topics


def desk() -> Desk:
    connection, _ = cluster()
    return Desk(KafkaQuestions(connection), consumed_topics(declared_streams()))


async def book() -> Book:
    return await desk().book()


async def opened(name: Identity) -> tuple[Entry, Opened]:
    """Raises LocalStackError where there is none."""
    at = desk()
    entry = (await at.book()).get(name)
    content = await at.open([entry.letter]) if entry else []
    if entry is None or not content:
        raise LocalStackError(f"there is no dead letter `{name}`", advice="see what there is: cauce dlq list")
    return entry, content[0]


async def plan(wanted: Wanted, limit: int | None, mend: Mend, *, accept_time: bool) -> Done:
    async with operations() as (at, acting):
        return await acting.plan(await at.choose(wanted, limit), mend, accept_time=accept_time)


async def redrive(
    wanted: Wanted, limit: int | None, mend: Mend, who: Operator, rate: float | None, *, accept_time: bool
) -> Done:
    async with operations() as (at, acting):
        return await acting.redrive(await at.choose(wanted, limit), mend, who, rate, accept_time=accept_time)


async def discard(wanted: Wanted, limit: int | None, who: Operator) -> Done:
    async with operations() as (at, acting):
        return await acting.discard(await at.choose(wanted, limit), who)


@asynccontextmanager
async def operations() -> AsyncIterator[tuple[Desk, Operations]]:
    at, sending = desk(), producer()
    try:
        yield at, Operations(at, sending, declared_streams())
    finally:
        await sending.stop()


def producer() -> Producer:
    """Its batches fit into the topic that takes the least."""
    connection, _ = cluster()
    limits = [topic.max_message_bytes for topic in consumed_topics(declared_streams())]
    return KafkaProducer(connection, batch_bytes=min(BATCH_BYTES, *limits))


def operator(by: str | None, why: str | None) -> Operator:
    return Operator(by or f"{getpass.getuser()}@{socket.gethostname()}", uuid4().hex, why)

"""What every client of the cluster shares: its address, how it starts and stops, and aiokafka's errors as ours."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer, TopicPartition, errors
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.record import _crecords  # noqa: F401 without its C extension aiokafka is 90 times slower, silently
from aiokafka.structs import ConsumerRecord

from shared.errors import Code, Permanent, Transient
from shared.kafka.records import Partition, Record

log = structlog.get_logger()

STOP_DEADLINE = 5.0


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach the cluster. `bootstrap_servers` is `host:port[,host:port…]`."""

    bootstrap_servers: str
    client_id: str = "cauce"


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """aiokafka's errors as ours. What a client can't cause by the content of a record is an outage."""
    try:
        yield
    except (errors.MessageSizeTooLargeError, errors.RecordTooLargeError, errors.RecordListTooLargeError) as error:
        raise Permanent(Code.TOO_LARGE, f"the record exceeds its topic's `max.message.bytes`: {error}") from error
    except (errors.KafkaError, OSError) as error:
        raise Transient(f"kafka: {str(error) or type(error).__name__}") from error


async def start_client(client: Any) -> None:
    """A client whose start failed still holds sockets and tasks: it is stopped before the error goes on."""
    try:
        with translated():
            await client.start()
    except BaseException:
        await stop_client(client)
        raise


async def stop_client(client: Any) -> None:
    """With the broker gone aiokafka's `stop` hangs, or ends with the cancellation of a task of its own, which must not
    look like ours; what it would still have sent is sent again after a start.
    """
    closing = asyncio.ensure_future(client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop())
    await asyncio.wait({closing}, timeout=STOP_DEADLINE)
    if closing.done() and not closing.cancelled() and not isinstance(closing.exception(), errors.KafkaError):
        closing.result()
        return
    log.warning("kafka client did not stop cleanly", error=_how_it_ended(closing))
    closing.cancel()
    await abandon(client)


async def abandon(client: Any) -> None:
    """What aiokafka leaves behind when its `stop` is given up: without this a producer's sender would go on sending
    behind the back of its successor, for ever, and connections would stay open.
    """
    if isinstance(client, AIOKafkaProducer):
        sender = client._sender  # noqa: SLF001 no public way
        client._message_accumulator.fail_all(errors.KafkaError("abandoned"))  # noqa: SLF001
        if task := sender.sender_task:
            task.remove_done_callback(sender._fail_all)  # noqa: SLF001 it would fail what has failed just now
            task.cancel()
    await close_connections(client.client if isinstance(client, AIOKafkaProducer) else client._client)  # noqa: SLF001


async def close_connections(client: AIOKafkaClient) -> None:
    """Returns within `STOP_DEADLINE`, whether or not a broker answers."""
    await asyncio.wait({asyncio.ensure_future(client.close())}, timeout=STOP_DEADLINE)


def _how_it_ended(closing: asyncio.Future[None]) -> str:
    if not closing.done():
        return f"no end within {STOP_DEADLINE:g} s"
    return "cancelled" if closing.cancelled() else repr(closing.exception())


def records_of(fetched: Mapping[TopicPartition, Sequence[ConsumerRecord[bytes, bytes]]]) -> list[Record]:
    records: list[Record] = []
    for place, batch in fetched.items():
        partition = Partition(place.topic, place.partition)
        records += [
            Record(partition, raw.offset, raw.timestamp, raw.key, raw.value, tuple(raw.headers)) for raw in batch
        ]
    return records

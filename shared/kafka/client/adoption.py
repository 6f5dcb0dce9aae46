"""`topics.control`: which log each topic is, as far as a person or `cauce topics apply` has put it in force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import structlog
from pydantic import ValidationError

from shared.contracts.topics import TopicAdopted
from shared.kafka.client.connection import Connection
from shared.kafka.client.identity import identities
from shared.kafka.client.producer import KafkaProducer
from shared.kafka.client.reading import offset_ranges, read_from
from shared.kafka.records import Emit, Record, encode
from shared.topics import TOPICS_CONTROL

log = structlog.get_logger()


async def adopted_topics(connection: Connection) -> dict[str, TopicAdopted]:
    """By topic; none where nothing was recorded yet, as before release 0.2. Raises Transient."""
    if not await identities(connection, [TOPICS_CONTROL.name]):
        return {}
    kept = await offset_ranges(connection, [TOPICS_CONTROL.name])
    starts = {partition: held.start for partition, held in kept.items()}
    found: dict[str, TopicAdopted] = {}
    async for batch in read_from(connection, starts, {partition: held.stop for partition, held in kept.items()}):
        found = fold_adopted(batch, found)
    return found


async def put_adopted(connection: Connection, records: Sequence[TopicAdopted], source: str) -> None:
    """Returns once all in-sync replicas know. Raises Transient."""
    producer = KafkaProducer(connection)
    try:
        await producer.publish(encode([Emit(TOPICS_CONTROL, record) for record in records], source))
    finally:
        await producer.stop()


def fold_adopted(
    records: Iterable[Record], before: Mapping[str, TopicAdopted] | None = None
) -> dict[str, TopicAdopted]:
    """The newest of each topic. An incarnation never goes back, though two commands at once may write in the wrong
    order. A record that can't be read was written by something else: it is passed over."""
    adopted = dict(before or {})
    for record in records:
        try:
            event = TopicAdopted.model_validate_json(record.value or b"")
        except ValidationError as error:
            log.warning("control record not readable", position=record.position, errors=error.error_count())
            continue
        known = adopted.get(event.topic)
        if known is None or event.incarnation >= known.incarnation:
            adopted[event.topic] = event
    return adopted

"""A broker in memory with dead letters, as the consume loop writes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from shared.dead_letters.acting import Operations
from shared.dead_letters.desk import Desk
from shared.dead_letters.letters import Identity
from shared.dead_letters.redrive import Operator
from shared.errors import Code
from shared.kafka.deadletters import Failure, dead_letter
from shared.kafka.memory import MemoryBroker, MemoryProducer
from shared.kafka.records import Outgoing, Record
from shared.streams.declaration import Stream
from shared.streams.topics import input_topic
from shared.topics import DLQ_ACTIONS, DOCUMENTS_RAW, UPLOADS_RECEIVED
from tests.memory_questions import MemoryQuestions

TOPICS = (UPLOADS_RECEIVED, DOCUMENTS_RAW)
WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def value(number: int) -> dict[str, Any]:
    return {"document_id": f"d{number}", "number": number}


class Office:
    """A desk at a broker, and a consumer group that fails on what it is told to."""

    def __init__(self, streams: Sequence[Stream] = ()) -> None:
        self._topics = (*TOPICS, *map(input_topic, streams))
        every = (*self._topics, *(topic.dlq for topic in self._topics), DLQ_ACTIONS)
        self.broker = MemoryBroker({topic.name: topic.partitions for topic in every})
        self.producer = MemoryProducer(self.broker)
        self.desk = self.new_desk()
        self.operations = Operations(self.desk, self.producer, streams)

    def new_desk(self) -> Desk:
        """Of another process."""
        return Desk(MemoryQuestions(self.broker), self._topics)

    def write(self, number: int, *, topic: str = DOCUMENTS_RAW.name, raw: bytes | None = None) -> Record:
        """A record as its producer wrote it."""
        content = json.dumps(value(number)).encode() if raw is None else raw
        outgoing = Outgoing(topic, f"d{number}".encode(), content, (("ce_id", b"1"),))
        done = self.broker.append(outgoing)
        return self.broker.logs[done.partition][done.offset]

    def fail(
        self, record: Record, code: Code = Code.BUG, group: str = "docproc", message: str = "it broke"
    ) -> Identity:
        """As the loop does where a handler gives a record up."""
        failure = Failure(code, message, 3, WHEN)
        topic = record.partition.topic
        self.broker.append(dead_letter(record, failure, group=group, service=group, dlq_topic=f"{topic}.dlq"))
        first = record.first
        return Identity(group, topic, first.partition.number, first.offset)

    def redriven(self, topic: str = DOCUMENTS_RAW.name) -> Sequence[Record]:
        return [record for record in self.broker.read(topic) if record.redrives]


def operator(run: str = "a run", why: str | None = None) -> Operator:
    return Operator("somebody", run, why)

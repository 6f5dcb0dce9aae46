"""Which log a topic is: the UUID that Kafka gave it when it was made, and the leader epoch of each partition.

aiokafka asks for metadata in version 5 at most, which has neither; the request here is version 12 in its own types
(https://kafka.apache.org/protocol#The_Messages_Metadata).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from uuid import UUID

from aiokafka import errors
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from shared.errors import Transient
from shared.kafka.client.connection import Connection, close_connections, translated

ANSWER_DEADLINE = 5.0
_NO_ID = UUID(int=0)
_VERSION = 12
_METADATA = 3


@dataclass(frozen=True, slots=True)
class TopicIdentity:
    """`epochs` has the leader epoch of each partition: it grows whenever a broker, which may have lost the end of the
    log, takes the partition over or comes back."""

    topic_id: str
    epochs: Mapping[int, int]


async def identities(connection: Connection, topics: Iterable[str]) -> dict[str, TopicIdentity]:
    """Of those topics that are there. Raises Transient."""
    client = AIOKafkaClient(bootstrap_servers=connection.bootstrap_servers, client_id=connection.client_id)
    with translated():
        try:
            await client.bootstrap()
            return await identities_by(client, topics)
        finally:
            await close_connections(client)


async def identities_by(client: AIOKafkaClient, topics: Iterable[str]) -> dict[str, TopicIdentity]:
    """As `identities`, over the connections of a client that has started. Raises Transient."""
    with translated():
        node = client.get_random_node()
        if node is None:
            raise Transient("kafka: no broker is known")
        answer: Any = await client.send(node, _Ask(topics))
    found: dict[str, TopicIdentity] = {}
    for error, name, topic_id, _, partitions, *_ in answer.topics:
        if error == errors.UnknownTopicOrPartitionError.errno:
            continue
        if error:
            raise Transient(f"kafka: `{name}` can't be described: {errors.for_code(error).__name__}")
        found[name] = TopicIdentity(str(topic_id), {number: epoch for _, number, _, epoch, *_ in partitions})
    return found


class Identities:
    """The same question again and again, over one client: one request each. Not safe for concurrent use."""

    def __init__(self, connection: Connection, topics: Collection[str]) -> None:
        self._connection = connection
        self._topics = topics
        self._client: AIOKafkaClient | None = None

    async def now(self) -> dict[str, TopicIdentity]:
        """Of those topics that are there. Raises Transient."""
        try:
            async with asyncio.timeout(ANSWER_DEADLINE):
                return await identities_by(await self._started(), self._topics)
        except TimeoutError:
            await self.stop()
            raise Transient(f"kafka: no answer within {ANSWER_DEADLINE:g} s about the topics") from None
        except Transient:
            await self.stop()
            raise

    async def _started(self) -> AIOKafkaClient:
        if self._client is None:
            servers, client_id = self._connection.bootstrap_servers, self._connection.client_id
            self._client = AIOKafkaClient(bootstrap_servers=servers, client_id=client_id)
            with translated():
                await self._client.bootstrap()
        return self._client

    async def stop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await close_connections(client)


class _Uuid(AbstractType[UUID]):
    @classmethod
    def encode(cls, value: UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> UUID:
        return UUID(bytes=data.read(16))


class _Answer(Response):
    API_KEY = _METADATA
    API_VERSION = _VERSION
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", CompactString("utf-8")),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _Question(RequestStruct):
    API_KEY = _METADATA
    API_VERSION = _VERSION
    RESPONSE_TYPE = _Answer
    FLEXIBLE_VERSION = True
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("name", CompactString("utf-8")), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _Ask(Request[_Question]):
    """For topics by name, in this one version: a broker that doesn't know it is older than Kafka 2.8."""

    API_KEY = _METADATA

    def __init__(self, topics: Iterable[str]) -> None:
        self._topics = list(topics)

    def build(self, request_struct_class: type[_Question]) -> _Question:
        return request_struct_class([(_NO_ID, name, {}) for name in self._topics], False, False, {})

    def prepare(self, versions: dict[int, tuple[int, int]]) -> _Question:
        least, most = versions[_METADATA]
        if not least <= _VERSION <= most:
            raise errors.IncompatibleBrokerVersion("topic ids need Kafka 2.8 or newer")
        return self.build(_Question)

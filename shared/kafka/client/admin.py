"""Topics as the cluster has them, and what its groups have committed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition, errors
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.structs import OffsetAndMetadata

from shared.errors import Transient
from shared.kafka.client.connection import Connection, start_client, stop_client, translated
from shared.kafka.continuity import Mark
from shared.kafka.records import Partition
from shared.topics import Topic


@dataclass(frozen=True, slots=True)
class TopicOnBroker:
    """A topic as the cluster has it."""

    name: str
    partitions: int
    replication_factor: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Replication:
    """How a topic is kept, by that of its partitions which is kept worst."""

    replicas: int
    in_sync_replicas: int
    """Now."""
    min_insync_replicas: int
    """So many must have a record before it is acknowledged."""
    flush_messages: int
    """After so many records a broker calls fsync; by Kafka's default it never does."""


class KafkaAdmin:
    """What the operator's commands ask of the cluster. An async context manager; every call raises Transient."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def __aenter__(self) -> Self:
        self._client: Any = AIOKafkaAdminClient(
            bootstrap_servers=self._connection.bootstrap_servers, client_id=self._connection.client_id
        )
        await start_client(self._client)
        return self

    async def __aexit__(self, *_: object) -> None:
        await stop_client(self._client)

    async def brokers(self) -> int:
        """How many brokers are in the cluster: the cheapest question that proves that it answers."""
        with translated():
            return len((await self._client.describe_cluster())["brokers"])

    async def topics(self) -> dict[str, TopicOnBroker]:
        with translated():
            names = [name for name in await self._client.list_topics() if not name.startswith("__")]
            if not names:
                return {}
            described = await self._client.describe_topics(names)
            configs = await self._configs(names)
        return {
            topic["topic"]: TopicOnBroker(
                name=topic["topic"],
                partitions=len(topic["partitions"]),
                replication_factor=len(topic["partitions"][0]["replicas"]),
                config=configs[topic["topic"]],
            )
            for topic in described
        }

    async def replication(self, names: Collection[str]) -> dict[str, Replication]:
        """Of these topics, as far as they are there."""
        with translated():
            there = sorted(set(names) & set(await self._client.list_topics()))
            if not there:
                return {}
            described = await self._client.describe_topics(there)
            configs = await self._configs(there)
        # One that was deleted just now has no partitions.
        return {each["topic"]: _replication(each, configs[each["topic"]]) for each in described if each["partitions"]}

    async def _configs(self, names: Sequence[str]) -> dict[str, dict[str, str]]:
        answers = await self._client.describe_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        )
        return {
            resource[3]: {entry[0]: entry[1] for entry in resource[4]}
            for answer in answers
            for resource in answer.resources
        }

    async def create(self, topic: Topic, replication_factor: int) -> None:
        """Raises Transient, also where the cluster has too few brokers for the replication factor."""
        new = NewTopic(topic.name, topic.partitions, replication_factor, topic_configs=topic.config(replication_factor))
        with translated():
            answer = await self._client.create_topics([new])
        for name, code, *message in answer.topic_errors:
            error = errors.for_code(code)
            if error not in (errors.NoError, errors.TopicAlreadyExistsError):
                raise Transient(
                    f"kafka: topic `{name}` was not created: {error.__name__} {message[0] if message else ''}"
                )

    async def configure(self, topic: Topic, replication_factor: int) -> None:
        """Sets every declared setting of a topic that is there."""
        resource = ConfigResource(ConfigResourceType.TOPIC, topic.name, configs=topic.config(replication_factor))
        with translated():
            answers: list[Any] = await self._client.alter_configs([resource])
        for answer in answers:
            for code, message, *_ in answer.resources:
                if code:
                    raise Transient(f"kafka: `{topic.name}` was not configured: {message}")

    async def committed(self, group: str) -> dict[Partition, int]:
        """The offsets that a consumer group has committed."""
        with translated():
            offsets = await self._client.list_consumer_group_offsets(group)
        return {Partition(place.topic, place.partition): mark.offset for place, mark in offsets.items()}

    async def marks(self, group: str) -> dict[Partition, Mark]:
        """As `committed`, with what the group has left beside the offsets."""
        with translated():
            offsets = await self._client.list_consumer_group_offsets(group)
        return {
            Partition(place.topic, place.partition): Mark.parse(found.offset, found.metadata)
            for place, found in offsets.items()
        }

    async def members(self, group: str) -> int:
        """How many members the group has now."""
        with translated():
            (answer,) = await self._client.describe_consumer_groups([group])
        ((error, _, _, _, _, members, *_),) = answer.groups
        if error:
            raise Transient(f"kafka: group `{group}` can't be described: {errors.for_code(error).__name__}")
        return len(members)

    async def set_offsets(self, group: str, marks: Mapping[Partition, Mark]) -> None:
        """Where a group without members goes on. Raises Transient also while it has some: its offsets are theirs."""
        client = AIOKafkaConsumer(
            bootstrap_servers=self._connection.bootstrap_servers,
            client_id=self._connection.client_id,
            group_id=group,
            enable_auto_commit=False,
        )
        await start_client(client)
        try:
            with translated():
                client.assign([TopicPartition(*partition) for partition in marks])
                await client.commit(
                    {TopicPartition(*p): OffsetAndMetadata(mark.offset, mark.metadata) for p, mark in marks.items()}
                )
        finally:
            await stop_client(client)


def _replication(topic: Mapping[str, Any], config: Mapping[str, str]) -> Replication:
    """Raises Transient where the broker doesn't tell the topic's settings: this client may lack the right to ask."""
    try:
        least, flush = int(config["min.insync.replicas"]), int(config["flush.messages"])
    except KeyError as missing:
        raise Transient(f"kafka: the broker doesn't tell {missing} of `{topic['topic']}`") from missing
    return Replication(
        replicas=min(len(partition["replicas"]) for partition in topic["partitions"]),
        in_sync_replicas=min(len(partition["isr"]) for partition in topic["partitions"]),
        min_insync_replicas=least,
        flush_messages=flush,
    )

"""`cauce topics`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import typer
from rich.table import Table

from cauce.cluster import cluster
from cauce.console import out, say
from compose.local.errors import LocalStackError
from shared.kafka.client import Connection, KafkaAdmin, TopicOnBroker
from shared.topics import Topic, all_topics

app = typer.Typer(help="Create Kafka's topics as they are declared, and look at them.", no_args_is_help=True)


@dataclass
class Changes:
    """What must happen so that the cluster has the declared topics; `refused` says what cannot be changed."""

    create: list[Topic] = field(default_factory=list)
    configure: list[Topic] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def compare(declared: Iterable[Topic], present: Mapping[str, TopicOnBroker], replication_factor: int) -> Changes:
    """Decide; changes nothing. Topics that nobody declared are left alone."""
    changes = Changes()
    for topic in declared:
        there = present.get(topic.name)
        if there is None:
            changes.create.append(topic)
        elif conflict := _conflict(topic, there, replication_factor):
            changes.refused.append(conflict)
        elif any(there.config.get(name) != value for name, value in topic.config(replication_factor).items()):
            changes.configure.append(topic)
    return changes


def _conflict(topic: Topic, there: TopicOnBroker, replication_factor: int) -> str | None:
    if there.partitions != topic.partitions:
        return f"`{topic.name}` is declared with {topic.partitions} partitions, the broker has {there.partitions}"
    if there.replication_factor != replication_factor:
        return (
            f"`{topic.name}` shall have replication factor {replication_factor} (CAUCE_REPLICATION_FACTOR), "
            f"the broker has {there.replication_factor}"
        )
    return None


@app.command()
def apply() -> None:
    """Create what is missing, update settings that may change, refuse what must not change. Safe to repeat.

    \b
    cauce topics apply
    KAFKA_BOOTSTRAP_SERVERS=broker:9092 CAUCE_REPLICATION_FACTOR=3 cauce topics apply
    """
    connection, replication_factor = cluster()
    changes = asyncio.run(_apply(connection, replication_factor))
    for topic in changes.create:
        say(f"created {topic.name}: {topic.partitions} partitions")
    for topic in changes.configure:
        say(f"updated {topic.name}")
    if not changes.create and not changes.configure and not changes.refused:
        say("every topic is as declared")
    if changes.refused:
        raise LocalStackError(
            "; ".join(changes.refused),
            advice="change the declaration back, or make the topic anew under a raised `version_base`",
        )


async def _apply(connection: Connection, replication_factor: int) -> Changes:
    async with KafkaAdmin(connection) as admin:
        changes = compare(all_topics(), await admin.topics(), replication_factor)
        for topic in changes.create:
            await admin.create(topic, replication_factor)
        for topic in changes.configure:
            await admin.configure(topic, replication_factor)
    return changes


@app.command(name="list")
def list_topics() -> None:
    """Show the declared topics beside what the cluster has."""
    connection, _ = cluster()
    present = asyncio.run(_present(connection))
    table = Table("topic", "key", "partitions", "kept", "on the broker", box=None, pad_edge=False)
    for topic in all_topics():
        there = present.get(topic.name)
        state = f"{there.partitions} partitions, {there.replication_factor} copies" if there else "missing"
        kept = f"{topic.retention.days} d{', compacted' if topic.compact else ''}"
        table.add_row(topic.name, topic.key, str(topic.partitions), kept, state)
    out.print(table)


async def _present(connection: Connection) -> dict[str, TopicOnBroker]:
    async with KafkaAdmin(connection) as admin:
        return await admin.topics()

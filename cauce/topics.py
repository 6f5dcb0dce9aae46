"""`cauce topics`."""

from __future__ import annotations

import asyncio

import typer
from rich.table import Table

from cauce.cluster import cluster
from cauce.console import out, say
from shared.kafka import declare
from shared.kafka.client import Connection, KafkaAdmin, TopicOnBroker
from shared.kafka.declare import Action, Step
from shared.topics import all_topics

app = typer.Typer(help="Create Kafka's topics as they are declared, and look at them.", no_args_is_help=True)


@app.command()
def apply() -> None:
    """Create what is missing, update settings that may change, refuse what must not change. Safe to repeat.

    \b
    cauce topics apply
    KAFKA_BOOTSTRAP_SERVERS=broker:9092 CAUCE_REPLICATION_FACTOR=3 cauce topics apply
    """
    connection, replication_factor = cluster()
    steps = asyncio.run(_apply(connection, replication_factor))
    for step in steps:
        if step.action is Action.CREATE:
            say(f"created {step.topic.name}: {step.topic.partitions} partitions")
        for name, (before, after) in step.differences.items():
            say(f"updated {step.topic.name}: {name} from {before} to {after}")
    if all(step.action is Action.KEEP for step in steps):
        say("every topic is as declared")


async def _apply(connection: Connection, replication_factor: int) -> list[Step]:
    async with KafkaAdmin(connection) as admin:
        return await declare.apply(admin, all_topics(), replication_factor)


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

"""`cauce topics`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from cauce.adopt import adopt
from cauce.cluster import cluster, declared_streams
from cauce.console import out, say
from shared.kafka import declare
from shared.kafka.client import Connection, KafkaAdmin, TopicOnBroker
from shared.kafka.declare import Action
from shared.kafka.probe import round_trips
from shared.streams import applying
from shared.streams.topics import all_topics
from shared.streams.units import format_duration
from shared.topics import PROBE, Topic

app = typer.Typer(help="Create Kafka's topics as they are declared, and look at them.", no_args_is_help=True)
app.command()(adopt)


def declared() -> tuple[Topic, ...]:
    """Those of the pipeline and of every declared stream. Raises BadDeclaration."""
    return all_topics(declared_streams())


@app.command()
def apply() -> None:
    """Make Kafka what is declared, and put the declared streams in force. Safe to repeat.

    Creates what is missing and updates what may change; what must not change is refused, with the way out, before
    anything is done.

    \b
    cauce topics apply
    KAFKA_BOOTSTRAP_SERVERS=broker:9092 CAUCE_REPLICATION_FACTOR=3 cauce topics apply
    """
    streams = declared_streams()
    connection, replication_factor = cluster()
    applied = asyncio.run(applying.apply(connection, streams, replication_factor))
    for step in applied.steps:
        if step.action is Action.CREATE:
            say(f"created {step.topic.name}: {step.topic.partitions} partitions")
        for name, (before, after) in step.differences.items():
            say(f"updated {step.topic.name}: {name} from {before} to {after}")
    for record in applied.records:
        say(f"in force: {record.stream}, epoch {record.epoch}")
    for name in applied.unadopted:
        say(f"{name} is another topic than the one in force: see what that means with `cauce topics adopt`")
    if not applied.records and not applied.unadopted and all(step.action is Action.KEEP for step in applied.steps):
        say("every topic and stream is as declared")


@app.command(name="list")
def list_topics() -> None:
    """Show the declared topics beside what the cluster has."""
    topics = declared()
    connection, _ = cluster()
    present = asyncio.run(_present(connection))
    table = Table("topic", "key", "partitions", "kept", "on the broker", box=None, pad_edge=False)
    for topic in topics:
        there = present.get(topic.name)
        state = f"{there.partitions} partitions, {there.replication_factor} copies" if there else "missing"
        kept = f"{format_duration(topic.retention)}{', compacted' if topic.compact else ''}"
        table.add_row(topic.name, topic.key, str(topic.partitions), kept, state)
    out.print(table)


async def _present(connection: Connection) -> dict[str, TopicOnBroker]:
    async with KafkaAdmin(connection) as admin:
        return await admin.topics()


@app.command()
def verify(
    probes: Annotated[int, typer.Option(min=1, help=f"How many records to send through `{PROBE.name}`.")] = 10,
) -> None:
    """Check every topic's settings against its declaration, and send records through the cluster and back.

    The records go to a topic of their own, so that nobody has to leave them out. Ends with 1 on any difference.

    \b
    cauce topics verify
    cauce topics verify --probes 100
    """
    topics = declared()
    connection, replication_factor = cluster()
    present = asyncio.run(_present(connection))
    differences = declare.differences(topics, present, replication_factor)
    for line in differences:
        say(line)
    say(f"{len(topics)} topics: {len(differences)} differences" if differences else f"{len(topics)} topics as declared")
    if PROBE.name in present:
        _show_probes(asyncio.run(round_trips(connection, probes)))
    if differences:
        say("make them as declared: cauce topics apply")
        raise typer.Exit(1)


def _show_probes(seconds: Sequence[float]) -> None:
    ordered = [f"{second * 1000:.1f}" for second in sorted(seconds)]
    middle = ordered[len(ordered) // 2]
    say(f"{len(seconds)} probes written and read again, in ms: {ordered[0]} least, {middle} median, {ordered[-1]} most")

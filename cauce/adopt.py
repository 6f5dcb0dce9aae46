"""`cauce topics adopt`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from cauce.adopting.act import Adoption
from cauce.adopting.facts import ask
from cauce.adopting.lost import Lost, lost_documents
from cauce.adopting.plan import Finding, findings, may_have_lost_documents, streams_to_reset
from cauce.cluster import cluster, declared_streams, objects, stores
from cauce.console import say
from compose.local.stored import Stores
from shared.streams import applying
from shared.streams.topics import all_topics

_SHOWN = 20


def adopt(
    names: Annotated[list[str] | None, typer.Argument(metavar="[TOPIC…]", help="All where none is named.")] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it you see what would be done.")] = False,
    why: Annotated[str | None, typer.Option(help="Kept beside what is put in force, for whoever asks later.")] = None,
) -> None:
    """Go on after Kafka lost records, or a topic was made anew: see what is lost, then put it in force.

    Services whose log isn't the one any more that they had read stand still, and the gateway accepts no upload, until a
    person has seen what is lost. This shows it: which topics, up to where they had been read, which documents were
    accepted and have not ended, and whether their bytes are still in the object store.

    With --yes the topics are adopted as they are now: versions go on above those of before, groups go on where the new
    records begin, streams whose events are gone begin a new epoch that leaves their old rows, and documents that were
    on their way are uploaded again from their objects. Repeating it does nothing more. MongoDB must answer.

    \b
    cauce topics adopt
    cauce topics adopt --yes --why "the broker's disk was lost"
    """
    connection, replication_factor = cluster()
    adoption = Adoption(connection, declared_streams(), why, say)
    asyncio.run(_adopt(adoption, stores(), names or (), replication_factor if yes else None))


async def _adopt(adoption: Adoption, where: Stores, names: Sequence[str], replication_factor: int | None) -> None:
    """`replication_factor` is None for a dry run."""
    connection, streams = adoption.connection, adoption.streams
    if replication_factor is not None:
        await applying.apply(connection, streams, replication_factor)
    facts = await ask(connection, where, streams)
    found = findings(facts, names)
    if missing := [topic.name for topic in all_topics(streams) if topic.name not in facts.look.identities]:
        say(f"not there, --yes makes them anew first: {', '.join(missing)}")
    lost = await lost_documents(connection, where, objects(), facts, whole=may_have_lost_documents(found))
    if not (found or lost.back or missing):
        say("every topic is the one that was read, and that the stores know: nothing is to be adopted")
        return
    show_findings(found)
    resets = streams_to_reset(found, streams)
    say(f"streams that begin a new epoch: {', '.join(stream.name for stream in resets) or 'none'}")
    show_lost(lost)
    if replication_factor is None:
        say("nothing was done: to go on with the topics as they are now, repeat it with --yes")
        return
    if found:
        await adoption.adopt(facts, found)
    say(f"{await adoption.put_back(lost)} uploads were put back; see them end: cauce status")


def show_findings(found: Sequence[Finding]) -> None:
    """Say what is wrong, topic by topic."""
    for finding in found:
        say(f"{finding.topic}:")
        for loss in finding.losses:
            say(f"  {loss}")


def show_lost(lost: Lost) -> None:
    """Name the documents, the oldest first; not all where they are many."""
    say(f"accepted and not ended, to be uploaded again from their objects: {len(lost.back)}")
    for one in lost.back[:_SHOWN]:
        say(f"  {one.event.operation.value} {one.known_as}")
    if lost.gone:
        say(f"accepted and not ended, and their bytes are gone: {len(lost.gone)}; only their senders can repeat them")
        for known_as in lost.gone[:_SHOWN]:
            say(f"  {known_as}")

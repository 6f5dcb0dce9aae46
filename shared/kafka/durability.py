"""How durable an acknowledged record is, as the cluster has it in force: what `GET /ready` of the gateway shows."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping, Sequence

from shared.errors import Transient
from shared.kafka.client import Connection, KafkaAdmin, Replication

EVERY_SECONDS = 60.0
SOONER_SECONDS = 5.0
"""While it isn't known."""
ANSWER_SECONDS = 8.0


class DurabilityWatch:
    """Asks the cluster now and then, so that whoever wants to know has an answer at once. `run` is a job."""

    def __init__(self, connection: Connection, topics: Sequence[str]) -> None:
        self._connection = connection
        self._topics = topics
        self._known: Mapping[str, Replication] = {}
        self._why_not = "the cluster wasn't asked yet"

    async def run(self) -> None:
        """Without end."""
        while True:
            await self.look()
            await asyncio.sleep(SOONER_SECONDS if self._why_not else EVERY_SECONDS)

    async def look(self) -> None:
        """What can't be learnt within seconds is unknown: what was known before may be another one now."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS), KafkaAdmin(self._connection) as admin:
                self._known = await admin.replication(self._topics)
            self._why_not = "" if self._known.keys() >= set(self._topics) else "the cluster has no such topic"
        except (Transient, TimeoutError) as error:
            self._known, self._why_not = {}, str(error) or f"kafka: no answer within {ANSWER_SECONDS:g} s"

    def fact(self) -> Mapping[str, object]:
        """By topic, in numbers and in a sentence; without numbers where it isn't known."""
        return {name: described(self._known.get(name), self._why_not) for name in self._topics}


def described(known: Replication | None, why_not: str) -> Mapping[str, object]:
    """`why_not` says why it isn't known."""
    if known is None:
        unknown = dict.fromkeys(field.name for field in dataclasses.fields(Replication))
        return {**unknown, "meaning": f"unknown: {why_not}"}
    return {**dataclasses.asdict(known), "meaning": meaning(known)}


def meaning(known: Replication) -> str:
    """What an acknowledgement is worth."""
    synced = "synced to its disk" if known.flush_messages == 1 else "in its memory"
    if known.in_sync_replicas < known.min_insync_replicas:
        return (
            f"no record is acknowledged: {known.in_sync_replicas} of {known.replicas} replicas are in sync, "
            f"min.insync.replicas is {known.min_insync_replicas}"
        )
    if known.replicas == 1:
        risk = "the loss of that disk takes it" if known.flush_messages == 1 else "a power failure may take it"
        return f"a record is acknowledged once one broker has it {synced}: {risk}, since there is one replica"
    if known.min_insync_replicas == 1:
        return (
            f"a record is acknowledged once all replicas in sync have it, which may be one of {known.replicas} "
            "(min.insync.replicas is 1): the loss of that broker then takes it"
        )
    return (
        f"a record is acknowledged once at least {known.min_insync_replicas} of {known.replicas} brokers have it "
        f"({known.in_sync_replicas} are in sync): the loss of {known.min_insync_replicas - 1} takes nothing"
    )

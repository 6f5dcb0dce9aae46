"""What is said of the durability in force."""

from __future__ import annotations

import socket
from datetime import timedelta
from uuid import uuid4

import pytest

from shared.kafka import durability
from shared.kafka.client import Connection, KafkaAdmin, Replication
from shared.kafka.durability import DurabilityWatch, meaning
from shared.topics import Topic

NEVER = 2**63 - 1
NUMBERS = ("replicas", "in_sync_replicas", "min_insync_replicas", "flush_messages")


@pytest.mark.parametrize(
    ("known", "says"),
    [
        (Replication(1, 1, 1, NEVER), "once one broker has it in its memory: a power failure may take it"),
        (Replication(1, 1, 1, 1), "once one broker has it synced to its disk: the loss of that disk takes it"),
        (Replication(3, 3, 1, NEVER), "which may be one of 3 (min.insync.replicas is 1): the loss of that broker"),
        (Replication(3, 3, 2, NEVER), "at least 2 of 3 brokers have it (3 are in sync): the loss of 1 takes nothing"),
        (Replication(3, 2, 2, NEVER), "at least 2 of 3 brokers have it (2 are in sync): the loss of 1 takes nothing"),
        (
            Replication(3, 1, 2, NEVER),
            "no record is acknowledged: 1 of 3 replicas are in sync, min.insync.replicas is 2",
        ),
        (
            Replication(1, 1, 2, NEVER),
            "no record is acknowledged: 1 of 1 replicas are in sync, min.insync.replicas is 2",
        ),
        (
            Replication(1, 0, 1, NEVER),
            "no record is acknowledged: 0 of 1 replicas are in sync, min.insync.replicas is 1",
        ),
    ],
)
def test_a_sentence_says_what_an_acknowledgement_is_worth(known: Replication, says: str) -> None:
    """It names what may be lost, and with what, for each way a topic can be kept."""
    assert says in meaning(known)


async def test_a_cluster_that_does_not_answer_is_unknown() -> None:
    """Before the first answer, and while the broker is away, the numbers are null and the sentence says why."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and never listens
        watch = DurabilityWatch(Connection(f"127.0.0.1:{taken.getsockname()[1]}"), ["uploads.received"])
        unknown = dict.fromkeys(NUMBERS)
        assert watch.fact() == {"uploads.received": {**unknown, "meaning": "unknown: the cluster wasn't asked yet"}}
        await watch.look()
    [fact] = watch.fact().values()
    assert isinstance(fact, dict)
    assert fact["meaning"].startswith("unknown: kafka: ")
    assert fact == {**unknown, "meaning": fact["meaning"]}


async def test_a_broker_that_is_silent_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look ends after its deadline, also where something takes the connection and never answers."""
    monkeypatch.setattr(durability, "ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        watch = DurabilityWatch(Connection(f"127.0.0.1:{silent.getsockname()[1]}"), ["uploads.received"])
        await watch.look()
    [fact] = watch.fact().values()
    assert isinstance(fact, dict)
    assert fact["meaning"] == "unknown: kafka: no answer within 0.2 s"


@pytest.fixture
async def topics(kafka: Connection) -> list[str]:
    """One as the broker's default is, one whose records it syncs one by one."""
    kept = Topic(f"test.{uuid4()}", "key", 2, timedelta(hours=1))
    synced = Topic(f"test.{uuid4()}", "key", 1, timedelta(hours=1), settings={"flush.messages": "1"})
    async with KafkaAdmin(kafka) as admin:
        await admin.create(kept, 1)
        await admin.create(synced, 1)
    return [kept.name, synced.name]


@pytest.mark.fleet
async def test_the_cluster_is_asked_for_what_is_in_force(kafka: Connection, topics: list[str]) -> None:
    """Numbers and sentences are those of the real broker's topics; one that isn't there is unknown."""
    kept, synced = topics
    watch = DurabilityWatch(kafka, [kept, synced, "test.nowhere"])
    await watch.look()
    one = {"replicas": 1, "in_sync_replicas": 1, "min_insync_replicas": 1}
    assert watch.fact() == {
        kept: {**one, "flush_messages": NEVER, "meaning": meaning(Replication(1, 1, 1, NEVER))},
        synced: {**one, "flush_messages": 1, "meaning": meaning(Replication(1, 1, 1, 1))},
        "test.nowhere": {**dict.fromkeys(NUMBERS), "meaning": "unknown: the cluster has no such topic"},
    }

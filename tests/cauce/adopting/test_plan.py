"""What is planned after a loss, from what Kafka and MongoDB say."""

from __future__ import annotations

from datetime import UTC, datetime

from cauce.adopting.facts import Facts
from cauce.adopting.plan import (
    Finding,
    adoption,
    findings,
    may_have_lost_documents,
    new_marks,
    streams_to_reset,
)
from shared.contracts.topics import StoredLog, TopicAdopted
from shared.kafka.client.identity import TopicIdentity
from shared.kafka.client.topic_watch import Look
from shared.kafka.continuity import Mark
from shared.kafka.records import Partition
from shared.streams.loading import load_streams
from shared.topics import CHUNKS_PROCESSED, PROCESSED_METRICS, UPLOADS_RECEIVED

NOW = datetime(2026, 1, 2, tzinfo=UTC)
OLD, NEW = "0b1f3c52-7a1d-4a57-9d4e-2f6c1f0a9b11", "11111111-7a1d-4a57-9d4e-2f6c1f0a9b11"
NAME = UPLOADS_RECEIVED.name
ZERO, ONE = Partition(NAME, 0), Partition(NAME, 1)
TIME = 1_767_312_000_000


def facts(
    *,
    topic_id: str = OLD,
    in_force: str = OLD,
    incarnation: int = 0,
    kept: dict[Partition, range] | None = None,
    marks: dict[Partition, Mark] | None = None,
    timestamps: dict[Partition, int] | None = None,
    stored: StoredLog | None = None,
) -> Facts:
    """Of `uploads.received`, two partitions of which `ingest` reads."""
    kept = kept or {ZERO: range(10), ONE: range(5)}
    adopted = TopicAdopted(topic=NAME, topic_id=in_force, incarnation=incarnation, adopted_at=NOW)
    look = Look(
        identities={NAME: TopicIdentity(topic_id, {0: 1, 1: 1})},
        adopted={NAME: adopted},
        ends={partition: held.stop for partition, held in kept.items()},
    )
    times = {("ingest", partition): time for partition, time in (timestamps or {}).items()}
    return Facts(look, kept, {"ingest": marks or {}}, times, {} if stored is None else {NAME: stored})


def test_nothing_is_found_where_nothing_is_lost() -> None:
    """A group within its log, of a topic that is in force and that the store knows."""
    known = StoredLog(topic=NAME, topic_id=OLD, ends={0: 10, 1: 5})
    marks = {ZERO: Mark(10, OLD, (9, TIME)), ONE: Mark(3, OLD)}
    assert findings(facts(marks=marks, timestamps={ZERO: TIME}, stored=known)) == []


def test_each_way_to_lose_a_log_is_found() -> None:
    """Another topic; one whose end is gone; one that has grown again; records removed unread; stores that know more."""
    ways = {
        "was made anew": facts(topic_id=NEW),
        "came from another": facts(topic_id=NEW, in_force=NEW, stored=StoredLog(topic=NAME, topic_id=OLD)),
        "ends at 10, but `ingest`": facts(marks={ZERO: Mark(12, OLD)}),
        "another record at 8": facts(marks={ZERO: Mark(9, OLD, (8, TIME))}, timestamps={ZERO: TIME + 1}),
        "removed unread": facts(kept={ZERO: range(4, 10), ONE: range(5)}, marks={ZERO: Mark(3, OLD)}),
        "the stores have seen it up to 11": facts(stored=StoredLog(topic=NAME, topic_id=OLD, ends={0: 11})),
    }
    for told, lost in ways.items():
        (finding,) = findings(lost)
        assert any(told in loss for loss in finding.losses), finding.losses


def test_the_loss_of_the_record_alone_is_left_to_db_writer() -> None:
    """Where `topics.control` was lost and the store knows the topic that is there, nothing has to be decided."""
    assert findings(facts(incarnation=0, stored=StoredLog(topic=NAME, topic_id=OLD, incarnation=3))) == []


def test_only_topics_that_were_named_are_looked_at() -> None:
    """Whoever names one adopts no other by the way."""
    assert findings(facts(topic_id=NEW), ["ratings"]) == []
    assert [finding.topic for finding in findings(facts(topic_id=NEW), [NAME])] == [NAME]


def test_a_group_goes_on_with_the_first_record_of_another_log() -> None:
    """And where it has read of the new one already, from there on."""
    lost = facts(topic_id=NEW, kept={ZERO: range(2, 10), ONE: range(5)}, marks={ZERO: Mark(9, OLD), ONE: Mark(4, NEW)})
    (finding,) = findings(lost)
    assert new_marks(finding, lost, {}) == {"ingest": {ZERO: Mark(2, NEW)}}


def test_a_group_goes_on_where_a_cut_log_may_have_grown_again() -> None:
    """With the first record that is as new as the last that it had read; where it left none, from the first kept."""
    lost = facts(marks={ZERO: Mark(12, OLD, (11, TIME))})
    (finding,) = findings(lost)
    assert finding.since == TIME
    assert new_marks(finding, lost, {ZERO: 7, ONE: 5}) == {"ingest": {ZERO: Mark(7, OLD)}}
    assert new_marks(finding, lost, {ZERO: 10}) == {"ingest": {ZERO: Mark(10, OLD)}}
    without = facts(marks={ZERO: Mark(12, OLD)})
    (finding,) = findings(without)
    assert finding.since is None
    assert new_marks(finding, without, {}) == {"ingest": {ZERO: Mark(0, OLD)}}


def test_an_adoption_is_above_all_that_is_known() -> None:
    """Above what is in force, and above what the store had of before."""
    lost = facts(topic_id=NEW, in_force=NEW, incarnation=1, stored=StoredLog(topic=NAME, topic_id=OLD, incarnation=4))
    (finding,) = findings(lost)
    adopted = adoption(finding, lost, NOW, "the disk")
    assert (adopted.topic_id, adopted.incarnation, adopted.stored, adopted.reason) == (NEW, 5, False, "the disk")


def test_streams_begin_anew_where_their_events_or_rows_are_gone() -> None:
    """A stream whose topic is lost; every one where the rows on their way are."""
    streams = load_streams()
    ratings = Finding("ratings", ["lost"])
    assert [stream.name for stream in streams_to_reset([ratings], streams)] == ["ratings"]
    assert streams_to_reset([Finding(PROCESSED_METRICS.name, ["lost"])], streams) == list(streams)
    assert streams_to_reset([Finding(NAME, ["lost"])], streams) == []


def test_documents_are_looked_for_where_they_pass() -> None:
    """A lost topic of events takes none with it."""
    assert may_have_lost_documents([Finding(CHUNKS_PROCESSED.name, ["lost"])])
    assert not may_have_lost_documents([Finding("ratings", ["lost"])])

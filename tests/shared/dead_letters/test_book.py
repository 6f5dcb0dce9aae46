from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.dead_letters.book import Book, Kind, State, Wanted
from shared.dead_letters.letters import Identity, NoIdentity, opened
from shared.errors import Code
from shared.kafka.deadletters import Failure, dead_letter
from shared.kafka.records import Outgoing, Partition
from shared.topics import DLQ_ACTIONS, DOCUMENTS_RAW, UPLOADS_RECEIVED
from tests.redriven import redriven
from tests.shared.dead_letters.samples import WHEN, Office, operator


@pytest.fixture
def office() -> Office:
    return Office()


def book_of(office: Office) -> Book:
    book = Book()
    for log in office.broker.logs.values():
        book.take(record for record in log if record.partition.topic.endswith((".dlq", DLQ_ACTIONS.name)))
    return book


def test_a_name_can_be_written_and_read() -> None:
    """What isn't one is refused with how one looks."""
    identity = Identity("db_writer.documents", "embeddings.ready", 3, 42)
    assert str(identity) == "db_writer.documents/embeddings.ready/3/42"
    assert Identity.parse(str(identity)) == identity
    for text in ("", "a/b/c/d", "a/b/1", "/b/1/2", "a/b/1/-2", "a/b/1/2/3"):
        with pytest.raises(NoIdentity, match="group/topic/partition/offset"):
            Identity.parse(text)


def test_one_written_twice_is_one(office: Office) -> None:
    """In lists and in counts."""
    record = office.write(1)
    assert office.fail(record) == office.fail(record)
    book = book_of(office)
    assert len(book.entries(Wanted())) == 1
    [(kind, tally)] = book.stats(Wanted()).items()
    assert kind == Kind(DOCUMENTS_RAW.name, "bug", "docproc")
    assert (tally.states, tally.oldest) == ({State.OPEN: 1}, WHEN)


def test_a_letter_says_who_failed_where_and_why(office: Office) -> None:
    """And, opened, what the record was."""
    record = office.write(1)
    office.fail(record, message="x" * 5000)
    [entry] = book_of(office).entries(Wanted())
    letter = entry.letter
    assert (letter.code, letter.service, letter.attempts, letter.key_text) == ("bug", "docproc", 3, "d1")
    assert (letter.first_failed_at, letter.recorded_at, letter.failures) == (WHEN, record.time, 1)
    content = opened(letter, office.broker.logs[letter.place[0]][letter.place[1]])
    assert (content.value, content.headers, content.message) == (record.value, record.headers, "x" * 5000)
    assert content.document_id == "d1"


def test_one_that_failed_again_is_the_newest_failure_of_the_first_time() -> None:
    """Its age is that of the first failure; the order in which the letters are read doesn't matter."""
    office = Office()
    record = office.write(1)
    office.fail(record, Code.CORRUPT)
    again = dead_letter(
        redriven(record),
        Failure(Code.BUG, "again", 1, WHEN + timedelta(hours=1)),
        group="docproc",
        service="docproc",
        dlq_topic=DOCUMENTS_RAW.dlq.name,
    )
    office.broker.append(again)
    letters = office.broker.read(DOCUMENTS_RAW.dlq.name)
    for order in (letters, letters[::-1]):
        book = Book()
        book.take(order)
        [entry] = book.entries(Wanted())
        assert (entry.letter.failures, entry.letter.code, entry.letter.first_failed_at) == (2, "bug", WHEN)


def test_those_of_two_groups_are_two(office: Office) -> None:
    """Each has failed on the record for itself."""
    record = office.write(1)
    assert office.fail(record, group="docproc") != office.fail(record, group="other")
    assert len(book_of(office).entries(Wanted())) == 2


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), 3),
        (Wanted(topic=UPLOADS_RECEIVED.name), 1),
        (Wanted(topic=UPLOADS_RECEIVED.dlq.name), 1),
        (Wanted(code="corrupt"), 1),
        (Wanted(service="docproc", code="bug"), 1),
        (Wanted(key="d3"), 1),
        (Wanted(since=datetime.now(UTC) - timedelta(hours=1)), 3),
        (Wanted(until=datetime.now(UTC) - timedelta(hours=1)), 0),
        (Wanted(states=frozenset({State.REDRIVEN})), 0),
        (Wanted(identities=frozenset()), 0),
    ],
)
def test_some_can_be_chosen(wanted: Wanted, found: int, office: Office) -> None:
    """By everything that the list shows."""
    office.fail(office.write(1))
    office.fail(office.write(2), Code.CORRUPT)
    office.fail(office.write(3, topic=UPLOADS_RECEIVED.name), group="ingest")
    assert len(book_of(office).entries(wanted)) == found


async def test_the_order_of_topics_does_not_matter(office: Office) -> None:
    """Letters and what was done about them are read from different topics."""
    identity = office.fail(office.write(1))
    office.fail(office.write(2))
    await office.operations.discard(
        await office.desk.choose(Wanted(identities=frozenset({identity}))), operator(why="no")
    )
    records = [*office.broker.read(DLQ_ACTIONS.name), *office.broker.read(DOCUMENTS_RAW.dlq.name)]
    one, other = Book(), Book()
    one.take(records)
    other.take(sorted(records, key=lambda record: record.partition.topic, reverse=True))
    assert one.entries(Wanted()) == other.entries(Wanted())
    assert one.entries(Wanted(states=frozenset({State.DISCARDED})))[0].identity == identity


def test_records_of_others_are_counted_and_nothing_more(office: Office) -> None:
    """Neither a `.dlq` nor `dlq.actions` is ours alone to write to."""
    dlq = DOCUMENTS_RAW.dlq.name
    office.broker.append(Outgoing(dlq, b"k", b"v"))
    office.broker.append(Outgoing(dlq, b"k", b"v", (("dlq_consumer_group", b"g"), ("dlq_source_topic", b"t"))))
    office.broker.append(Outgoing(DLQ_ACTIONS.name, b"k", b"{"))
    office.broker.append(Outgoing(DLQ_ACTIONS.name, b"k", None))
    book = book_of(office)
    assert (book.entries(Wanted()), book.unreadable) == ([], 2)


def test_what_retention_removed_is_forgotten(office: Office) -> None:
    """Nothing can be shown of it, or put back."""
    first, second = office.fail(office.write(1)), office.fail(office.write(2))
    book = book_of(office)
    book.forget({Partition(DOCUMENTS_RAW.dlq.name, 0): range(1, 2)})
    assert (book.get(first), book.get(second) is not None) == (None, True)

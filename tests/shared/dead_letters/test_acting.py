from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from shared.contracts.dead_letters import Action, DeadLetterAction
from shared.dead_letters.acting import Done
from shared.dead_letters.book import UNDONE, State, Wanted
from shared.dead_letters.letters import Identity
from shared.dead_letters.mending import patching, unchanged
from shared.dead_letters.redrive import Operator
from shared.errors import Code, Transient
from shared.kafka.deadletters import Failure, dead_letter, without_value
from shared.kafka.records import Emit, encode
from shared.topics import DLQ_ACTIONS, DOCUMENTS_RAW, UPLOADS_RECEIVED
from tests.shared.dead_letters.samples import WHEN, Office, operator, value

EVERYTHING = Wanted(states=UNDONE)


@pytest.fixture
def office() -> Office:
    return Office()


async def redrive(office: Office, wanted: Wanted = EVERYTHING, limit: int | None = None) -> Done:
    return await office.operations.redrive(await office.desk.choose(wanted, limit), unchanged, operator())


async def state(office: Office, identity: Identity) -> State:
    entry = (await office.new_desk().book()).get(identity)
    assert entry is not None
    return entry.state


async def test_a_redriven_record_is_the_original_for_the_group_that_failed(office: Office) -> None:
    """Key, bytes and headers are the same; what is added says where it first stood, for whom it is, and how often."""
    record = office.write(1)
    identity = office.fail(record)
    done = await redrive(office)
    [back] = office.redriven()
    assert done.redriven == {identity: back.position}
    assert (back.key, back.value, back.partition) == (record.key, record.value, record.partition)
    assert back.header("ce_id") == b"1"
    assert (back.target_group, back.redrives) == ("docproc", 1)
    assert (back.first.position, back.first.timestamp) == (record.position, record.timestamp)
    assert await state(office, identity) is State.REDRIVEN


async def test_applying_it_twice_changes_nothing(office: Office) -> None:
    """What is redriven already is not redriven again, and is told where it is asked for by name."""
    identity = office.fail(office.write(1))
    await redrive(office)
    written = len(office.broker.read(DLQ_ACTIONS.name))
    assert (await redrive(office)).redriven == {}
    again = await redrive(office, Wanted(identities=frozenset({identity})))
    assert again.left == {identity: "redriven already"}
    assert len(office.redriven()) == 1
    assert len(office.broker.read(DLQ_ACTIONS.name)) == written


async def test_one_that_fails_again_is_one_letter_with_two_failures(office: Office) -> None:
    """It is open once more under its first name, and may be redriven once more."""
    identity = office.fail(office.write(1))
    await redrive(office)
    [back] = office.redriven()
    assert office.fail(back) == identity
    [entry] = (await office.desk.book()).entries(Wanted())
    assert (entry.identity, entry.state, entry.letter.failures) == (identity, State.OPEN, 2)
    await redrive(office)
    assert [record.redrives for record in office.redriven()] == [1, 2]
    assert len({record.first.position for record in office.redriven()}) == 1


async def test_a_dry_run_writes_nothing(office: Office) -> None:
    """It tells what would go back, mended as it would be."""
    identity = office.fail(office.write(1))
    before = len(office.broker.read(DLQ_ACTIONS.name))
    done = await office.operations.plan(await office.desk.choose(EVERYTHING), patching({"number": 2}))
    [ready] = done.planned
    assert (ready.entry.identity, json.loads(ready.outgoing.value or b"")) == (identity, value(1) | {"number": 2})
    assert (office.redriven(), len(office.broker.read(DLQ_ACTIONS.name))) == ([], before)


async def test_what_can_not_be_mended_is_left_and_told(office: Office) -> None:
    """Its neighbours go back."""
    good, bad = office.fail(office.write(1)), office.fail(office.write(2, raw=b"\xff"))
    chosen = await office.desk.choose(EVERYTHING)
    done = await office.operations.redrive(chosen, patching({"number": None}), operator())
    assert done.redriven.keys() == {good}
    assert "can't be patched" in done.left[bad]
    assert await state(office, bad) is State.OPEN
    assert [json.loads(record.value or b"") for record in office.redriven()] == [{"document_id": "d1"}]


async def test_at_most_so_many_the_oldest_first(office: Office) -> None:
    """Those that are done already don't count."""
    names = [office.fail(office.write(number, topic=UPLOADS_RECEIVED.name), group="ingest") for number in range(5)]
    assert list((await redrive(office, limit=2)).redriven) == names[:2]
    assert list((await redrive(office, limit=2)).redriven) == names[2:4]


async def test_a_crash_before_the_end_repeats_nothing(office: Office) -> None:
    """A record that was sent without a word about it is found at its topic, and only the word is made up for."""
    identity = office.fail(office.write(1))
    await redrive(office)
    _crash(office, identity, minutes=2)
    assert await state(office, identity) is State.UNFINISHED
    done = await redrive(office)
    [back] = office.redriven()
    assert (done.found, done.redriven) == ({identity: back.position}, {})
    assert await state(office, identity) is State.REDRIVEN


async def test_a_crash_after_the_beginning_is_made_up_for(office: Office) -> None:
    """Where the record isn't at its topic, it is sent; but not within the minute in which another may send it."""
    identity = office.fail(office.write(1))
    _crash(office, identity, minutes=0)
    assert "somebody else began to redrive it" in (await redrive(office)).left[identity]
    _crash(office, identity, minutes=2)
    assert (await redrive(office)).redriven.keys() == {identity}
    assert len(office.redriven()) == 1


def _crash(office: Office, identity: Identity, minutes: int) -> None:
    """The newest word is that somebody begins: what a process leaves that is killed then."""
    at = datetime.now(UTC) - timedelta(minutes=minutes)
    said = DeadLetterAction(
        identity=str(identity), action=Action.REDRIVE, redrives=1, by="somebody else", at=at, run="killed"
    )
    [outgoing] = encode([Emit(DLQ_ACTIONS, said)], "test")
    office.broker.append(outgoing)


async def test_of_two_at_once_one_redrives(office: Office) -> None:
    """Who is first in `dlq.actions` goes on; the other leaves the record to it."""
    identity = office.fail(office.write(1))
    early = await office.new_desk().choose(EVERYTHING)
    await redrive(office)
    done = await office.operations.redrive(early, unchanged, Operator("other", "another run"))
    assert done.left == {identity: "somebody was first: redriven"}
    assert len(office.redriven()) == 1
    assert await state(office, identity) is State.REDRIVEN


async def test_a_discarded_letter_is_left_alone(office: Office) -> None:
    """The reason is kept; discarding it again, or redriving it, changes nothing."""
    identity = office.fail(office.write(1))
    chosen = await office.desk.choose(EVERYTHING)
    assert (await office.operations.discard(chosen, operator(why="rubbish"))).discarded == [identity]
    named = Wanted(identities=frozenset({identity}))
    again = await office.operations.discard(await office.desk.choose(named), operator(why="again"))
    assert (again.discarded, again.left) == ([], {identity: "discarded already"})
    assert (await redrive(office, named)).left == {identity: "discarded already"}
    entry = (await office.desk.book()).get(identity)
    assert entry is not None
    assert entry.action is not None
    assert (entry.action.why, entry.action.by) == ("rubbish", "somebody")


async def test_one_that_is_not_there_is_told(office: Office) -> None:
    """A name that nobody knows is no error of the others."""
    unknown, known = Identity("docproc", DOCUMENTS_RAW.name, 0, 99), office.fail(office.write(1))
    done = await redrive(office, Wanted(identities=frozenset({unknown, known})))
    assert done.left == {unknown: "there is no such dead letter"}
    assert done.redriven.keys() == {known}


async def test_a_value_that_was_left_out_comes_from_where_it_first_stood(office: Office) -> None:
    """Once it is gone there too, the letter is left."""
    record = office.write(1)
    failure = Failure(Code.TOO_LARGE, "too large", 1, WHEN)
    letter = dead_letter(record, failure, group="docproc", service="docproc", dlq_topic=DOCUMENTS_RAW.dlq.name)
    office.broker.append(without_value(letter))
    gone = office.write(2)
    lost = dead_letter(gone, failure, group="docproc", service="docproc", dlq_topic=DOCUMENTS_RAW.dlq.name)
    office.broker.append(without_value(lost))
    del office.broker.logs[gone.partition][gone.offset :]
    done = await redrive(office)
    assert [back.value for back in office.redriven()] == [record.value]
    assert [why for why in done.left.values() if "no longer where it first stood" in why]


async def test_a_record_too_large_for_its_topic_is_left(office: Office) -> None:
    """The broker would refuse the whole batch."""
    identity = office.fail(office.write(1, raw=b"x" * DOCUMENTS_RAW.max_message_bytes))
    assert "would exceed" in (await redrive(office)).left[identity]


async def test_a_rate_is_kept(office: Office) -> None:
    """Between two batches passes the time that they may take."""
    for number in range(3):
        office.fail(office.write(number))
    chosen = await office.desk.choose(EVERYTHING)
    before = datetime.now(UTC)
    await office.operations.redrive(chosen, unchanged, operator(), rate=20.0)
    assert len(office.redriven()) == 3
    await office.operations.redrive(await office.desk.choose(EVERYTHING), unchanged, operator(), rate=0.001)
    assert datetime.now(UTC) - before < timedelta(seconds=5)


async def test_a_broker_that_is_away_is_told(office: Office) -> None:
    """As Transient, for whoever asked to try again."""
    office.fail(office.write(1))
    office.broker.away = True
    with pytest.raises(Transient):
        await redrive(office)

"""Late events and those from the future, put back: what is left, what is waived, what is said."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from shared.contracts.dead_letters import DeadLetterAction
from shared.dead_letters.acting import Done
from shared.dead_letters.book import UNDONE, Wanted
from shared.dead_letters.letters import Identity
from shared.dead_letters.mending import Mend, patching, unchanged
from shared.dead_letters.waiver import behind_windows
from shared.errors import Code
from shared.kafka.records import Outgoing
from shared.streams.declaration import Stream
from shared.streams.loading import load_streams
from shared.streams.verdict import Accepted, Refused, judge_record
from shared.topics import DLQ_ACTIONS
from tests.shared.dead_letters.samples import Office, operator

RATINGS = next(stream for stream in load_streams() if stream.name == "ratings")
GROUP = "streaming.ratings"


@pytest.fixture
def office() -> Office:
    return Office([RATINGS])


def ago(span: timedelta) -> int:
    return int((time.time() - span.total_seconds()) * 1000)


def rating(at: int) -> bytes:
    return json.dumps({"userId": 1, "movieId": 2, "rating": 3.5, "timestamp": at}).encode()


def late(office: Office, age: timedelta = timedelta(minutes=5), code: Code = Code.LATE) -> Identity:
    """An event that Spark has refused."""
    return office.fail(office.write(1, topic="ratings", raw=rating(ago(age))), code, GROUP)


async def redrive(office: Office, mend: Mend = unchanged, *, accept_time: bool = False) -> Done:
    chosen = await office.desk.choose(Wanted(states=UNDONE))
    return await office.operations.redrive(chosen, mend, operator(why="why"), accept_time=accept_time)


def verdict(office: Office) -> Accepted | Refused:
    [back] = office.redriven("ratings")
    return judge_record(RATINGS, back)


def actions(office: Office) -> list[DeadLetterAction]:
    return [
        DeadLetterAction.model_validate_json(record.value or b"") for record in office.broker.read(DLQ_ACTIONS.name)
    ]


@pytest.mark.parametrize("code", [Code.LATE, Code.FUTURE])
async def test_what_would_be_refused_again_is_left(office: Office, code: Code) -> None:
    """Its first time is what it is judged by: nothing is sent, and the two ways out are named."""
    identity = late(office, code=code)
    done = await redrive(office)
    assert (done.redriven, office.redriven("ratings"), actions(office)) == ({}, [], [])
    assert f"it was `{code}` when it first came in" in done.left[identity]
    assert "--accept-time --why" in done.left[identity]
    assert "cauce streams reset ratings" in done.left[identity]


async def test_one_that_was_changed_is_judged_anew(office: Office) -> None:
    """By the time at which it first came in, without a waiver."""
    late(office)
    done = await redrive(office, patching({"timestamp": ago(timedelta(0))}))
    assert len(done.redriven) == 1
    assert isinstance(verdict(office), Accepted)
    assert {action.accept_time for action in actions(office)} == {False}


async def test_a_waiver_is_recorded_and_accepted(office: Office) -> None:
    """Before and after the record goes back, with who and why; the record carries it, and is accepted."""
    identity = late(office)
    done = await redrive(office, accept_time=True)
    assert (list(done.redriven), done.advice) == ([identity], [])
    assert isinstance(verdict(office), Accepted)
    assert [(action.action, action.accept_time, action.why) for action in actions(office)] == [
        ("redrive", True, "why"),
        ("redriven", True, "why"),
    ]


async def test_a_waiver_is_for_times_alone(office: Office) -> None:
    """A letter that failed for another reason is left."""
    identity = office.fail(office.write(1, topic="ratings", raw=b"{"), Code.INVALID_JSON, GROUP)
    done = await redrive(office, accept_time=True)
    assert "`late` or `future`" in done.left[identity]
    assert office.redriven("ratings") == []


async def test_a_waiver_does_not_outlive_its_redrive(office: Office) -> None:
    """Where the record fails once more, the next redrive needs a waiver of its own."""
    late(office)
    await redrive(office, accept_time=True)
    [back] = office.redriven("ratings")
    identity = office.fail(back, Code.LATE, GROUP)
    assert identity in (await redrive(office)).left
    assert len(office.redriven("ratings")) == 1


async def test_windows_that_may_be_gone_are_told(office: Office) -> None:
    """Of events that are older than Spark surely keeps windows for, also before anything is done."""
    late(office, timedelta(minutes=31))
    chosen = await office.desk.choose(Wanted(states=UNDONE))
    planned = await office.operations.plan(chosen, unchanged, accept_time=True)
    done = await redrive(office, accept_time=True)
    assert planned.advice == done.advice
    [sentence] = done.advice
    assert sentence.startswith("1 of `ratings` are of windows")
    assert sentence.endswith("`cauce streams reset ratings` counts them")


def test_streams_without_lateness_keep_their_windows() -> None:
    """Nothing is to be told of those, since Spark drops nothing of theirs."""
    time = RATINGS.event_time.model_copy(update={"lateness": None})
    forever: Stream = RATINGS.model_copy(update={"event_time": time})
    assert behind_windows([Outgoing("ratings", b"k", rating(1))], [forever], datetime.now(UTC)) == []
